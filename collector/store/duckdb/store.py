"""The embedded store: what `collector.store.base` promises, on one DuckDB file per UTC day."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from collector.batch import CALL_SCHEMA, Batch
from collector.call import Call
from collector.errors import StoreUnavailable
from collector.query import Aggregation, Columns, Dimension, Filters, Page, Trace
from collector.score import Score
from collector.store.base import TextVector, WriteResult
from collector.store.duckdb import aggregates, calls
from collector.store.duckdb.days import Days
from collector.store.duckdb.decode import scores_of, verdicts_of
from collector.store.duckdb.filters import MESSAGE_TEXT, SCORE_FIELDS, VERDICT_FIELDS, Where, where
from collector.store.duckdb.folding import Folding
from collector.store.duckdb.paging import page, rows
from collector.store.duckdb.tables import CALLS, SCORES, SPANS, VECTORS, VERDICTS
from collector.store.duckdb.writing import insert, new_rows, replace_rows, split_by_day
from collector.verdict import Verdict


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
        memory_limit_mb: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            after_seq: a number that was given to a call once, by a store whose files may be gone: no call gets it, or
                a smaller one, again.
        Raises:
            StoreUnavailable: if another process owns `folder`, a file is broken, or a newer version wrote it.
        """
        self._clock = clock
        self._days = Days(folder, memory_limit_mb=memory_limit_mb, clock=clock)
        self._writing = threading.Lock()
        self._last_seq = max(self._days.last_seq(), after_seq)
        self._next_seq = self._last_seq + 1
        with self._days.cursor([]) as cursor:
            cursor.execute(MESSAGE_TEXT)
        self._folding = Folding(self._days, clock=clock)

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        """One transaction per UTC day. When a later day fails, an earlier one stays and the retry skips it."""
        if not batches:
            return WriteResult(n_spans=0, n_calls=0)
        spans = dict(split_by_day(pa.concat_tables([batch.spans for batch in batches]), SPANS.time))
        parts = pa.concat_tables([batch.parts for batch in batches])
        new_calls = dict(split_by_day(parts.select(CALL_SCHEMA.names), CALLS.time))
        n_spans = n_calls = 0
        with self._writing:
            for number in sorted(spans.keys() | new_calls.keys()):
                try:
                    stored = self._write_day(number, spans.get(number), new_calls.get(number))
                except StoreUnavailable as error:
                    kept = f"{n_spans} spans and {n_calls} calls of earlier days were stored; send all of them again"
                    raise StoreUnavailable(f"{error}; {kept}") from error
                n_spans += stored.n_spans
                n_calls += stored.n_calls
        return WriteResult(n_spans=n_spans, n_calls=n_calls)

    def _write_day(self, number: int, spans: pa.Table | None, calls: pa.Table | None) -> WriteResult:
        day = self._days.of(number)
        n_spans = n_calls = 0
        with self._days.cursor([day]) as cursor:
            cursor.execute("BEGIN")
            if spans is not None:
                spans = new_rows(cursor, day, SPANS, spans)
                n_spans = spans.num_rows
                insert(cursor, day, SPANS, spans)
            if calls is not None:
                calls = new_rows(cursor, day, CALLS, calls)
                n_calls = calls.num_rows
                insert(cursor, day, CALLS, calls.append_column("seq", pa.array(self._numbers(n_calls))))
                if n_calls:
                    # Before the commit: wider bounds than the rows have are harmless, narrower ones hide rows.
                    day.min_seq = self._next_seq - n_calls if day.min_seq is None else day.min_seq
                    day.max_seq = self._next_seq - 1
            cursor.execute("COMMIT")
            day.written_s = self._clock()
        self._last_seq = self._next_seq - 1
        return WriteResult(n_spans=n_spans, n_calls=n_calls)

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

    def write_vectors(self, vectors: Sequence[TextVector]) -> None:
        with self._writing:
            replace_rows(self._days, VECTORS, [_fields(vector) for vector in vectors], self._clock)

    def write_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        rows = [_fields(verdict) | {"body": json.dumps(asdict(verdict))} for verdict in verdicts]
        with self._writing:
            replace_rows(self._days, VERDICTS, rows, self._clock)

    def calls(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Call]:
        return calls.find_calls(self._days, filters, limit=limit, cursor=cursor)

    def call(self, call_id: str, *, project: str | None = None) -> Call | None:
        return calls.find_call(self._days, call_id, project=project)

    def trace(self, trace_id: str) -> Trace | None:
        return calls.find_trace(self._days, trace_id)

    def scan(self, *, after_seq: int, limit: int) -> Sequence[Call]:
        return calls.scan_calls(self._days, after_seq=after_seq, up_to_seq=self._last_seq, limit=limit)

    def last_seq(self) -> int:
        return self._last_seq

    def aggregate(self, query: Aggregation) -> Columns:
        return aggregates.aggregate(self._days, query)

    def values(self, dimension: Dimension, filters: Filters) -> Sequence[str]:
        return aggregates.values(self._days, dimension, filters)

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

    def verdicts(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Verdict]:
        condition = where(filters, time=VERDICTS.time, allowed=VERDICT_FIELDS, kind="verdicts")
        return page(
            self._days, VERDICTS, "verdict_id", filters, condition, limit=limit, cursor=cursor, make=verdicts_of
        )

    def close(self) -> None:
        self._folding.stop()
        with self._writing:
            self._days.close()


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name; `asdict` would copy every number of a vector."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
