"""From two sets of rows to a verdict."""

import math

import numpy as np

from collector.verdict import Effect
from evaluators.drift import explain
from evaluators.drift.claims import adjusted_p_values
from evaluators.drift.comparison import Comparison, Outcome
from evaluators.drift.effects import effects, score_effect
from evaluators.drift.windows.battery import MIN_ROWS, Tested, tested
from evaluators.drift.windows.rows import Rows

EFFECT_FLOOR = 0.1
"""Smallest |d| worth waking anyone for; with enough calls, everything is significant."""
MIN_AUC = 0.55
"""Prompts that can be told apart no better than this did not change by an amount that matters."""
MIN_ALPHA = 0.0005
"""The permutations for it take seconds; each finer digit takes ten times as long."""
_MIN_PERMUTATIONS = 1_999


def decide(
    reference: Rows, current: Rows, *, alpha: float, rng: np.random.Generator, subject: str = "the model"
) -> Comparison:
    """What changed, if anything did: significantly at `alpha`, and by as much as matters.

    Args:
        reference, current: exchangeable units with the same parts.
        subject: whose answers these are, for the explanation.
    Raises:
        ValueError: if alpha is not in [MIN_ALPHA, 1) or a behaviour is not finite.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, got {alpha}; 0.01 is usual for an alarm")
    if alpha < MIN_ALPHA:
        raise ValueError(f"alpha must be at least {MIN_ALPHA}, got {alpha}: a finer level takes too many permutations")
    n, m = len(reference), len(current)
    reason = _why_not(reference, current)
    if reason is not None:
        return _refused(reason, n, m, alpha=alpha, subject=subject)
    # A p-value is never below 1 / (1 + permutations): thirty times finer than alpha, it can fall well below its share.
    found = tested(reference, current, max_permutations=max(_MIN_PERMUTATIONS, math.ceil(30 / alpha)), rng=rng)
    if not found.tests:
        return _refused("all answers look the same, so nothing can differ", n, m, alpha=alpha, subject=subject)
    moved = effects(found.reference, found.current, names=reference.names)
    dropped = score_effect(reference.scores, current.scores) if "quality" in found.tests else None
    claims = adjusted_p_values({name: test.p_value for name, test in found.tests.items()})
    verdict, by = _verdict(found, claims, moved, dropped, alpha)
    return Comparison(
        verdict=verdict,
        p_value=min(claims.values()) if by is None else claims.get(by, found.tests[by].p_value),
        alpha=alpha,
        n_reference=n,
        n_current=m,
        tests=found.tests,
        effects={effect.behaviour: effect for effect in (*moved, *([dropped] if dropped else []))},
        explanation=explain.sentence(verdict, by, subject, found, moved, dropped, EFFECT_FLOOR),
        guarantee=explain.guarantee(alpha),
        notes=found.notes,
    )


def _verdict(
    found: Tested, claims: dict[str, float], moved: tuple[Effect, ...], dropped: Effect | None, alpha: float
) -> tuple[Outcome, str | None]:
    """The verdict, and the test that it stands on."""
    rejected = {name for name, p_value in claims.items() if p_value <= alpha}
    is_separable = found.overlap is None or found.overlap.is_enough
    model = "model" if "model" in found.tests else "output"
    matters = any(abs(effect.d) >= EFFECT_FLOOR for effect in moved)
    if not is_separable and matters and min(found.tests[name].p_value for name in (model, "output")) <= alpha:
        return "cannot_separate", "output"
    if is_separable and matters and model in rejected:
        return "model_changed", model
    if is_separable and "quality" in rejected and dropped is not None and dropped.d <= -EFFECT_FLOOR:
        return "quality_dropped", "quality"
    if "input" in rejected and found.overlap is not None and found.overlap.auc >= MIN_AUC:
        return "traffic_changed", "input"
    if "retrieval" in rejected:
        return "traffic_changed", "retrieval"
    return "no_change", None


def _why_not(reference: Rows, current: Rows) -> str | None:
    for side, rows in (("reference", reference), ("current window", current)):
        if len(rows) < MIN_ROWS:
            missing = MIN_ROWS - len(rows)
            return f"the {side} holds {len(rows)} answers of {MIN_ROWS} needed, {missing} more are missing"
    return None


def _refused(reason: str, n_reference: int, n_current: int, *, alpha: float, subject: str) -> Comparison:
    return Comparison(
        verdict="not_enough_data",
        p_value=None,
        alpha=alpha,
        n_reference=n_reference,
        n_current=n_current,
        tests={},
        effects={},
        explanation=f"Not enough data on {subject}: {reason}.",
        guarantee=explain.guarantee(alpha),
    )
