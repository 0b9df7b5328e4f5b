"""From calls that are stored to the rows that are compared: a few reads for all of them together."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.call import Call
from collector.store.base import TelemetryReader
from evaluators import embed, features, topics
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.unit import Unit
from evaluators.drift.windows.rows import Rows
from evaluators.vectors import OUTPUT_EMBEDDING, OUTPUT_FEATURES, PROMPT_FEATURES, PROMPT_TOPICS

Floats = NDArray[np.float64]
Vectors = Callable[[str, str], Mapping[str, Sequence[float]]]


def rows_of(store: TelemetryReader, units: Sequence[Unit], monitor: Monitor) -> tuple[list[Unit], Rows]:
    """The units whose answers are still there, and what is compared of them: one row each, in their order.

    What only some units have is NaN in the others; what none has, or the monitor does not look at, is None.
    """
    ids = [unit.call_id for unit in units]

    def vectors(kind: str, version: str) -> Mapping[str, Sequence[float]]:
        return store.vectors(ids, kind=kind, version=version)

    answers = vectors(OUTPUT_FEATURES, features.VERSION)
    present = [unit for unit in units if unit.call_id in answers]
    ids = [unit.call_id for unit in present]
    documents, retrieval = _retrieved(store, ids, monitor)
    return present, Rows(
        behaviours=_table(answers, ids, len(features.NAMES)),
        prompts=_some(vectors(PROMPT_FEATURES, features.VERSION), ids),
        topics=_some(vectors(PROMPT_TOPICS, topics.VERSION), ids),
        embeddings=_all(vectors(OUTPUT_EMBEDDING, embed.VERSION), ids),
        scores=_scores(store, ids, monitor),
        retrieval=retrieval,
        documents=documents,
    )


def _table(found: Mapping[str, Sequence[float]], ids: Sequence[str], width: int) -> Floats:
    return np.array([found[call_id] for call_id in ids], dtype=np.float64).reshape(len(ids), width)


def _some(found: Mapping[str, Sequence[float]], ids: Sequence[str]) -> Floats | None:
    """NaN where there is none."""
    if not found or not ids:
        return None
    nothing = [float("nan")] * len(next(iter(found.values())))
    return np.array([found.get(call_id, nothing) for call_id in ids], dtype=np.float64)


def _all(found: Mapping[str, Sequence[float]], ids: Sequence[str]) -> Floats | None:
    """Embeddings of a part of the calls, those that there was time for, would compare that part."""
    return _some(found, ids) if ids and found.keys() >= set(ids) else None


def _scores(store: TelemetryReader, ids: Sequence[str], monitor: Monitor) -> Floats | None:
    if not monitor.watches("quality"):
        return None
    found = store.score_values(ids, evaluator=monitor.score)
    return np.array([found.get(call_id, np.nan) for call_id in ids], dtype=np.float64) if found else None


def _retrieved(
    store: TelemetryReader, ids: Sequence[str], monitor: Monitor
) -> tuple[list[list[str]] | None, Floats | None]:
    """Ids of the documents of each call, best first, and what their ranks look like; None: nothing was retrieved."""
    if not monitor.watches("retrieval"):
        return None, None
    calls = store.calls_of(ids)
    found = [_documents(calls.get(call_id)) for call_id in ids]
    return (found, None) if any(found) else (None, None)


def _documents(call: Call | None) -> list[str]:
    contexts = () if call is None else call.contexts or ()
    return [str(context["id"]) for context in contexts if context.get("id") is not None]
