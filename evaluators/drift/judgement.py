"""From a full window to its verdict."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collector.store.base import TelemetryReader
from collector.verdict import Pair, Verdict
from evaluators import embed, features
from evaluators.drift.decide import EFFECT_FLOOR, decide
from evaluators.drift.pairs import nearest_pairs, square_distances, standardised
from evaluators.drift.record import Record, Unit
from evaluators.drift.windows.battery import MIN_ROWS
from evaluators.drift.windows.rows import Rows
from evaluators.vectors import OUTPUT_FEATURES, PROMPT_EMBEDDING, PROMPT_FEATURES

N_PAIRS = 5
_PAIR_MAX_CHARS = 4_000

Floats = NDArray[np.float64]


class UnitsGone(Exception):
    """The store no longer has what is to be compared."""


def judge_window(
    store: TelemetryReader, record: Record, window: Sequence[Unit], *, name: str, alpha: float, decided_ns: int
) -> Verdict:
    """Compare a window with the reference of its monitor.

    Args:
        name: of the window, for good: the same name gives the same verdict.
    Raises:
        UnitsGone: if too little of the reference is still stored.
        StoreUnavailable: if the store does not answer now.
    """
    before, reference = _stored(store, record.reference, kind=OUTPUT_FEATURES, version=features.VERSION)
    after, current = _stored(store, window, kind=OUTPUT_FEATURES, version=features.VERSION)
    if len(before) < max(MIN_ROWS, len(record.reference) / 2) or len(after) < MIN_ROWS:
        raise UnitsGone(f"only {len(before)} of {len(record.reference)} answers of the reference are still stored")
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    comparison = decide(
        Rows(behaviours=reference), Rows(behaviours=current), alpha=alpha, rng=rng, subject=record.segment.title
    )
    test = comparison.tests.get("output")
    is_change = comparison.verdict == "model_changed"
    return Verdict(
        verdict_id=digest.hex()[:32],
        monitor=record.segment.monitor_id,
        project=record.segment.project,
        service=record.segment.service,
        request_model=record.segment.request_model,
        # With enough rows nothing can be decided only where all are alike: every split is as extreme as the real one.
        outcome="model_changed" if is_change else "no_change",
        decided_ns=decided_ns,
        reference_start_ns=min(unit.start_ns for unit in before),
        reference_end_ns=max(unit.start_ns for unit in before),
        current_start_ns=min(unit.start_ns for unit in after),
        current_end_ns=max(unit.start_ns for unit in after),
        n_reference=len(before),
        n_current=len(after),
        statistic=0.0 if test is None else test.statistic,
        p_value=1.0 if comparison.p_value is None else comparison.p_value,
        alpha=alpha,
        guarantee=(
            f"{comparison.guarantee}; an alarm also needs a behaviour that moved by {EFFECT_FLOOR:g} standard "
            "deviations or more."
        ),
        explanation=comparison.explanation,
        effects=tuple(comparison.effects.values()),
        pairs=_pairs(store, before, after, square_distances(*standardised(reference, current))) if is_change else (),
    )


def _stored(store: TelemetryReader, units: Sequence[Unit], *, kind: str, version: str) -> tuple[list[Unit], Floats]:
    """The units that have such a vector, and the vectors, one row each."""
    vectors = store.vectors([unit.call_id for unit in units], kind=kind, version=version)
    present = [unit for unit in units if unit.call_id in vectors]
    return present, np.array([vectors[unit.call_id] for unit in present], dtype=np.float64)


def _pairs(store: TelemetryReader, before: Sequence[Unit], after: Sequence[Unit], moved: Floats) -> tuple[Pair, ...]:
    """Answers to the same or the nearest prompts; `moved` says how much they differ, shape (before, after)."""
    prompts_before, prompts_after = _prompt_rows(store, before, after)
    nearest = nearest_pairs(prompts_before, prompts_after, answer_distance=moved, n_pairs=N_PAIRS)
    pairs = []
    for i, j in nearest:
        old, new = store.call(before[i].call_id), store.call(after[j].call_id)
        if old is not None and new is not None:
            pairs.append(
                Pair(
                    prompt_before=old.prompt_text[:_PAIR_MAX_CHARS],
                    before=old.output_text[:_PAIR_MAX_CHARS],
                    before_call_id=old.call_id,
                    prompt_after=new.prompt_text[:_PAIR_MAX_CHARS],
                    after=new.output_text[:_PAIR_MAX_CHARS],
                    after_call_id=new.call_id,
                )
            )
    return tuple(pairs)


def _prompt_rows(store: TelemetryReader, before: Sequence[Unit], after: Sequence[Unit]) -> tuple[Floats, Floats]:
    """What the prompts are about where all of them are embedded, else what they look like, else nothing."""
    units = [*before, *after]
    for kind, version in ((PROMPT_EMBEDDING, embed.VERSION), (PROMPT_FEATURES, features.VERSION)):
        present, rows = _stored(store, units, kind=kind, version=version)
        if len(present) == len(units):
            return standardised(rows[: len(before)], rows[len(before) :])
    return np.zeros((len(before), 1)), np.zeros((len(after), 1))
