"""What has had its time goes: whole days as files, the rest by writing the day anew without it."""

from collections.abc import Collection, Sequence
from functools import partial

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.errors import StoreUnavailable
from collector.retention import Due, Kept, Retention
from collector.store.duckdb.content import content_keys, emptied_columns
from collector.store.duckdb.days import Day, Days
from collector.store.duckdb.rewriting import Change, Rewriting, emptied_projects, log
from collector.store.duckdb.tables import TABLES

_IS_OVER = "old.project IN (SELECT project FROM projects_over)"
_TEXTS_ARE_OVER = "old.project IN (SELECT project FROM texts_over)"
_WITH_PROJECT = tuple(table.name for table in TABLES if "project" in table.schema.names)


def retain(days: Days, rewriting: Rewriting, retention: Retention, *, now_ns: int) -> Kept:
    """See `Keeping.retain`."""
    done = Kept()
    for number in sorted({day.number for day in days.all()}):
        due = retention.due(number, now_ns)
        if not due.is_possible:
            continue
        try:
            rewritten = rewriting.rewrite(number, partial(_plan, due=due))
        except StoreUnavailable as error:
            log.warning("a day keeps what has had its time until the next run: %s", error)
            done += Kept(n_failed=1)
            continue
        if rewritten is not None:
            is_gone = not rewritten.n_bytes_after
            done += Kept(
                n_days_dropped=int(is_gone),
                n_days_rewritten=int(not is_gone),
                bytes_freed=rewritten.n_bytes_before - rewritten.n_bytes_after,
            )
    return done


def _plan(cursor: DuckDBPyConnection, lanes: Sequence[Day], *, due: Due) -> Change | None:
    there = {day: _projects(cursor, day) for day in lanes}
    everybody = set().union(*there.values())
    over = due.rows_of(everybody)
    if over and len(over) == len(everybody):
        return Change(everything=True)
    texts_over = due.texts_of(everybody - set(over))
    done = {day: emptied_projects(cursor, day) for day in lanes}
    full = [p for p in texts_over if any(p in there[day] and p not in done[day] for day in lanes)]
    if not over and not full:
        return None
    sets = {
        "projects_over": pa.table({"project": pa.array(over, pa.string())}),
        "texts_over": pa.table({"project": pa.array(texts_over, pa.string())}),
    }
    gone = dict.fromkeys(_WITH_PROJECT, _IS_OVER)
    if over:
        # Vectors know no project: they go when none of the calls that stay is theirs.
        sets["calls_kept"] = _calls_kept(cursor, lanes, over)
        gone["vectors"] = "old.call_id NOT IN (SELECT call_id FROM calls_kept)"
    columns = emptied_columns(_TEXTS_ARE_OVER, content_keys(cursor, lanes, texts_over)) if texts_over else {}
    return Change(gone=gone, columns=columns, sets=sets, emptied=texts_over)


def _projects(cursor: DuckDBPyConnection, day: Day) -> set[str]:
    sql = " UNION ".join(f"SELECT project FROM {day.name}.{name}" for name in _WITH_PROJECT)
    return {project for (project,) in cursor.execute(sql).fetchall()}


def _calls_kept(cursor: DuckDBPyConnection, lanes: Sequence[Day], over: Collection[str]) -> pa.Table:
    sql = " UNION ALL ".join(
        f"SELECT call_id FROM {day.name}.calls WHERE NOT list_contains($over, project)" for day in lanes
    )
    call_ids = cursor.execute(sql, {"over": list(over)}).fetchnumpy()["call_id"]
    return pa.table({"call_id": pa.array(call_ids, pa.string())})
