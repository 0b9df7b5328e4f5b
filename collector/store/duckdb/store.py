"""The embedded store: what `collector.store.base` promises, on one DuckDB file per UTC day."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.batch import Batch, of_project, projects_of
from collector.call import Call
from collector.errors import StoreUnavailable
from collector.joining.joining import Changes, Joining, is_new, joined
from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.otlp.hexids import trace_keys
from collector.query import Aggregation, Columns, Dimension, Filters, Page, Trace
from collector.retention import Kept, Retention
from collector.score import Score
from collector.span import Span
from collector.store.base import Belongings, Erased, Footprint, TextVector, WriteResult
from collector.store.decode import scores_of, verdicts_of
from collector.store.duckdb import aggregates, calls, compaction, erasing, moving, opinions, records, retention
from collector.store.duckdb.days import NS_PER_DAY, WRITE_THREADS, Day, Days, rereads
from collector.store.duckdb.filters import MESSAGE_TEXT, SCORE_FIELDS, VERDICT_FIELDS, Where, where
from collector.store.duckdb.folding import Folding
from collector.store.duckdb.paging import page, rows
from collector.store.duckdb.parts import recalled, remove_calls, repair, stored_parts
from collector.store.duckdb.rewriting import Rewriting
from collector.store.duckdb.tables import (
    CALLS,
    LOGS,
    OPINIONS,
    PARTS,
    POINTS,
    SCORES,
    SPANS,
    TRACE_KEY,
    VECTORS,
    VERDICTS,
    Table,
)  # fmt: skip
from collector.store.duckdb.writing import first_of_each, insert, new_rows, remove_same, replace_rows, split_by_day
from collector.store.moving import Loaded
from collector.verdict import Verdict

P = ParamSpec("P")
T = TypeVar("T")

# What is stored as it comes, each row once; calls and parts follow from it.
_ONCE: dict[Table, Callable[[Batch], pa.Table]] = {
    SPANS: lambda batch: batch.spans,
    LOGS: lambda batch: batch.logs,
    POINTS: lambda batch: batch.points,
    OPINIONS: lambda batch: batch.opinions,
}


def _nothing() -> None: ...


def _reads(read: Callable[Concatenate["DuckDBStore", P], T]) -> Callable[Concatenate["DuckDBStore", P], T]:
    """`read`, after `before_read`, and from its beginning again where a file was replaced meanwhile."""
    again = rereads(read)

    @wraps(read)
    def reading(store: "DuckDBStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        store.before_read()
        return again(store, *args, **kwargs)

    return reading


class DuckDBStore:
    """A TelemetryStore; every method may be called from any thread. Writes take turns, reads run beside them.

    Calls are numbered in the order of their commits. `_last_seq` is moved after a commit and read before a scan, so
    that a scan never sees a number while a smaller one is still on its way.
    """

    def __init__(
        self,
        folder: Path,
        *,
        after_seq: int = 0,
        memory_limit_mb: int = 384,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            after_seq: a number that was given to a call once, by a store whose files may be gone: no call gets it, or
                a smaller one, again.
        Raises:
            StoreUnavailable: if another process owns `folder`, a file is broken, or a newer version wrote it.
        """
        self.before_read: Callable[[], None] = _nothing
        """Called before each read but those in the order of arrival: sees to it that what is on its way is here."""
        self._clock = clock
        self._days = Days(folder, memory_limit_mb=memory_limit_mb, clock=clock)
        self._writing = threading.Lock()
        self._joining: dict[str, Joining] = {}  # by project: what belongs to two of them never belongs together
        self._last_seq = max(self._days.last_seq(), after_seq)
        self._next_seq = self._last_seq + 1
        with self._days.cursor([]) as cursor:
            cursor.execute(MESSAGE_TEXT)
        self._folding = Folding(self._days, self._writing, clock=clock)
        self._rewriting = Rewriting(self._days, self._writing, lambda: self._next_seq - 1)

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        """One transaction per UTC day. When a later day fails, an earlier one stays and the retry skips it."""
        if not batches:
            return WriteResult(n_spans=0, n_calls=0)
        with self._writing:
            self._days.use_threads(WRITE_THREADS)
            self._folding.written()
            try:
                return self._write(batches)
            except BaseException:
                self._joining = {}  # it may know of more than was stored; what is stored counts
                raise

    def _write(self, batches: Sequence[Batch]) -> WriteResult:
        new = {
            table: self._new_rows(table, pa.concat_tables([rows_of(batch) for batch in batches]))
            for table, rows_of in _ONCE.items()
        }
        parts = pa.concat_tables([batch.parts for batch in batches])
        changes = joined(
            self._join(project, new[SPANS], new[LOGS], parts) for project in projects_of(new[SPANS], parts)
        )
        by_day: dict[int, dict[Table, pa.Table]] = defaultdict(dict)
        for table, incoming in (new | {CALLS: changes.calls, PARTS: changes.parts}).items():
            for number, in_day in split_by_day(incoming, table.time):
                by_day[number][table] = in_day
        written: list[Day] = []
        for number in sorted(by_day):
            try:
                written.append(self._write_day(number, by_day[number], changes.removed))
            except StoreUnavailable as error:
                raise StoreUnavailable(f"{error}; {len(written)} earlier days were stored; send all again") from error
        # After the new rows: a crash in between leaves a call twice, which `repair` finds; none is ever missing.
        if changes.removed:
            for number in {start_ns // NS_PER_DAY for start_ns in changes.removed.values()} | by_day.keys():
                for day in self._days.lanes(number):
                    if day not in written:
                        with self._days.cursor([day]) as cursor:
                            self._remove(cursor, day, changes.removed, by_day[number].get(PARTS))
        return WriteResult(n_spans=new[SPANS].num_rows, n_calls=changes.calls.num_rows)

    def _join(self, project: str, spans: pa.Table, logs: pa.Table, parts: pa.Table) -> Changes:
        """What the new spans and log records of `project` make of its calls."""
        if project not in self._joining:
            if not self._joining:
                repair(self._days)
            self._joining[project] = Joining(recalled(self._days, project))
        spans, logs, parts = (of_project(table, project) for table in (spans, logs, parts))
        parts = first_of_each(PARTS, parts.filter(is_new(parts, spans, logs["log_id"])))
        return self._joining[project].join(spans, parts, partial(stored_parts, self._days, project))

    def _new_rows(self, table: Table, rows: pa.Table) -> pa.Table:
        """The rows whose key is not stored yet, each key once."""
        if not rows.num_rows:
            return rows
        fresh = []
        for number, in_day in split_by_day(rows, table.time):
            for day in self._days.lanes(number):
                with self._days.cursor([day]) as cursor:
                    in_day = new_rows(cursor, day, table, in_day)
            fresh.append(first_of_each(table, in_day))
        return pa.concat_tables(fresh)

    def _write_day(self, number: int, rows: dict[Table, pa.Table], removed: Mapping[tuple[str, str], int]) -> Day:
        day = self._days.writable(number)
        with self._days.cursor([day]) as cursor:
            cursor.execute("BEGIN")
            self._remove(cursor, day, removed, rows.get(PARTS))
            for table, incoming in rows.items():
                if TRACE_KEY in table.schema:
                    incoming = incoming.append_column(TRACE_KEY, trace_keys(incoming["trace_id"]))
                if table is CALLS:
                    incoming = incoming.append_column("seq", pa.array(self._numbers(incoming.num_rows)))
                    # Before the commit: wider bounds than the rows have are harmless, narrower ones hide rows.
                    day.min_seq = self._next_seq - incoming.num_rows if day.min_seq is None else day.min_seq
                    day.max_seq = self._next_seq - 1
                insert(cursor, day, table, incoming)
            cursor.execute("COMMIT")
            day.written_s = self._clock()
        self._last_seq = self._next_seq - 1
        return day

    def _remove(
        self, cursor: DuckDBPyConnection, day: Day, removed: Mapping[tuple[str, str], int], parts: pa.Table | None
    ) -> None:
        """Delete from `day` the calls that are `removed`, and what `parts` take the place of."""
        if removed:
            remove_calls(cursor, day, removed)
            day.written_s = self._clock()
        if removed and parts is not None:
            remove_same(cursor, day, PARTS, parts)

    def _numbers(self, n: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """The next `n` places in the order of arrival; those of a failed commit are not used again."""
        first = self._next_seq
        self._next_seq += n
        return np.arange(first, first + n, dtype=np.int64)

    def write_scores(self, scores: Sequence[Score]) -> None:
        rows = [
            _fields(score) | {"score_id": score.score_id, "marks": json.dumps([dict(mark) for mark in score.marks])}
            for score in scores
        ]
        with self._writing:
            replace_rows(self._days, SCORES, rows, self._clock)

    @rereads
    def waiting_opinions(self, *, since_ns: int, limit: int) -> Sequence[Mapping[str, Any]]:
        return opinions.waiting_opinions(self._days, since_ns=since_ns, limit=limit)

    def drop_opinions(self, resolved: Sequence[Mapping[str, Any]]) -> None:
        with self._writing:
            opinions.drop_opinions(self._days, resolved, self._clock())

    def write_vectors(self, vectors: Sequence[TextVector]) -> None:
        with self._writing:
            replace_rows(self._days, VECTORS, [_fields(vector) for vector in vectors], self._clock)

    def write_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        rows = [_fields(verdict) | {"body": json.dumps(asdict(verdict))} for verdict in verdicts]
        with self._writing:
            replace_rows(self._days, VERDICTS, rows, self._clock)

    @_reads
    def calls(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Call]:
        return calls.find_calls(self._days, filters, limit=limit, cursor=cursor)

    @_reads
    def call(self, call_id: str, *, project: str | None = None) -> Call | None:
        return calls.find_call(self._days, call_id, project=project)

    @rereads
    def calls_of(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return calls.calls_with_ids(self._days, call_ids)

    @_reads
    def trace(self, trace_id: str) -> Trace | None:
        return calls.find_trace(self._days, trace_id)

    @_reads
    def spans(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Span]:
        return calls.find_spans(self._days, filters, limit=limit, cursor=cursor)

    @_reads
    def logs(
        self,
        filters: Filters,
        *,
        event_name: str | None = None,
        severity: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[LogRecord]:
        return records.find_logs(
            self._days, filters, event_name=event_name, severity=severity, limit=limit, cursor=cursor
        )

    @_reads
    def points(
        self, filters: Filters, *, name: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[MetricPoint]:
        return records.find_points(self._days, filters, name=name, limit=limit, cursor=cursor)

    @rereads
    def scan(self, *, after_seq: int, limit: int) -> Sequence[Call]:
        return calls.scan_calls(self._days, after_seq=after_seq, up_to_seq=self._last_seq, limit=limit)

    def last_seq(self) -> int:
        return self._last_seq

    @_reads
    def aggregate(self, query: Aggregation) -> Columns:
        return aggregates.aggregate(self._days, query)

    @_reads
    def values(self, dimension: Dimension, filters: Filters) -> Sequence[str]:
        return aggregates.values(self._days, dimension, filters)

    @_reads
    def scores(
        self,
        filters: Filters,
        *,
        evaluator: str | None = None,
        target_id: str | None = None,
        source: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Score]:
        condition = where(filters, time=SCORES.time, allowed=SCORE_FIELDS, kind="scores")
        chosen = {"evaluator": evaluator, "target_id": target_id, "source": source}
        for name, value in chosen.items():
            if value is not None:
                condition = Where(f"{condition.sql} AND {name} = ${name}", condition.parameters | {name: value})
        return page(self._days, SCORES, "score_id", filters, condition, limit=limit, cursor=cursor, make=scores_of)

    @rereads
    def score_values(self, target_ids: Sequence[str], *, evaluator: str) -> Mapping[str, float]:
        newest: dict[str, tuple[int, float]] = {}
        for day in self._days.all():
            with self._days.cursor([day]) as cursor:
                for row in rows(
                    cursor,
                    f"SELECT target_id, created_ns, value FROM {day.name}.scores WHERE evaluator = $evaluator"
                    " AND value IS NOT NULL AND target_id IN (SELECT unnest($target_ids))",
                    {"evaluator": evaluator, "target_ids": list(target_ids)},
                ):
                    of_target = newest.get(row["target_id"], (-1, 0.0))
                    newest[row["target_id"]] = max(of_target, (row["created_ns"], row["value"]))
        return {target_id: value for target_id, (_, value) in newest.items()}

    @rereads
    def vectors(self, call_ids: Sequence[str], *, kind: str, version: str) -> Mapping[str, Sequence[float]]:
        missing = set(call_ids)
        found: dict[str, Sequence[float]] = {}
        for day in reversed(self._days.all()):
            if not missing:
                break
            with self._days.cursor([day]) as cursor:
                for row in rows(
                    cursor,
                    f'SELECT call_id, "values" FROM {day.name}.vectors WHERE kind = $kind AND version = $version'
                    " AND call_id IN (SELECT unnest($call_ids))",
                    {"kind": kind, "version": version, "call_ids": list(missing)},
                ):
                    found[row["call_id"]] = row["values"]
            missing -= found.keys()
        return found

    @_reads
    def verdicts(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Verdict]:
        condition = where(filters, time=VERDICTS.time, allowed=VERDICT_FIELDS, kind="verdicts")
        return page(
            self._days, VERDICTS, "verdict_id", filters, condition, limit=limit, cursor=cursor, make=verdicts_of
        )

    def retain(self, keep: Retention, *, now_ns: int) -> Kept:
        return retention.retain(self._days, self._rewriting, keep, now_ns=now_ns)

    def compact(self, *, now_ns: int) -> Kept:
        return compaction.compact(self._days, self._rewriting, now_ns=now_ns, now_s=self._clock())

    @_reads
    def belongings(self, ids: Sequence[str], *, project: str | None) -> Belongings:
        return erasing.belongings(self._days, ids, project=project)

    def erase(self, found: Belongings) -> Erased:
        return erasing.erase(self._days, self._rewriting, found)

    def days(self) -> list[int]:
        self.before_read()
        return sorted({day.number for day in self._days.all()})

    @_reads
    def dump(self, kind: str, day: int) -> Iterator[pa.Table]:
        return moving.dump(self._days, kind, day)

    def load(self, kind: str, rows: pa.Table) -> Loaded:
        with self._writing:
            self._joining = {}  # what it knows of does not hold these
            done = moving.load(self._days, kind, rows, numbers=self._numbers, clock=self._clock)
            self._last_seq = self._next_seq - 1
            return done

    def stop_keeping(self) -> None:
        self._rewriting.stop()

    def footprint(self) -> Footprint:
        return self._days.footprint()

    def close(self) -> None:
        self._rewriting.stop()
        self._folding.stop()
        with self._writing:
            self._days.close()


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name; `asdict` would copy every number of a vector."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
