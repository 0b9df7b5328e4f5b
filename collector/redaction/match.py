"""One thing found in a text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """`text[start:end]` is of `kind`. `value` is what is hashed: the same however it is spelled."""

    start: int
    end: int
    kind: str
    value: str
