"""Rows into the day files: one transaction per day, each row once."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from collector.store.duckdb.days import NS_PER_DAY, Day, Days
from collector.store.duckdb.tables import Table


def split_by_day(table: pa.Table, time: str) -> Iterator[tuple[int, pa.Table]]:
    """(day number, its rows) for each UTC day in `table`, oldest first, rows in their order."""
    if table.num_rows == 0:
        return
    numbers = np.floor_divide(table[time].to_numpy(), NS_PER_DAY)
    found = np.unique(numbers)
    if len(found) == 1:
        yield int(found[0]), table
        return
    for number in found:
        yield int(number), table.filter(pa.array(numbers == number))


def new_rows(cursor: DuckDBPyConnection, day: Day, table: Table, incoming: pa.Table) -> pa.Table:
    """The rows of `incoming` whose key is not stored in `day` yet.

    What is sent again starts when it started the first time: only that range of the stored rows is searched.
    """
    if not incoming.num_rows:
        return incoming
    keys = incoming.select([*table.key, table.time]).append_column("place", pa.array(np.arange(incoming.num_rows)))
    bounds = pc.min_max(keys[table.time])
    cursor.register("incoming_keys", keys)
    stored = cursor.execute(
        f"SELECT place FROM incoming_keys SEMI JOIN"
        f" (SELECT {', '.join(table.key)} FROM {day.name}.{table.name} WHERE {table.time} BETWEEN ? AND ?)"
        f" USING ({', '.join(table.key)})",
        [bounds["min"].as_py(), bounds["max"].as_py()],
    ).fetchnumpy()["place"]
    cursor.unregister("incoming_keys")
    if not len(stored):
        return incoming
    fresh = np.ones(incoming.num_rows, dtype=bool)
    fresh[stored] = False
    return incoming.filter(pa.array(fresh))


def first_of_each(table: Table, rows: pa.Table) -> pa.Table:
    """The first row of every key."""
    if rows.num_rows < 2:
        return rows
    joined = pc.binary_join_element_wise(*(rows[name] for name in table.key), "/")
    codes = joined.combine_chunks().dictionary_encode()
    if len(codes.dictionary) == rows.num_rows:
        return rows
    first = np.zeros(rows.num_rows, dtype=bool)
    first[np.unique(codes.indices.to_numpy(), return_index=True)[1]] = True
    return rows.filter(pa.array(first))


def insert(cursor: DuckDBPyConnection, day: Day, table: Table, rows: pa.Table) -> None:
    if rows.num_rows:
        cursor.register("incoming", rows)
        cursor.execute(f"INSERT INTO {day.name}.{table.name} BY NAME FROM incoming")
        cursor.unregister("incoming")


def remove_same(cursor: DuckDBPyConnection, day: Day, table: Table, incoming: pa.Table) -> None:
    """Delete the stored rows that have the key and time of one of `incoming`."""
    bounds = pc.min_max(incoming[table.time])
    same = " AND ".join(f"old.{name} = incoming.{name}" for name in table.key)
    cursor.register("incoming", incoming.select([*table.key]))
    cursor.execute(
        f"DELETE FROM {day.name}.{table.name} AS old USING incoming WHERE old.{table.time} BETWEEN ? AND ? AND {same}",
        [bounds["min"].as_py(), bounds["max"].as_py()],
    )
    cursor.unregister("incoming")


def replace_rows(days: Days, table: Table, rows: list[dict[str, Any]], clock: Callable[[], float]) -> None:
    """Insert `rows`; a stored row of the same key and time is replaced, as is an earlier one of `rows`."""
    latest = {tuple(row[name] for name in table.key): row for row in rows}
    for number, incoming in split_by_day(pa.Table.from_pylist(list(latest.values()), schema=table.schema), table.time):
        writable = days.writable(number)
        for day in days.lanes(number):
            if day is not writable:
                with days.cursor([day]) as cursor:
                    # Mostly there is nothing to replace, and then the file may be folded meanwhile.
                    if new_rows(cursor, day, table, incoming).num_rows < incoming.num_rows:
                        remove_same(cursor, day, table, incoming)
                        day.written_s = clock()
        with days.cursor([writable]) as cursor:
            cursor.execute("BEGIN")
            remove_same(cursor, writable, table, incoming)
            insert(cursor, writable, table, incoming)
            cursor.execute("COMMIT")
            writable.written_s = clock()
