"""Reading and understanding in a process of their own.

They hold the interpreter's lock most of the time; beside them, in one process, nothing else would get on. And what an
odd request does to that process, by a fault of a native library or by never ending, it does to no other request.
"""

import sys
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from collector.errors import StoreUnavailable
from collector.intake.sent import Item, Outcome, Understood
from collector.intake.settings import IntakeSettings
from collector.score import Score
from collector.worker import Worker, WorkerUnavailable

UNIT_TIMEOUT_S = 60.0
# pyarrow imports pandas as soon as it makes an array, where there is one: a third of a second and 40 MB for nothing.
_PROGRAM = """
import sys

class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ImportError(name)

sys.meta_path.insert(0, NoPandas())
from collector.intake.child import main

main()
"""
CHILD = (sys.executable, "-P", "-c", _PROGRAM)


class ProcessIntake:
    """An intake whose work a child process does; what it gives is packed. For one thread."""

    def __init__(self, settings: IntakeSettings, *, unit_timeout_s: float = UNIT_TIMEOUT_S) -> None:
        self._worker = Worker(CHILD, name="intake", unit_timeout_s=unit_timeout_s, setup=settings)
        self._local = settings.intake()

    def start(self) -> None:
        """Start the child now rather than with the first request. Raises WorkerUnavailable."""
        self._worker.start()

    def begin(self) -> None:
        """Start it in a second that the caller has other uses for. Where it cannot be, the first request says so."""
        threading.Thread(target=self._begin, name="intake-start", daemon=True).start()

    def _begin(self) -> None:
        with suppress(WorkerUnavailable):
            self._worker.start()

    @property
    def pid(self) -> int | None:
        """Of the child; None before its start and after the end."""
        return self._worker.pid

    def understand(self, items: Sequence[Item]) -> Understood:
        """
        Raises:
            StoreUnavailable: there is no such process now; a retry may help.
        """
        try:
            [reply] = self._worker.run("understand", [items])
        except WorkerUnavailable as error:
            raise StoreUnavailable(f"nothing can be read now: {error}; send again in a moment") from error
        if reply.error is None:
            understood: Understood = reply.result
            return understood
        if len(items) == 1:
            return Understood(outcomes=[Outcome(error=RuntimeError(reply.error))], batches=[], counts={})
        return _merged([self.understand([item]) for item in items])

    def scores(self, scores: Sequence[Score]) -> tuple[list[Score], Counter[str]]:
        """Few and short: here."""
        return self._local.scores(scores)

    def close(self) -> None:
        self._worker.close()


def _merged(found: Sequence[Understood]) -> Understood:
    counts: Counter[str] = Counter()
    for understood in found:
        counts.update(understood.counts)
    return Understood(
        outcomes=list(chain.from_iterable(understood.outcomes for understood in found)),
        batches=list(chain.from_iterable(understood.batches for understood in found)),
        counts=counts,
    )
