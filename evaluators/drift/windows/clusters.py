"""Topics of prompts: groups that are found blind to the side, and the words that are typical of them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_CLUSTERS = 20
ROWS_PER_CLUSTER = 25
_N_ROUNDS = 20
_MAX_FITTED = 4_000


def cluster(points: Floats, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """The group of each row, by k-means with k-means++ starts; one group per ROWS_PER_CLUSTER rows, at most
    MAX_CLUSTERS. Source: Arthur and Vassilvitskii (2007)."""
    k = min(MAX_CLUSTERS, len(points) // ROWS_PER_CLUSTER)
    if k < 2:
        return np.zeros(len(points), dtype=np.int64)
    fitted = points if len(points) <= _MAX_FITTED else points[rng.choice(len(points), _MAX_FITTED, replace=False)]
    centres = _starts(fitted, k, rng)
    for _ in range(_N_ROUNDS):
        nearest = _distances(fitted, centres).argmin(axis=1)
        moved = np.array([fitted[nearest == c].mean(axis=0) if (nearest == c).any() else centres[c] for c in range(k)])
        if np.allclose(moved, centres):
            break
        centres = moved
    return np.asarray(_distances(points, centres).argmin(axis=1))


def _starts(points: Floats, k: int, rng: np.random.Generator) -> Floats:
    centres = points[[int(rng.integers(len(points)))]]
    while len(centres) < k:
        away = _distances(points, centres).min(axis=1)
        chances = away / away.sum() if away.sum() > 0 else None
        centres = np.vstack((centres, points[int(rng.choice(len(points), p=chances))]))
    return centres


def _distances(points: Floats, centres: Floats) -> Floats:
    squares = np.square(points).sum(axis=1)[:, None] + np.square(centres).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squares - 2 * points @ centres.T, 0))


def typical(inside: Sequence[Sequence[str]], outside: Sequence[Sequence[str]], *, n_words: int = 4) -> list[str]:
    """The words by which texts of a group are known: in many of them and in few others.

    Args:
        inside, outside: the words of each text, `evaluators.topics.typical_words`.
    """
    n_in, n_out = max(len(inside), 1), max(len(outside), 1)
    here = Counter(word for words in inside for word in set(words) if not word.isdigit())
    there = Counter(word for words in outside for word in set(words))

    def weight(word: str) -> float:
        share = here[word] / n_in
        return share * float(np.log((here[word] + 0.5) / (n_in + 1) / ((there[word] + 0.5) / (n_out + 1))))

    ranked = sorted(here, key=lambda word: (-weight(word), word))
    return [word for word in ranked[:n_words] if weight(word) > 0]
