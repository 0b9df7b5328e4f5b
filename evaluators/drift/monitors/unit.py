"""One call that stands for its session."""

from collections.abc import Sequence
from typing import NamedTuple


class Unit(NamedTuple):
    """The lowest draw of a session's calls is a random one of them. `release` is the key of what it was made with,
    `part` names the part of the monitor's traffic that it belongs to: "service bank", "route refunds"; "": there is
    one only."""

    draw: float
    call_id: str
    seq: int
    start_ns: int
    release: str = ""
    part: str = ""
    retrieved: bool = False
    """Documents were retrieved for it."""


def span_of(units: Sequence[Unit]) -> tuple[int, int]:
    """The first and the last start, in ns."""
    return min(unit.start_ns for unit in units), max(unit.start_ns for unit in units)
