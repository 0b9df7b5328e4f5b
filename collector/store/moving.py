"""What a store owes who moves it: all its rows, day by day, and a way to put them into another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from collector.store.duckdb.tables import TABLES, TRACE_KEY


def _moved(schema: pa.Schema) -> pa.Schema:
    """Without what a store computes for itself, and every field may be empty, as Parquet reads it back."""
    return pa.schema([field.with_nullable(True) for field in schema if field.name != TRACE_KEY.name])


SCHEMAS: Mapping[str, pa.Schema] = {table.name: _moved(table.schema) for table in TABLES}
"""The rows of each kind. Spans come before calls and calls before what hangs on them."""

CHUNK_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows that were new, and rows whose key was there already, which stay as they were."""

    n_new: int = 0
    n_known: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(self.n_new + other.n_new, self.n_known + other.n_known)


class Movable(Protocol):
    """
    Raises:
        StoreUnavailable: not now; what was loaded stays, and loading it again changes nothing.
    """

    def days(self) -> list[int]:
        """The UTC days (since 1970-01-01) of which something is stored, oldest first."""

    def dump(self, kind: str, day: int) -> Iterator[pa.Table]:
        """All rows of one kind of `SCHEMAS` and day, as they are stored; calls in the order of arrival."""

    def load(self, kind: str, rows: pa.Table) -> Loaded:
        """Store `rows`, of any days, as they are: nothing is joined, priced or redacted. New calls get numbers as if
        they arrived now, in their order."""
