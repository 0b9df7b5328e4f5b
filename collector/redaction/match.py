"""One thing found in a text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """`text[start:end]` is of `kind`. `value` is its form without spelling (digits only, lower case): what is hashed."""

    start: int
    end: int
    kind: str
    value: str
