"""What joining reads from the day files: what came lately, and the parts of calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.batch import CALL_SCHEMA, PART_SCHEMA
from collector.call import CALL_OPERATIONS
from collector.joining.relations import N_SPANS, Relations
from collector.store.duckdb.days import NS_PER_DAY, Day, Days
from collector.store.duckdb.paging import Row

N_RECALLED = N_SPANS // 2

_KEY = "substr({0}.trace_id, 17) || {0}.span_id"
_CALL_COLUMNS = ", ".join(f"calls.{name}" for name in CALL_SCHEMA.names)
_OF_PROJECT = "start_ns BETWEEN $first_ns AND $last_ns AND project = $project"
_WHOLE_CALLS = f"""
    SELECT {_CALL_COLUMNS}, {_KEY.format("calls")} AS part_id, spans.parent_span_id, spans.scope,
        if(calls.operation IS NULL OR calls.operation IN {CALL_OPERATIONS}, 'span', 'wrapper') AS part_kind,
        coalesce(spans.end_ns, calls.start_ns) AS end_ns
    FROM {{day}}.calls LEFT JOIN {{day}}.spans USING (project, trace_id, span_id)
    WHERE calls.start_ns BETWEEN $first_ns AND $last_ns AND calls.project = $project
        AND (spans.start_ns IS NULL OR spans.start_ns BETWEEN $first_ns AND $last_ns)
"""
"""Calls that came whole, as the one part that each is."""


def recalled(days: Days, project: str) -> Relations:
    """Relations that know the newest spans and parts of `project` in the day files."""
    relations = Relations()
    n_missing = N_RECALLED
    for day in reversed(days.newest(2)):
        with days.cursor([day]) as cursor:
            newest = f"SELECT trace_id, span_id, parent_span_id, start_ns FROM {day.name}.spans"
            newest += f" WHERE project = $project ORDER BY start_ns DESC LIMIT {n_missing}"
            spans = _arrow(cursor, newest, {"project": project})
            is_whole_day = spans.num_rows < n_missing
            first_ns = 0 if is_whole_day else spans["start_ns"][-1].as_py()
            n_missing -= spans.num_rows
            bounds = {"first_ns": first_ns, "last_ns": 2**63 - 1, "project": project}
            parts = _table(cursor, f"FROM {day.name}.parts WHERE {_OF_PROJECT}", bounds)
            whole = _table(
                cursor,
                f"FROM ({_WHOLE_CALLS.format(day=day.name)})"
                f" WHERE part_id NOT IN (SELECT part_id FROM {day.name}.parts)",
                bounds,
            )
            relations.add(spans, pa.concat_tables([parts, whole]))
        if n_missing <= 0:
            break
    return relations


def stored_parts(days: Days, project: str, wanted: Mapping[str, int]) -> list[Row]:
    """The parts of `project` with these ids, whose starts are given; one that is not stored is left out."""
    by_day: dict[int, dict[str, int]] = defaultdict(dict)
    for part_id, start_ns in wanted.items():
        by_day[start_ns // NS_PER_DAY][part_id] = start_ns
    found: list[Row] = []
    for number, in_day in by_day.items():
        bounds: dict[str, Any] = {"first_ns": min(in_day.values()), "last_ns": max(in_day.values()), "project": project}
        by_id: dict[str, Row] = {}
        for sql in (f"SELECT * FROM {{day}}.parts WHERE {_OF_PROJECT}", _WHOLE_CALLS):
            missing = [part_id for part_id in in_day if part_id not in by_id]
            for day in days.lanes(number) if missing else ():
                with days.cursor([day]) as cursor:
                    rows = _rows(cursor, sql.format(day=day.name), bounds, missing)
                by_id |= {row["part_id"]: row for row in rows}
        found += by_id.values()
    return found


def repair(days: Days) -> None:
    """Delete calls that stand twice among the newest days, as a crash between two files of one change leaves them.

    Of a joined call, the row that was written last counts; a span that became part of another call is none itself.
    """
    newest = days.newest(2)
    call_of: dict[tuple[str, str], str | None] = {}
    rows: list[tuple[str, str, str, int, Day]] = []
    for day in newest:
        with days.cursor([day]) as cursor:
            found = cursor.execute(f"SELECT project, part_id, call_id FROM {day.name}.parts").fetchall()
        call_of |= {(project, part_id): call_id for project, part_id, call_id in found}
    if not call_of:
        return
    for day in newest:
        with days.cursor([day]) as cursor:
            sql = f"SELECT project, {_KEY.format('calls')} AS key, call_id, seq FROM {day.name}.calls"
            sql = f"SELECT * FROM ({sql}) WHERE key IN (SELECT unnest($keys))"
            rows += [(*row, day) for row in cursor.execute(sql, {"keys": [key for _, key in call_of]}).fetchall()]
    last_of = {(project, call_id): seq for project, _, call_id, seq, _ in sorted(rows, key=lambda row: row[3])}
    for project, key, call_id, seq, day in rows:
        if call_of.get((project, key), call_id) != call_id or last_of[project, call_id] != seq:
            with days.cursor([day]) as cursor:
                cursor.execute(f"DELETE FROM {day.name}.calls WHERE seq = $seq", {"seq": seq})


def remove_calls(cursor: DuckDBPyConnection, day: Day, removed: Mapping[tuple[str, str], int]) -> None:
    """Delete the calls of these projects with these keys, whose starts are given."""
    if removed:
        cursor.execute(
            f"DELETE FROM {day.name}.calls WHERE start_ns BETWEEN $first_ns AND $last_ns"
            f" AND project || '/' || {_KEY.format('calls')} IN (SELECT unnest($keys))",
            {
                "first_ns": min(removed.values()),
                "last_ns": max(removed.values()),
                "keys": [f"{project}/{key}" for project, key in removed],
            },
        )


def _rows(cursor: DuckDBPyConnection, sql: str, bounds: dict[str, Any], part_ids: Sequence[str]) -> list[Row]:
    wanted = f"SELECT * FROM ({sql}) WHERE part_id IN (SELECT unnest($part_ids))"
    rows: list[Row] = _arrow(cursor, wanted, bounds | {"part_ids": list(part_ids)}).to_pylist()
    return rows


def _table(cursor: DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> pa.Table:
    columns = ", ".join(PART_SCHEMA.names)
    return _arrow(cursor, f"SELECT {columns} {sql}", parameters).cast(_NULLABLE_PARTS)


def _arrow(cursor: DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> pa.Table:
    table: pa.Table = cursor.sql(sql, params=parameters).to_arrow_table()
    return table


_NULLABLE_PARTS = pa.schema([field.with_nullable(True) for field in PART_SCHEMA])
