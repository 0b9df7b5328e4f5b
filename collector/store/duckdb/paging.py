"""Rows of the day files, page by page, newest first."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from duckdb import DuckDBPyConnection

from collector import cursors
from collector.errors import BadRequest
from collector.query import Filters, Page
from collector.store.duckdb.days import Days, by_day
from collector.store.duckdb.filters import Where
from collector.store.duckdb.tables import Table

T = TypeVar("T")

Row = dict[str, Any]


def rows(cursor: DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> list[Row]:
    cursor.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def page(
    days: Days,
    table: Table,
    row_id: str,
    filters: Filters,
    where: Where,
    *,
    limit: int,
    cursor: str | None,
    make: Callable[[Sequence[Row]], Sequence[T]],
) -> Page[T]:
    """The first `limit` rows of `table` after `cursor` that `where` holds for, by time descending, then `row_id`.

    The place is a time and an id, not a count: rows that arrive meanwhile neither shift nor repeat others.
    """
    if limit < 1:
        raise BadRequest(f"limit must be at least 1, got {limit}")
    condition, values, until_ns = where.sql, where.parameters, filters.until_ns
    if cursor is not None:
        time_ns, after_id = cursors.decode(cursor)
        condition += f" AND ({table.time} < $at_ns OR {table.time} = $at_ns AND {row_id} > $after_id)"
        values = values | {"at_ns": time_ns, "after_id": after_id}
        until_ns = min(until_ns, time_ns + 1)
    found: list[Row] = []
    for lanes in by_day(days.between(filters.since_ns, until_ns)):
        n_missing = limit + 1 - len(found)
        in_day: list[Row] = []
        for day in lanes:
            with days.cursor([day]) as connection:
                in_day += rows(
                    connection,
                    f"SELECT * FROM {day.name}.{table.name} WHERE {condition}"
                    f" ORDER BY {table.time} DESC, {row_id} LIMIT $n_missing",
                    values | {"n_missing": n_missing},
                )
        found += sorted(in_day, key=lambda row: (-row[table.time], row[row_id]))[:n_missing]
        if len(found) > limit:
            last = found[limit - 1]
            return Page(items=make(found[:limit]), next_cursor=cursors.encode(last[table.time], last[row_id]))
    return Page(items=make(found), next_cursor=None)
