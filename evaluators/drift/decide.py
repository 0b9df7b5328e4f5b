"""From two sets of feature rows to a verdict."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from collector.verdict import Effect
from evaluators.drift import explain
from evaluators.drift.effects import effects
from evaluators.drift.permutation import drift_test

Floats = NDArray[np.float64]
Outcome = Literal["no_change", "model_changed", "not_enough_data"]

MIN_ROWS = 10
"""Fewer rows a side find next to nothing, and an interval from them says nothing."""
EFFECT_FLOOR = 0.1
"""Smallest |d| worth waking anyone for; with enough calls, everything is significant."""

MIN_ALPHA = 0.0001
"""The permutations for it take 0.2 GB with 250 rows; each finer digit takes ten times as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of a comparison. No data, no figures: `p_value` and `statistic` are None for not_enough_data."""

    verdict: Outcome
    p_value: float | None
    statistic: float | None
    n_reference: int
    n_current: int
    effects: Sequence[Effect]
    guarantee: str
    explanation: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def decide(
    reference: Floats, current: Floats, *, alpha: float, rng: np.random.Generator, subject: str = "the model"
) -> Comparison:
    """Whether the answers changed: significant at `alpha`, and by at least EFFECT_FLOOR in some behaviour.

    Args:
        reference: feature rows of exchangeable units, shape (n, len(NAMES)).
        current: the same for the window in question, shape (m, len(NAMES)).
        subject: whose answers these are, for the explanation.
    Raises:
        ValueError: if alpha is not in [MIN_ALPHA, 1) or a row is not finite.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, got {alpha}; 0.01 is usual for an alarm")
    if alpha < MIN_ALPHA:
        raise ValueError(f"alpha must be at least {MIN_ALPHA}, got {alpha}: a finer level takes too many permutations")
    n, m = len(reference), len(current)
    reason = _why_not(reference, current)
    if reason is not None:
        return Comparison(
            verdict="not_enough_data",
            p_value=None,
            statistic=None,
            n_reference=n,
            n_current=m,
            effects=(),
            guarantee=explain.guarantee(alpha),
            explanation=f"Not enough data on {subject}: {reason}.",
        )
    # A p-value is never below 1 / (1 + n_permutations): ten times finer than alpha leaves room to fall below it.
    n_permutations = max(199, math.ceil(10 / alpha) - 1)
    test = drift_test(reference, current, n_permutations=n_permutations, rng=rng)
    moved = effects(reference, current)
    outcome: Outcome = "no_change"
    if test.p_value > alpha:
        explanation = explain.explain_no_change(subject, p_value=test.p_value, n_reference=n, n_current=m)
    elif max(abs(effect.d) for effect in moved) < EFFECT_FLOOR:
        explanation = explain.explain_small_change(
            subject, EFFECT_FLOOR, p_value=test.p_value, n_reference=n, n_current=m
        )
    else:
        outcome = "model_changed"
        explanation = explain.explain_change(subject, moved, p_value=test.p_value, n_reference=n, n_current=m)
    return Comparison(
        verdict=outcome,
        p_value=test.p_value,
        statistic=test.statistic,
        n_reference=n,
        n_current=m,
        effects=moved,
        guarantee=explain.guarantee(alpha),
        explanation=explanation,
    )


def _why_not(reference: Floats, current: Floats) -> str | None:
    for side, rows in (("reference", reference), ("current window", current)):
        if len(rows) < MIN_ROWS:
            missing = MIN_ROWS - len(rows)
            return f"the {side} holds {len(rows)} answers of {MIN_ROWS} needed, {missing} more are missing"
    if (reference == reference[0]).all() and (current == reference[0]).all():
        return "all answers look the same, so nothing can differ"
    return None
