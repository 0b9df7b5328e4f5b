"""All rows of a day file, and rows into it as they are: see `collector.store.moving`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from collector.otlp.hexids import trace_keys
from collector.store.duckdb.days import Days
from collector.store.duckdb.tables import CALLS, TABLES, TRACE_KEY, Table
from collector.store.duckdb.writing import first_of_each, insert, new_rows, split_by_day
from collector.store.moving import CHUNK_ROWS, SCHEMAS, Loaded

# Joining finds calls by their ids within one project; here rows of all projects meet.
_BY_NAME = {table.name: table for table in TABLES} | {
    CALLS.name: replace(CALLS, key=("project", "trace_id", "span_id"))
}

Numbers = Callable[[int], "np.ndarray[Any, np.dtype[np.int64]]"]


def dump(days: Days, kind: str, number: int) -> Iterator[pa.Table]:
    """See `Movable.dump`."""
    lanes = days.lanes(number)
    if not lanes:
        return
    columns = ", ".join(f'"{name}"' for name in SCHEMAS[kind].names)
    rows = " UNION ALL ".join(f"SELECT {columns} FROM {day.name}.{kind}" for day in lanes)
    with days.cursor(lanes) as cursor:
        found = cursor.sql(rows + (" ORDER BY seq" if kind == CALLS.name else ""))
        for batch in found.to_arrow_reader(CHUNK_ROWS):
            if batch.num_rows:
                yield pa.Table.from_batches([batch]).cast(SCHEMAS[kind])


def load(days: Days, kind: str, rows: pa.Table, *, numbers: Numbers, clock: Callable[[], float]) -> Loaded:
    """See `Movable.load`. For the holder of the writers' lock.

    Args:
        numbers: gives so many places in the order of arrival.
    """
    table = _BY_NAME[kind]
    done = Loaded()
    for number, in_day in split_by_day(rows, table.time):
        fresh = in_day
        for day in days.lanes(number):
            with days.cursor([day]) as cursor:
                fresh = new_rows(cursor, day, table, fresh)
        fresh = first_of_each(table, fresh)
        if fresh.num_rows:
            _insert(days, number, table, fresh, numbers, clock)
        done += Loaded(fresh.num_rows, in_day.num_rows - fresh.num_rows)
    return done


def _insert(
    days: Days, number: int, table: Table, rows: pa.Table, numbers: Numbers, clock: Callable[[], float]
) -> None:
    day = days.writable(number)
    with days.cursor([day]) as cursor:
        if TRACE_KEY in table.schema:
            rows = rows.append_column(TRACE_KEY, trace_keys(rows["trace_id"].cast(pa.string())))
        if table.name == CALLS.name:
            seqs = numbers(rows.num_rows)
            rows = rows.set_column(rows.schema.get_field_index("seq"), "seq", pa.array(seqs))
            # Before the commit: wider bounds than the rows have are harmless, narrower ones hide rows.
            day.min_seq = int(seqs[0]) if day.min_seq is None else day.min_seq
            day.max_seq = int(seqs[-1])
        cursor.execute("BEGIN")
        insert(cursor, day, table, rows)
        cursor.execute("COMMIT")
        day.written_s = clock()
