"""One call that stands for its session."""

from collections.abc import Sequence
from typing import NamedTuple


class Unit(NamedTuple):
    """The lowest draw of a session's calls is a random one of them. `release` is the key of what it was made with."""

    draw: float
    call_id: str
    seq: int
    start_ns: int
    release: str = ""


def span_of(units: Sequence[Unit]) -> tuple[int, int]:
    """The first and the last start, in ns."""
    return min(unit.start_ns for unit in units), max(unit.start_ns for unit in units)
