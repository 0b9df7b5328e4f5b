"""What a safety check found in one text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`value` is in [0, 1], 1 where the check is sure that what it looks for is there; it is no probability.

    `marks` are characters of the answer: {"start", "end", "kind"}, in code points, end exclusive.
    """

    value: float
    label: str
    explanation: str
    marks: Sequence[Mapping[str, Any]] = ()
