"""Have the rows changed? A permutation test that no one can fool into more false alarms than it promises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]
Strata = NDArray[np.int64]

N_PILOT = 100
STOP_AFTER = 20
"""Random splits at least as extreme as the real one, after which a p-value is known well enough."""
_BATCH_CELLS = 4_000_000

GUARANTEE = "P(p <= a) <= a for any a and any n, if the rows of both sides are exchangeable"


@dataclass(frozen=True, slots=True)
class Statistic:
    """Distance of two groups of rows: of the difference of their means, the sum of squares, the largest entry or, with
    a direction, the sum.

    `columns` has shape (n + m, k) and must have been made without regard to which row belongs where.
    """

    columns: NDArray[np.floating]
    reduce: Literal["squares", "largest", "sum"] = "squares"

    def of(self, labels: Labels) -> Floats:
        """For each split, 0 or 1 a row, shape (b, n + m), the distance; shape (b,)."""
        # The columns have mean 0, so the sum over one side fixes the sum over the other.
        sums = labels.astype(self.columns.dtype) @ self.columns
        if self.reduce == "squares":
            return np.asarray(np.square(sums).sum(axis=1), dtype=np.float64)
        reduced = np.abs(sums).max(axis=1) if self.reduce == "largest" else sums.sum(axis=1)
        return np.asarray(reduced, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class DriftTest:
    """`p_value` is in (0, 1]: never 0, which would claim certainty."""

    statistic: float
    p_value: float


def permutation_test(
    statistics: Sequence[Statistic],
    n_reference: int,
    *,
    strata: Strata | None = None,
    max_permutations: int,
    rng: np.random.Generator,
) -> DriftTest:
    """Whether the first `n_reference` rows and the others come from one source, by all `statistics` together.

    Each statistic is standardised by its mean and spread over some random splits of the rows and the results are
    added: whichever of them sees the change carries the sum. The sum of the real split is then compared with that of
    other random splits, at most `max_permutations` of them, and of no more than it takes to see that the p-value is
    large (Besag and Clifford 1991, "Sequential Monte Carlo p-values"). Since everything but the labels is the same for
    all splits, P(p_value <= a) <= a exactly.

    Args:
        strata: rows change sides only with rows of the same stratum, shape (n + m,), found blind to the side; the
            columns of `statistics` must then have mean 0 in each.
    Raises:
        ValueError: if there are no statistics, or no columns in them.
    """
    statistics = [statistic for statistic in statistics if statistic.columns.shape[1]]
    if not statistics:
        raise ValueError("all rows are identical: there is nothing to compare")
    n_rows = len(statistics[0].columns)
    real = (np.arange(n_rows) >= n_reference).astype(np.uint8)
    draw = _splits(real, strata, rng)
    pilot = [statistic.of(draw(N_PILOT)) for statistic in statistics]
    # One that all splits agree on, up to rounding, says nothing: where no stratum has rows of both sides, none does.
    scales = [(mean, std if std > 1e-9 * abs(mean) else np.inf) for mean, std in ((v.mean(), v.std()) for v in pilot)]

    def total(labels: Labels) -> Floats:
        parts = [(s.of(labels) - mean) / spread for s, (mean, spread) in zip(statistics, scales, strict=True)]
        return np.asarray(sum(parts))

    observed = float(total(real[None, :])[0])
    # Splits that are equal on paper may differ in the last bits: they count as equal, on the side of caution.
    bound = observed - 1e-5 * max(1.0, abs(observed))
    n_drawn = n_extreme = 0
    while n_drawn < max_permutations:
        size = min(max(N_PILOT, n_drawn), max(1, _BATCH_CELLS // n_rows), max_permutations - n_drawn)
        extreme = np.flatnonzero(total(draw(size)) >= bound)
        if n_extreme + len(extreme) >= STOP_AFTER:
            n_drawn += int(extreme[STOP_AFTER - n_extreme - 1]) + 1
            return DriftTest(observed, STOP_AFTER / n_drawn)
        n_drawn, n_extreme = n_drawn + size, n_extreme + len(extreme)
    return DriftTest(observed, (1 + n_extreme) / (1 + n_drawn))


def _splits(real: Labels, strata: Strata | None, rng: np.random.Generator) -> Callable[[int], Labels]:
    parts = [np.arange(len(real))] if strata is None else [np.flatnonzero(strata == s) for s in np.unique(strata)]

    def draw(size: int) -> Labels:
        labels = np.empty((size, len(real)), dtype=np.uint8)
        for part in parts:
            labels[:, part] = rng.permuted(np.tile(real[part], (size, 1)), axis=1)
        return labels

    return draw
