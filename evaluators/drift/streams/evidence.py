"""Evidence that something changed at some moment: sums over all moments at which it may have.

Source: Shin, Ramdas & Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection".
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.streams.packing import pack, unpack

Floats = NDArray[np.float64]

_MOST = 1e200
"""Evidence stops growing here: far beyond every threshold, and far from what a float cannot hold."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One Shiryaev-Roberts sum for each of several bets, shape (n_bets of any shape).

    `sums` is the sum, over every moment so far, of the product of what the bet multiplied its stake by since then.
    `paths` is the largest of these products and `starts_ns` the moment at which it begins: the likeliest onset.
    """

    sums: Floats
    paths: Floats
    starts_ns: NDArray[np.int64]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Self:
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64))

    def grow(self, factors: Floats, *, weight: float, at_ns: int) -> "Evidence":
        """After one more unit.

        As long as nothing changed, each factor is at most 1 on average given the past; then each sum is, on average,
        at most the sum of all weights so far.

        Args:
            factors: what each bet multiplies its stake by, not negative; the shape of `sums`.
            weight: of the possibility that the change came with this unit.
            at_ns: when the unit was.
        """
        is_start = self.paths <= 1
        return Evidence(
            np.minimum((self.sums + weight) * factors, _MOST),
            np.minimum(np.where(is_start, 1.0, self.paths) * factors, _MOST),
            np.where(is_start, np.int64(at_ns), self.starts_ns),
        )

    def onset_ns(self, row: int) -> int:
        """The start of the best path among the bets in `row`."""
        best = int(self.paths[row].argmax())
        return int(self.starts_ns[row][best])

    def to_json(self) -> dict[str, Any]:
        return pack(asdict(self))

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        return cls(**unpack(saved))
