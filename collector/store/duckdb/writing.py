"""Rows into the day files: one transaction per day, each row once."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from collector.store.duckdb.days import NS_PER_DAY, Day, Days
from collector.store.duckdb.tables import Table

Bools = npt.NDArray[np.bool_]


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
    """The rows of `incoming` whose key is not stored yet, the first of each key.

    What is sent again starts when it started the first time: only that range of the stored rows is searched.
    """
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
    fresh = _first_of_each(keys, table)
    fresh[stored] = False
    return incoming if fresh.all() else incoming.filter(pa.array(fresh))


def _first_of_each(keys: pa.Table, table: Table) -> Bools:
    """True on the first row of every key."""
    joined = pc.binary_join_element_wise(*(keys[name] for name in table.key), "/")
    codes = joined.combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return first


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
        day = days.of(number)
        with days.cursor([day]) as cursor:
            cursor.execute("BEGIN")
            remove_same(cursor, day, table, incoming)
            insert(cursor, day, table, incoming)
            cursor.execute("COMMIT")
            day.written_s = clock()
