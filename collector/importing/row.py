"""What a file is made of: rows, and rows that cannot be read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collector.errors import WatchkeeperError

MAX_ROW_BYTES = 64 * 2**20
"""A longer row is rejected: memory must not grow with what one line holds."""


class FileBroken(WatchkeeperError):
    """The rest of the file cannot be read; the rows before were yielded."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object of the file. `number` counts lines, or rows where a file has no lines; it begins with 1."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """What stands at `number` and why it is no call. `row` is its values, or its text where it could not be read."""

    number: int
    reason: str
    row: Any


Rows = Iterator[Row | BadRow]
