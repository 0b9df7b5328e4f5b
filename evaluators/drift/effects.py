"""Which behaviours moved, and how far."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from collector.verdict import Effect
from evaluators.features import BY_NAME, NAMES

Floats = NDArray[np.float64]

MAX_D = 10.0
"""Two sides that do not overlap at all would be infinitely far apart; beyond this, further means nothing."""
SCORE = "score"
"""The name under which a move of the scores stands among the behaviours."""
_Z_95 = 1.959964


def effects(reference: Floats, current: Floats, *, names: Sequence[str] = NAMES) -> tuple[Effect, ...]:
    """Cohen's d of each behaviour that varies, with its 95 % interval, furthest first.

    d is the difference of means over the pooled standard deviation within the two sides; the interval is the normal
    approximation of Hedges and Olkin (1985). The means stand in the unit of the title: a typical length or count is
    the mean on the logarithmic scale, taken back. A name that is no behaviour stands for itself.

    Args:
        reference: feature rows of `names`, shape (n, len(names)), n >= 2.
        current: feature rows of `names`, shape (m, len(names)), m >= 2.
    Raises:
        ValueError: if a side has fewer than two rows.
    """
    n, m = len(reference), len(current)
    if min(n, m) < 2:
        raise ValueError(f"an effect needs two rows on each side, got {n} and {m}")
    before, after = reference.mean(axis=0), current.mean(axis=0)
    spread = np.sqrt(((n - 1) * reference.var(axis=0, ddof=1) + (m - 1) * current.var(axis=0, ddof=1)) / (n + m - 2))
    found = []
    for i, name in enumerate(names):
        difference = float(after[i] - before[i])
        if abs(difference) < 1e-12 and spread[i] < 1e-12:
            continue
        d = float(np.clip(difference / max(float(spread[i]), 1e-12), -MAX_D, MAX_D))
        half_width = _Z_95 * math.sqrt((n + m) / (n * m) + d * d / (2 * (n + m)))
        found.append(
            Effect(
                behaviour=name,
                title=BY_NAME[name].title if name in BY_NAME else name,
                d=d,
                low=d - half_width,
                high=d + half_width,
                reference_mean=_in_units(name, float(before[i])),
                current_mean=_in_units(name, float(after[i])),
            )
        )
    return tuple(sorted(found, key=lambda effect: -abs(effect.d)))


def score_effect(before: Floats | None, after: Floats | None) -> Effect | None:
    """How far the scores moved, of those that have one; None where too few do or none varies."""
    if before is None or after is None:
        return None
    sides = [scores[np.isfinite(scores), None] for scores in (before, after)]
    if min(map(len, sides)) < 2:
        return None
    found = effects(*sides, names=(SCORE,))
    return replace(found[0], title="Score") if found else None


def _in_units(name: str, mean: float) -> float:
    """Clipped where a mean with the prompts' part taken out leaves what the behaviour can be."""
    if name not in BY_NAME:
        return mean
    behaviour = BY_NAME[name]
    if behaviour.is_logarithmic:
        return math.expm1(max(mean, 0.0))
    return min(max(mean, 0.0), 1.0)
