"""Reading and understanding in this process."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from collector.batch import Batch
from collector.errors import BadRequest
from collector.intake.sent import Item, Outcome, Understood
from collector.prepared import prepared
from collector.retention import n_before
from collector.score import Score
from collector.understanding import Load, Understanding, understood

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """An Intake: pure but for what it logs. One item that cannot be read or understood spoils no other."""

    understanding: Understanding = understood

    def understand(self, items: Sequence[Item]) -> Understood:
        outcomes, loads = [], []
        for item in items:
            outcome, load = _read(item)
            outcomes.append(outcome)
            loads.append(load)
        counts: Counter[str] = Counter()
        understand = replace(self.understanding, count=counts.update)
        try:
            batches = understand([load for load in loads if load is not None])
        except Exception as error:
            if not isinstance(error, BadRequest):
                log.exception("%d requests cannot be understood together; each is by itself", len(items))
            counts.clear()
            batches = []
            for place, load in enumerate(loads):
                if load is not None:
                    own, outcomes[place] = _alone(understand, load, outcomes[place])
                    batches += own
        return Understood(outcomes=outcomes, batches=batches, counts=counts)

    def scores(self, scores: Sequence[Score]) -> tuple[list[Score], Counter[str]]:
        """What people said, as it may be stored, and how much was redacted, by kind."""
        counts: Counter[str] = Counter()
        return replace(self.understanding, count=counts.update).scores(scores), counts


def _read(item: Item) -> tuple[Outcome, Load | None]:
    if isinstance(item, Batch):
        return Outcome(n_kept=item.n_rows), item
    try:
        done = prepared(
            item.signal,
            item.body,
            is_json=item.is_json,
            limits=item.limits,
            access=item.access,
            now_ns=item.now_ns,
        )
        noted = dict(done.noted)
        if item.now_ns is not None and (n_late := n_before(item.retention, *done.places, now_ns=item.now_ns)):
            noted["before_retention"] = n_late
    except BadRequest as error:
        return Outcome(error=error), None
    except Exception as error:
        return Outcome(error=_unforeseen(item, error)), None
    return Outcome(n_kept=done.n_kept, rejected=done.rejected, noted=noted), done.load if done.n_kept else None


def _alone(
    understand: Callable[[Sequence[Load]], list[Batch]], load: Load, outcome: Outcome
) -> tuple[list[Batch], Outcome]:
    try:
        return understand([load]), outcome
    except BadRequest as error:
        return [], Outcome(error=error)
    except Exception as error:
        return [], Outcome(error=_unforeseen(load, error))


def _unforeseen(what: object, error: Exception) -> Exception:
    """One that can cross to another process, which the classes of other libraries cannot always."""
    log.error("%s could not be understood; its sender is told so", type(what).__name__, exc_info=error)
    return RuntimeError(f"{type(error).__name__}: {error}")
