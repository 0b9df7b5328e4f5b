"""Columns to look for a difference in, made of both sides together and blind to which row belongs where."""

from functools import lru_cache
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.windows.permutation import DriftTest, Statistic, Strata, permutation_test

Floats = NDArray[np.float64]
Rows = TypeVar("Rows", Floats, NDArray[np.float32])

RIDGE = 0.1
"""Added to the variance in each direction before it is divided by: directions that hardly vary are mostly noise."""
MANY_COLUMNS = 128
"""From so many columns on, rows are taken for points in space, such as embeddings, and not for a list of habits."""
_N_FREQUENCIES = 96
_BANDWIDTHS = (0.5, 1.0, 2.0)


def drift_test(
    reference: Floats, current: Floats, *, rng: np.random.Generator, max_permutations: int = 19_999
) -> DriftTest:
    """Whether two sets of rows come from one source.

    Args:
        reference: shape (n, k), at least one row.
        current: shape (m, k), at least one row.
    Raises:
        ValueError: if a side is empty, the widths differ, a value is not finite or no column varies.
    """
    statistics = of_rows(stacked(reference, current), rng)
    return permutation_test(statistics, len(reference), max_permutations=max_permutations, rng=rng)


def of_rows(rows: Floats, rng: np.random.Generator, strata: Strata | None = None) -> list[Statistic]:
    """For any rows, by how many columns they have."""
    return of_points(rows, rng, strata) if rows.shape[1] >= MANY_COLUMNS else of_habits(rows, strata)


def of_habits(rows: Floats, strata: Strata | None = None) -> list[Statistic]:
    """For columns with a meaning each: many small differences, correlated ones, outliers tamed by ranks, a large one.

    None of the four is best for all changes: a model that wraps its code in fences moves one column far, a new
    fine-tune moves thirty a little.

    Args:
        strata: of the permutation test that these are for.
    """
    columns = standardised(centred(rows, strata))
    ranks = standardised(centred(_normal_scores(columns), strata))
    return [
        Statistic(columns),
        Statistic(columns, "largest"),
        Statistic(_whitened(columns)),
        Statistic(_whitened(ranks)),
    ]


def of_points(rows: Floats, rng: np.random.Generator, strata: Strata | None = None) -> list[Statistic]:
    """For points in space: the mean, and the maximum mean discrepancy of Gaussian kernels of three widths.

    Source: Rahimi and Recht (2007), random features; Gretton et al. (2012).
    """
    points = centred(rows, strata).astype(np.float32)
    if not np.abs(points).max(initial=0.0) > 1e-6 * np.abs(rows).max(initial=0.0):
        return []
    return [Statistic(points), *(Statistic(centred(waves, strata)) for waves in _random_features(points, rng))]


def of_shares(labels: NDArray[np.int64]) -> list[Statistic]:
    """For one label a row, such as a cluster: the chi-square distance of their shares."""
    indicators = one_hot(labels)
    # Over the square root of its share each label's squared difference counts as in Pearson's chi-square.
    frequencies = indicators.mean(axis=0)
    varies = frequencies < 1
    return [Statistic(((indicators - frequencies) / np.sqrt(frequencies))[:, varies])] if varies.any() else []


def centred(rows: Rows, strata: Strata | None = None) -> Rows:
    """Mean 0 in each stratum."""
    if strata is None:
        return np.asarray(rows - rows.mean(axis=0))
    rows = rows.copy()
    for stratum in np.unique(strata):
        inside = strata == stratum
        rows[inside] -= rows[inside].mean(axis=0)
    return rows


def one_hot(labels: NDArray[np.int64]) -> Floats:
    """A column of 0 and 1 for each label that occurs."""
    return np.asarray(labels[:, None] == np.unique(labels)[None, :], dtype=np.float64)


def standardised(rows: Floats) -> Floats:
    """Mean 0 and spread 1 over both sides; columns that never vary say nothing and are left out."""
    magnitude = np.abs(rows).max(axis=0, initial=0.0)
    rows = rows - rows.mean(axis=0)
    spread = np.sqrt(np.einsum("ij,ij->j", rows, rows) / max(len(rows), 1))
    # A spread that rounding alone explains is no spread.
    varies = spread > 1e-9 * np.maximum(magnitude, 1e-300)
    return np.asarray(rows[:, varies] / spread[varies])


def stacked(reference: Floats, current: Floats) -> Floats:
    """Both sides, the reference first.

    Raises:
        ValueError: if a side is empty, the widths differ or a value is not finite.
    """
    for name, rows in (("reference", reference), ("current", current)):
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"{name} must hold rows in the shape (n, k), got {rows.shape}")
    if reference.shape[1] != current.shape[1]:
        raise ValueError(f"rows of {reference.shape[1]} and of {current.shape[1]} columns cannot be compared")
    rows = np.concatenate((reference, current), dtype=np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("rows must be finite; leave out those with NaN before the test")
    return rows


def _whitened(columns: Floats) -> Floats:
    """Columns whose sum of squares is Hotelling's statistic with a ridge."""
    if not columns.shape[1]:
        return columns
    variances, directions = np.linalg.eigh(columns.T @ columns / len(columns))
    return np.asarray(columns @ (directions / np.sqrt(np.maximum(variances, 0) + RIDGE)))


def _normal_scores(rows: Floats) -> Floats:
    """Each column by its ranks, as if it were normally distributed; equal values share their mean rank."""
    normal = _normal_quantiles(2 * len(rows))
    scores = np.empty_like(rows)
    for j in range(rows.shape[1]):
        _, which, counts = np.unique(rows[:, j], return_inverse=True, return_counts=True)
        scores[:, j] = normal[2 * np.cumsum(counts) - counts - 1][which]
    return scores


@lru_cache(maxsize=8)
def _normal_quantiles(n: int) -> Floats:
    """Of the levels 1/n to (n - 1)/n."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(i / n) for i in range(1, n)])


def _random_features(points: NDArray[np.float32], rng: np.random.Generator) -> list[NDArray[np.float32]]:
    n, k = points.shape
    first, second = rng.integers(0, n, (2, 500))
    distances = np.sqrt(np.square(points[first] - points[second]).sum(axis=1))
    width = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
    features = []
    for bandwidth in _BANDWIDTHS:
        frequencies = rng.standard_normal((k, _N_FREQUENCIES), dtype=np.float32) / np.float32(bandwidth * width)
        # A random phase instead of cosine and sine: half the columns for the same kernel.
        phases = rng.uniform(0, 2 * np.pi, _N_FREQUENCIES).astype(np.float32)
        features.append(np.cos(points @ frequencies + phases))
    return features
