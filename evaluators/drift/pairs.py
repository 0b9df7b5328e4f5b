"""Which answers from before and after to show side by side."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def nearest_pairs(before: Floats, after: Floats, *, answer_distance: Floats, n_pairs: int) -> list[tuple[int, int]]:
    """Up to `n_pairs` positions (before, after) with the nearest prompts, each position once.

    The same prompt comes first. Of equally near prompts those come first whose answers differ most: they show what
    the verdict speaks of.

    Args:
        before, after: one row per prompt, shapes (n, k) and (m, k), columns on comparable scales.
        answer_distance: how much the answers differ, shape (n, m).
    """
    # Rounded, since rounding errors must not order prompts that are equal.
    prompt_distance = np.round(square_distances(before, after), 6)
    order = np.lexsort((-answer_distance.ravel(), prompt_distance.ravel()))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for place in order.tolist():
        i, j = divmod(place, len(after))
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
        if len(pairs) == n_pairs:
            break
    return list(pairs.items())


def square_distances(before: Floats, after: Floats) -> Floats:
    """Squared Euclidean distances of the rows, shape (n, m)."""
    squares = np.square(before).sum(1)[:, None] + np.square(after).sum(1)[None, :] - 2 * before @ after.T
    return np.asarray(np.maximum(squares, 0.0))


def standardised(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Both sides with each column at mean 0 and spread 1 over both together; a constant column becomes 0."""
    rows = np.concatenate((before, after))
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return rows[: len(before)], rows[len(before) :]
