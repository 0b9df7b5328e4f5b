"""Parts of the week whose calls may differ from those of other parts without any change."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DAY_NS = 86_400 * 10**9
_PARTS = 4
N_SEASONS = 2 * _PARTS
_SATURDAY = 5
MIN_ROWS = 50
"""What a part of the week needs to be compared with itself alone."""


def seasons_of(starts_ns: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """The quarter of the day (UTC), and from 4 on the same of Saturday or Sunday, shape (n,), each below N_SEASONS."""
    times = np.asarray(starts_ns, dtype=np.int64)
    weekday = (times // DAY_NS + 3) % 7  # 1970 began on a Thursday
    part = times % DAY_NS * _PARTS // DAY_NS
    return np.asarray(part + _PARTS * (weekday >= _SATURDAY))


def joined(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each part of the week the part with whose rows its own are pooled, shape (N_SEASONS,).

    Parts with fewer than MIN_ROWS of `counts` are one; if that is still too few, they join the next larger one.
    """
    thin = counts < MIN_ROWS
    found = np.arange(N_SEASONS)
    if thin.any():
        is_enough = counts[thin].sum() >= MIN_ROWS or thin.all()
        found[thin] = thin.argmax() if is_enough else np.where(thin, counts.max() + 1, counts).argmin()
    return found
