"""What is normal for a stream of scores, and how much evidence against it an alarm needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.streams.packing import pack, unpack
from evaluators.drift.streams.seasons import N_SEASONS, seasons_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_SCORES = 50
"""With fewer, no drop short of a disaster would be outside the tolerance."""
TOLERANCE = 0.02
AIMS = np.array([0.04, 0.08, 0.16])
"""How far beyond the tolerance the mean may have moved; each has the bet that is about best for it."""
_BOLDEST = 0.9
_BLOCK = 50
_N_MONTHS = 400
_MAX_DRAWN = 3_000
_MIN_LEVEL = 0.05
_N_PERMUTATIONS = 199


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """`mean` and `spread` (standard deviation) of the `n_scores` of the reference.

    `low` and `high` are the least and the greatest mean that are still normal, in each part of the week, shape
    (N_SEASONS,). The parts have means of their own only if `has_seasons`: if they provably differ.
    """

    mean: float
    spread: float
    n_scores: int
    low: Floats
    high: Floats
    has_seasons: bool
    also_normal: float
    """How far the mean may be from the reference's with no more false alarms than promised; 0 by default."""
    scores_per_month: float
    alarms_per_month: float
    threshold: float

    @classmethod
    def measure(
        cls,
        scores: Sequence[float] | Floats,
        starts_ns: Sequence[int] | Ints,
        *,
        scores_per_month: float,
        alarms_per_month: float = 0.1,
        tolerance: float = TOLERANCE,
        rng: np.random.Generator,
    ) -> Self:
        """Args:
            scores: of the reference, in [0, 1], in the order in which they came; NaN are left out.
            starts_ns: when the calls were that they belong to.
            tolerance: a mean closer than this to the reference's counts as unchanged. It is at least two standard
                errors of the reference's mean and 3 / n, which is what n perfect scores leave open. Beyond TOLERANCE,
                it buys fewer alarms on small changes and not earlier ones on large changes.
        Raises:
            ValueError: if there are fewer than MIN_SCORES scores, one is out of range, or a rate is out of range.
        """
        values = np.asarray(scores, dtype=np.float64)
        check_scores(values)
        seasons, values = seasons_of(starts_ns)[~np.isnan(values)], values[~np.isnan(values)]
        if len(values) < MIN_SCORES:
            raise ValueError(f"a baseline needs {MIN_SCORES} scores, got {len(values)}; wait for more")
        if not 0 < alarms_per_month <= 0.5 or not scores_per_month > 0 or not 0 <= tolerance < 1:
            raise ValueError(
                "alarms_per_month must be in (0, 0.5], scores_per_month above 0 and tolerance in [0, 1), got "
                f"{alarms_per_month}, {scores_per_month} and {tolerance}; try 0.1, 3000 and {TOLERANCE}"
            )
        has_seasons = _is_rare(lambda order: _between_seasons(order, seasons), values, rng)
        means, counts = (_by_season if has_seasons else _all_alike)(values, seasons)
        spread = float(values.std())
        slack = np.maximum(tolerance, np.maximum(2 * spread / np.sqrt(counts), 3 / counts))
        baseline = cls(
            mean=float(values.mean()),
            spread=spread,
            n_scores=len(values),
            low=means - slack,
            high=means + slack,
            has_seasons=has_seasons,
            also_normal=max(0.0, tolerance - TOLERANCE),
            scores_per_month=scores_per_month,
            alarms_per_month=alarms_per_month,
            threshold=np.inf,
        )
        return replace(baseline, threshold=_threshold(baseline, values, seasons, rng))

    def factors(self, scores: Floats, seasons: Ints | int) -> Floats:
        """What the bets on dropped and on risen scores multiply their stakes by, shape (..., 2, len(AIMS)).

        With an expected score within [low, high], none is above 1 on average.
        """
        low, high = self.low[seasons], self.high[seasons]
        beyond = np.stack((low - scores, scores - high), axis=-1)[..., None]
        room = np.stack((1 - low, high), axis=-1)[..., None]
        return np.asarray(1 + beyond * np.minimum(AIMS / (self.spread**2 + AIMS**2), _BOLDEST / room))

    def to_json(self) -> dict[str, Any]:
        return pack(asdict(self))

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        return cls(**unpack(saved))


def check_scores(scores: Floats) -> None:
    """Raises:
    ValueError: if a score is neither NaN nor in [0, 1].
    """
    bad = np.flatnonzero((scores < 0) | (scores > 1))
    if len(bad):
        raise ValueError(
            f"score {bad[0]} is {scores[bad[0]]:g}, not in [0, 1]; scale scores to that range, 1 being the best"
        )


def _all_alike(values: Floats, _: Ints) -> tuple[Floats, Floats]:
    return np.full(N_SEASONS, values.mean()), np.full(N_SEASONS, float(len(values)))


def _by_season(values: Floats, seasons: Ints) -> tuple[Floats, Floats]:
    """Mean and number of the scores of each part of the week. A part without scores counts as one score: nothing that
    its scores could be is outside the tolerance."""
    counts = np.bincount(seasons, minlength=N_SEASONS).astype(np.float64)
    sums = np.bincount(seasons, weights=values, minlength=N_SEASONS)
    return np.where(counts > 0, sums / np.maximum(counts, 1), values.mean()), np.maximum(counts, 1)


def _is_rare(statistic: Callable[[Floats], float], values: Floats, rng: np.random.Generator) -> bool:
    """Whether the order of the values matters: a permutation test at 1 %."""
    observed = statistic(values) * (1 - 1e-9)
    n_as_extreme = sum(statistic(rng.permutation(values)) >= observed for _ in range(_N_PERMUTATIONS))
    return (1 + n_as_extreme) / (1 + _N_PERMUTATIONS) <= 0.01


def _between_seasons(values: Floats, seasons: Ints) -> float:
    means, counts = _by_season(values, seasons)
    return float((counts * (means - values.mean()) ** 2).sum())


def _between_blocks(values: Floats) -> float:
    n_blocks = len(values) // _BLOCK
    return float(values[: n_blocks * _BLOCK].reshape(n_blocks, _BLOCK).mean(axis=1).var()) if n_blocks else 0.0


def _threshold(baseline: Baseline, values: Floats, seasons: Ints, rng: np.random.Generator) -> float:
    """So much evidence that a month drawn from the reference itself has an alarm as rarely as promised.

    Of a long month only the first scores are drawn: the threshold then grows as the month does, which is at least as
    much as is needed, because the time to a false alarm grows at least as fast as the threshold.
    """
    side = baseline.also_normal
    baseline = replace(baseline, low=baseline.low + side, high=baseline.high - side)
    n_drawn = int(np.clip(baseline.scores_per_month, _BLOCK, _MAX_DRAWN))
    level = max(baseline.alarms_per_month, _MIN_LEVEL)
    # 400 draws leave a doubt about the quantile; it goes to the side of fewer alarms.
    n_above = int(_N_MONTHS * level - 1.645 * np.sqrt(_N_MONTHS * level * (1 - level)))
    longer = max(1.0, baseline.scores_per_month / n_drawn) * level / baseline.alarms_per_month
    # Blocks only where neighbours provably are alike: few blocks say little about the spread.
    blocks = (1, _BLOCK) if _is_rare(_between_blocks, values, rng) else (1,)
    drawn = (_most_evidence(baseline, values, seasons, n_drawn, block, rng) for block in blocks)
    return max(float(np.sort(most)[-1 - n_above]) * longer for most in drawn)


def _most_evidence(
    baseline: Baseline, values: Floats, seasons: Ints, n_drawn: int, block: int, rng: np.random.Generator
) -> Floats:
    """Of each month drawn, shape (_N_MONTHS,)."""
    means_of = _by_season if baseline.has_seasons else _all_alike
    means = means_of(values, seasons)[0]
    # The other half of the truth: the reference's mean is off, too, by as much as that of a reference drawn anew.
    again = _blocks(len(values), len(values), block, rng).T
    off = np.array([means_of(values[month], seasons[month])[0] - means for month in again])
    sums, most = np.zeros((_N_MONTHS, 2, len(AIMS))), np.zeros(_N_MONTHS)
    for row in _blocks(len(values), n_drawn, block, rng):
        shifted = values[row] + off[np.arange(_N_MONTHS), seasons[row]]
        sums = (sums + 1) * baseline.factors(shifted, seasons[row])
        most = np.maximum(most, sums.mean(axis=2).max(axis=1))
    return most


def _blocks(n: int, length: int, block: int, rng: np.random.Generator) -> Ints:
    """Positions of `length` scores in blocks of consecutive ones, for each month drawn, shape (length, _N_MONTHS)."""
    starts = rng.integers(0, n, size=(-(-length // block), 1, _N_MONTHS))
    return ((starts + np.arange(block)[:, None]) % n).reshape(-1, _N_MONTHS)[:length]
