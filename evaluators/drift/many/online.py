"""One question after another, without end: which answers may be shown, as they come.

Source: Xu & Ramdas (2024), "Online multiple testing with e-values" (e-LOND).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineFdr:
    """Of all discoveries up to any moment, on average at most the share `fdr` is false, however the e-values depend on
    one another, as long as each is at most 1 on average where nothing changed, given what was asked before.

    The t-th question gets the share 1 / (t (t + 1)) of `fdr`, times the discoveries so far and the one it would be:
    a discovery pays for later ones. The shares add up to 1, so a question that comes late needs much evidence: streams
    have it, p-values of a few hundred permutations do not.
    """

    fdr: float
    n_asked: int = 0
    n_found: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fdr < 1:
            raise ValueError(f"fdr must be between 0 and 1, got {self.fdr}; 0.05 is usual")

    @property
    def needed(self) -> float:
        """The least e-value with which the next question is answered with yes."""
        t = self.n_asked + 1
        return t * (t + 1) / (self.fdr * (self.n_found + 1))

    def ask(self, e_value: float) -> "tuple[bool, OnlineFdr]":
        """Whether it is a discovery, and what to ask the next question with."""
        is_found = e_value >= self.needed
        return is_found, replace(self, n_asked=self.n_asked + 1, n_found=self.n_found + is_found)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        return cls(**saved)
