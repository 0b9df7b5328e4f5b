"""One thing found in a text."""

from typing import NamedTuple


class Match(NamedTuple):
    """`text[start:end]` is of `kind`. `value` is what is hashed: the same however it is spelled."""

    start: int
    end: int
    kind: str
    value: str
