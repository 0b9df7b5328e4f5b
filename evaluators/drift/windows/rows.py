"""One side of a comparison, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.features import NAMES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Exchangeable units, one row each: one call stands for its session. All that is not None has as many rows.

    What only some rows have is NaN in the others.
    """

    behaviours: Floats
    """Of the answers, shape (n, len(names))."""
    names: Sequence[str] = NAMES
    """Of the columns of `behaviours`."""
    prompts: Floats | None = None
    """What the prompts look like: the same behaviours, of the prompts."""
    questions: Sequence[str] | None = None
    """The prompts themselves: by them it is known which answers answer the same."""
    topics: Floats | None = None
    """What the prompts are about: `evaluators.topics`, or an embedding."""
    embeddings: Floats | None = None
    """Of the answers."""
    scores: Floats | None = None
    """Shape (n,): the higher the better."""
    retrieval: Floats | None = None
    """Rank features, shape (n, len(windows.retrieval.NAMES))."""
    segments: Sequence[str | None] | None = None
    """Which part of the traffic each row belongs to."""
    documents: Sequence[Sequence[str]] | None = None
    """Ids of what was retrieved for each row, best first."""

    def __len__(self) -> int:
        return len(self.behaviours)

    def take(self, positions: NDArray[np.int64]) -> "Rows":
        """These rows, in this order."""
        taken: dict[str, Any] = {}
        for part in fields(self):
            values = getattr(self, part.name)
            if isinstance(values, np.ndarray):
                taken[part.name] = values[positions]
            elif part.name != "names" and values is not None:
                taken[part.name] = [values[i] for i in positions.tolist()]
        return replace(self, **taken)
