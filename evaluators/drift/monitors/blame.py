"""Where a change comes from: which parts of the traffic, and which topics of the prompts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from collector.store.base import TelemetryReader
from collector.verdict import Cluster
from evaluators.drift.monitors.rows import Side
from evaluators.drift.windows.breakdown import breakdown

MAX_ROWS = 500
"""Of a side: the texts of so many prompts are read to name their topics."""
MAX_CLUSTERS = 10
_MAX_P = 0.05


def clusters_of(store: TelemetryReader, before: Side, after: Side, rng: np.random.Generator) -> tuple[Cluster, ...]:
    """The parts of the traffic, and the topics of its prompts, those first whose answers moved most surely."""
    before, after = _some(before, rng), _some(after, rng)
    found = list[Cluster]()
    parts = {*(before.rows.segments or ()), *(after.rows.segments or ())}
    if len(parts) > 1:
        found += breakdown(before.rows, after.rows, None, None, rng=rng)
    old, new = replace(before.rows, segments=None), replace(after.rows, segments=None)
    found += breakdown(old, new, _prompts(store, before), _prompts(store, after), rng=rng)
    found.sort(key=lambda part: 1.0 if part.p_value is None else part.p_value)
    return tuple(replace(part, words=tuple(part.words)) for part in found[:MAX_CLUSTERS])


def contributors_of(clusters: Sequence[Cluster]) -> tuple[str, ...]:
    """In words, those in which a change is found even by themselves, the most to blame first.

    The p-values are divided among all of them (Holm), so that one that had no part in it is seldom blamed.
    """
    tested = [cluster for cluster in clusters if cluster.p_value is not None]
    named = []
    for n_left, cluster in zip(range(len(tested), 0, -1), tested, strict=True):
        if cluster.p_value is None or cluster.p_value * n_left > _MAX_P:
            break
        is_part = len(cluster.words) == 1 and " " in cluster.words[0]
        named.append(cluster.words[0] if is_part else f"prompts on {', '.join(cluster.words)}")
    return tuple(named)


def _some(side: Side, rng: np.random.Generator) -> Side:
    if len(side.units) <= MAX_ROWS:
        return side
    return side.take(np.sort(rng.choice(len(side.units), MAX_ROWS, replace=False)))


def _prompts(store: TelemetryReader, side: Side) -> list[str]:
    calls = store.calls_of([unit.call_id for unit in side.units])
    return [calls[unit.call_id].prompt_text if unit.call_id in calls else "" for unit in side.units]
