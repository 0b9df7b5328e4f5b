"""Have the rows changed? A permutation test that no one can fool into more false alarms than it promises."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DriftTest:
    """`p_value` is in [1 / (1 + n_permutations), 1]: never 0, which would claim certainty."""

    statistic: float
    p_value: float


def drift_test(reference: Floats, current: Floats, *, n_permutations: int = 199, rng: np.random.Generator) -> DriftTest:
    """Whether two sets of rows come from one source: the sum of squared differences of standardised means.

    The columns are standardised on both sets together, without regard to which row belongs where, and compared with
    `n_permutations` random splits of the same rows. If reference and current rows are exchangeable, then
    P(p_value <= a) <= a exactly, for any a, any sizes and any distribution. Columns that never vary say nothing and
    are left out.

    Args:
        reference: shape (n, k), at least one row.
        current: shape (m, k), at least one row.
    Raises:
        ValueError: if a side is empty, the widths differ, a value is not finite or no column varies.
    Source: Phipson & Smyth (2010), "Permutation P-values should never be zero".
    """
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}")
    rows = _stack(reference, current)
    magnitude = np.abs(rows).max(axis=0)
    n, m = len(reference), len(current)
    rows -= rows.mean(axis=0)
    scale = np.sqrt(np.einsum("ij,ij->j", rows, rows) / (n + m))
    # A spread that rounding alone explains is no spread: such a column counts as constant.
    varies = scale > 1e-9 * magnitude
    if not varies.any():
        raise ValueError("all rows are identical: there is nothing to compare")
    is_current = np.zeros((1 + n_permutations, n + m))
    is_current[:, n:] = 1
    is_current[1:] = rng.permuted(is_current[1:], axis=1)
    # The columns have mean 0, so the sum over one side fixes the sum over the other and one product serves both.
    differences = (is_current @ rows)[:, varies] / scale[varies] * (1 / n + 1 / m)
    observed, *permuted = np.square(differences).sum(axis=1)
    # Splits that are equal on paper may differ in the last bits: they count as equal, on the side of caution.
    n_as_extreme = int((np.asarray(permuted) >= observed * (1 - 1e-9)).sum())
    return DriftTest(statistic=float(observed), p_value=(1 + n_as_extreme) / (1 + n_permutations))


def _stack(reference: Floats, current: Floats) -> Floats:
    for name, rows in (("reference", reference), ("current", current)):
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"{name} must hold rows in the shape (n, k), got {rows.shape}")
    if reference.shape[1] != current.shape[1]:
        raise ValueError(f"rows of {reference.shape[1]} and of {current.shape[1]} columns cannot be compared")
    stacked = np.concatenate((reference, current)).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise ValueError("rows must be finite; leave out those with NaN before the test")
    return stacked
