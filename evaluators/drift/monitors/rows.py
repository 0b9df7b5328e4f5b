"""From calls that are stored to the rows that are compared: a few reads for all of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.store.base import TelemetryReader
from evaluators import features, topics
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.unit import Unit
from evaluators.drift.windows.retrieval import retrieved_parts
from evaluators.drift.windows.rows import Rows
from evaluators.vectors import OUTPUT_FEATURES, PROMPT_FEATURES, PROMPT_TOPICS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Units and their rows, in the order of arrival."""

    units: Sequence[Unit]
    rows: Rows

    def take(self, positions: NDArray[np.int64]) -> "Side":
        return Side(units=[self.units[i] for i in positions.tolist()], rows=self.rows.take(positions))

    def only(self, units: Sequence[Unit]) -> "Side":
        """Those of `units`."""
        if len(units) == len(self.units):
            return self
        chosen = {unit.call_id for unit in units}
        return self.take(np.array([i for i, unit in enumerate(self.units) if unit.call_id in chosen], dtype=np.int64))


def rows_of(store: TelemetryReader, units: Sequence[Unit], monitor: Monitor) -> Side:
    """The units whose answers are still there, and what is compared of them: one row each, in their order.

    What no unit has, or the monitor does not look at, is None. A prompt that is missing counts as an empty one, and a
    score as NaN. Embeddings are left out: they come later than the rest, and what is decided must not depend on when.
    """
    ids = [unit.call_id for unit in units]
    answers = store.vectors(ids, kind=OUTPUT_FEATURES, version=features.VERSION)
    present = [unit for unit in units if unit.call_id in answers]
    ids = [unit.call_id for unit in present]
    prompts = store.vectors(ids, kind=PROMPT_FEATURES, version=features.VERSION)
    about = store.vectors(ids, kind=PROMPT_TOPICS, version=topics.VERSION)
    topic_rows = _table(about, ids, [0.0] * topics.DIMENSIONS)
    documents, retrieval = _retrieved(store, present, monitor, topic_rows)
    rows = Rows(
        behaviours=np.array([answers[call_id] for call_id in ids]).reshape(len(ids), len(features.NAMES)),
        prompts=_table(prompts, ids, features.features("")),
        topics=topic_rows,
        scores=_scores(store, ids, monitor),
        segments=[unit.part for unit in present],
        retrieval=retrieval,
        documents=documents,
    )
    return Side(units=present, rows=rows)


def _table(found: Mapping[str, Sequence[float]], ids: Sequence[str], missing: Sequence[float]) -> Floats | None:
    """None where there is none at all."""
    return np.array([found.get(call_id, missing) for call_id in ids], dtype=np.float64) if found else None


def _scores(store: TelemetryReader, ids: Sequence[str], monitor: Monitor) -> Floats | None:
    if not monitor.watches("quality"):
        return None
    found = store.score_values(ids, evaluator=monitor.score)
    return np.array([found.get(call_id, np.nan) for call_id in ids], dtype=np.float64) if found else None


def _retrieved(
    store: TelemetryReader, units: Sequence[Unit], monitor: Monitor, about: Floats | None
) -> tuple[list[list[str]] | None, Floats | None]:
    """Ids of the documents of each call, best first, and what their ranks look like; None: nothing was retrieved."""
    ids = [unit.call_id for unit in units if unit.retrieved]
    if not ids or not monitor.watches("retrieval"):
        return None, None
    calls = store.calls_of(ids)
    contexts = [calls[unit.call_id].contexts if unit.call_id in calls else None for unit in units]
    ranks, documents = retrieved_parts(contexts, about)
    return documents, ranks
