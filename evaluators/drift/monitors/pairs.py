"""Answers from before and after, side by side: what a verdict shows to people."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collector.call import Call
from collector.store.base import TelemetryReader
from collector.verdict import Pair
from evaluators import embed, features, topics
from evaluators.drift.monitors.unit import Unit
from evaluators.drift.pairs import nearest_pairs, square_distances, standardised
from evaluators.vectors import OUTPUT_FEATURES, PROMPT_EMBEDDING, PROMPT_FEATURES, PROMPT_TOPICS

N_PAIRS = 5
_MAX_CHARS = 4_000
_MAX_UNITS = 500
"""More of a side than this would make a table of distances that nobody needs for five pairs."""

Floats = NDArray[np.float64]


def pairs_of(store: TelemetryReader, before: Sequence[Unit], after: Sequence[Unit]) -> tuple[Pair, ...]:
    """Answers to the same or the nearest prompts, of those the most different ones."""
    before, after = before[-_MAX_UNITS:], after[-_MAX_UNITS:]
    before, old = _stored(store, before, kind=OUTPUT_FEATURES, version=features.VERSION)
    after, new = _stored(store, after, kind=OUTPUT_FEATURES, version=features.VERSION)
    if not before or not after:
        return ()
    prompts_before, prompts_after = _prompt_rows(store, before, after)
    distance = square_distances(*standardised(old, new))
    nearest = nearest_pairs(prompts_before, prompts_after, answer_distance=distance, n_pairs=N_PAIRS)
    calls = store.calls_of([unit.call_id for i, j in nearest for unit in (before[i], after[j])])
    found = [(calls.get(before[i].call_id), calls.get(after[j].call_id)) for i, j in nearest]
    return tuple(_pair(old_call, new_call) for old_call, new_call in found if old_call and new_call)


def _pair(old: Call, new: Call) -> Pair:
    return Pair(
        prompt_before=old.prompt_text[:_MAX_CHARS],
        before=old.output_text[:_MAX_CHARS],
        before_call_id=old.call_id,
        prompt_after=new.prompt_text[:_MAX_CHARS],
        after=new.output_text[:_MAX_CHARS],
        after_call_id=new.call_id,
    )


def _stored(store: TelemetryReader, units: Sequence[Unit], *, kind: str, version: str) -> tuple[Sequence[Unit], Floats]:
    """The units that have such a vector, and the vectors, one row each."""
    vectors = store.vectors([unit.call_id for unit in units], kind=kind, version=version)
    present = [unit for unit in units if unit.call_id in vectors]
    return present, np.array([vectors[unit.call_id] for unit in present], dtype=np.float64)


def _prompt_rows(store: TelemetryReader, before: Sequence[Unit], after: Sequence[Unit]) -> tuple[Floats, Floats]:
    """What the prompts are about, as far as all of them tell, else what they look like, else nothing."""
    units = [*before, *after]
    for kind, version in (
        (PROMPT_EMBEDDING, embed.VERSION), (PROMPT_TOPICS, topics.VERSION), (PROMPT_FEATURES, features.VERSION),
    ):  # fmt: skip
        present, rows = _stored(store, units, kind=kind, version=version)
        if len(present) == len(units):
            return standardised(rows[: len(before)], rows[len(before) :])
    return np.zeros((len(before), 1)), np.zeros((len(after), 1))
