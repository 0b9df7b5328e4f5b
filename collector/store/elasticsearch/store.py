"""The store that many machines share: what `collector.store.base` promises, on Elasticsearch."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import pyarrow as pa

from collector.batch import Batch
from collector.call import Call
from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.query import Aggregation, Columns, Dimension, Filters, Page, Trace
from collector.retention import Kept, Retention
from collector.score import Score
from collector.span import Span
from collector.store.base import Belongings, Erased, Footprint, TextVector, WriteResult
from collector.store.decode import scores_of, verdicts_of
from collector.store.duckdb.filters import SCORE_FIELDS, VERDICT_FIELDS
from collector.store.elasticsearch import aggregates, calls, erasing, moving, opinions, records, retention
from collector.store.elasticsearch.bulk import send
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.store.elasticsearch.documents import Row
from collector.store.elasticsearch.filters import conditions, equal
from collector.store.elasticsearch.footprint import footprint
from collector.store.elasticsearch.kinds import SCORES, VECTORS, VERDICTS, Kind
from collector.store.elasticsearch.paging import page
from collector.store.elasticsearch.scores import score_values
from collector.store.elasticsearch.sequence import Sequence as Numbers
from collector.store.elasticsearch.templates import prepare
from collector.store.elasticsearch.vectors import find_vectors, rows_of
from collector.store.elasticsearch.writing import Writing, actions
from collector.store.moving import Loaded
from collector.verdict import Verdict


class ElasticsearchStore:
    """A TelemetryStore; every method may be called from any thread, and any number of processes may share a cluster.
    Writes of one process take turns.

    Reads see what this process wrote, and what others wrote a second ago.
    """

    def __init__(self, config: ElasticsearchConfig, *, after_seq: int = 0) -> None:
        """
        Args:
            after_seq: new calls get higher numbers than this, even where the indices that held it are gone.
        """
        self.before_read: Callable[[], None] = lambda: None
        """Called before each read but those in the order of arrival: sees to it that what is on its way is here."""
        self._cluster = Cluster(config)
        self._after_seq = after_seq
        self._numbers = Numbers(self._cluster)
        self._writer = Writing(self._cluster, self._numbers)
        self._writing = threading.Lock()
        self._preparing = threading.Lock()
        self._is_prepared = False
        self._stopping = threading.Event()

    def prepare(self) -> Sequence[str]:
        """Install templates and what else is missing. Every method does so first, until it succeeded once: a collector
        may start while the cluster is away.

        Returns:
            The names of the templates that were installed or replaced.
        Raises:
            StoreMisconfigured: somebody must change something first; the text says what.
            StoreUnavailable: the cluster is away.
        """
        with self._preparing:
            if self._is_prepared:
                return []
            installed = prepare(self._cluster)
            self._cluster.refresh_all()
            self._numbers.prepare(after_seq=self._after_seq)  # above those of all calls
            self._is_prepared = True
            return installed

    def _ready(self) -> Cluster:
        if not self._is_prepared:
            self.prepare()
        return self._cluster

    def _reading(self) -> Cluster:
        self.before_read()
        return self._ready()

    @property
    def n_refused(self) -> int:
        """Documents that Elasticsearch can never take, since the start; the log says why."""
        return self._writer.n_refused

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        """When it fails, some of it may be stored; the retry does what is missing."""
        if not batches:
            return WriteResult(n_spans=0, n_calls=0)
        with self._writing:
            self._ready()
            try:
                return self._writer.write(batches)
            except BaseException:
                self._writer.forget()
                raise

    def write_scores(self, scores: Sequence[Score]) -> None:
        self._replace(
            SCORES,
            [
                _fields(score) | {"score_id": score.score_id, "marks": json.dumps([dict(mark) for mark in score.marks])}
                for score in scores
            ],
        )

    def write_vectors(self, vectors: Sequence[TextVector]) -> None:
        self._replace(VECTORS, rows_of(vectors))

    def write_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        rows = [_fields(verdict) | {"body": json.dumps(asdict(verdict))} for verdict in verdicts]
        self._replace(VERDICTS, [{name: row[name] for name in VERDICTS.schema.names} for row in rows])

    def _replace(self, kind: Kind, rows: Sequence[Row]) -> None:
        """A row takes the place of one with its key; of several with one key, the last is kept."""
        cluster = self._ready()
        latest = {action.id: action for action in actions(cluster, kind, "index", rows)}
        with self._writing:
            self._writer.n_refused += send(cluster, kind, latest.values()).refused.total()

    def waiting_opinions(self, *, since_ns: int, limit: int) -> Sequence[Mapping[str, Any]]:
        return opinions.waiting_opinions(self._ready(), since_ns=since_ns, limit=limit)

    def drop_opinions(self, resolved: Sequence[Mapping[str, Any]]) -> None:
        with self._writing:
            opinions.drop_opinions(self._ready(), resolved)

    def calls(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Call]:
        return calls.find_calls(self._reading(), filters, limit=limit, cursor=cursor)

    def call(self, call_id: str, *, project: str | None = None) -> Call | None:
        return calls.find_call(self._reading(), call_id, project=project)

    def calls_of(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return calls.calls_with_ids(self._ready(), call_ids)

    def trace(self, trace_id: str) -> Trace | None:
        return calls.find_trace(self._reading(), trace_id)

    def spans(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Span]:
        return calls.find_spans(self._reading(), filters, limit=limit, cursor=cursor)

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
            self._reading(), filters, event_name=event_name, severity=severity, limit=limit, cursor=cursor
        )

    def points(
        self, filters: Filters, *, name: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[MetricPoint]:
        return records.find_points(self._reading(), filters, name=name, limit=limit, cursor=cursor)

    def scan(self, *, after_seq: int, limit: int) -> Sequence[Call]:
        cluster = self._ready()
        return calls.scan_calls(cluster, after_seq=after_seq, before_seq=self._numbers.horizon(), limit=limit)

    def last_seq(self) -> int:
        self._ready()
        return self._numbers.horizon() - 1

    def aggregate(self, query: Aggregation) -> Columns:
        return aggregates.aggregate(self._reading(), query)

    def values(self, dimension: Dimension, filters: Filters) -> Sequence[str]:
        return aggregates.values(self._reading(), dimension, filters)

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
        clauses = conditions(filters, time=SCORES.time, allowed=SCORE_FIELDS, kind="scores")
        clauses += equal({"evaluator": evaluator, "target_id": target_id, "source": source})
        return page(self._reading(), SCORES, filters, clauses, limit=limit, cursor=cursor, make=scores_of)

    def score_values(self, target_ids: Sequence[str], *, evaluator: str) -> Mapping[str, float]:
        return score_values(self._ready(), target_ids, evaluator=evaluator)

    def vectors(self, call_ids: Sequence[str], *, kind: str, version: str) -> Mapping[str, Sequence[float]]:
        return find_vectors(self._ready(), call_ids, kind=kind, version=version)

    def verdicts(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Verdict]:
        clauses = conditions(filters, time=VERDICTS.time, allowed=VERDICT_FIELDS, kind="verdicts")
        return page(self._reading(), VERDICTS, filters, clauses, limit=limit, cursor=cursor, make=verdicts_of)

    def retain(self, keep: Retention, *, now_ns: int) -> Kept:
        return retention.retain(self._ready(), keep, now_ns=now_ns, stopping=self._stopping)

    def compact(self, *, now_ns: int) -> Kept:
        return retention.compact(self._ready(), now_ns=now_ns, stopping=self._stopping)

    def belongings(self, ids: Sequence[str], *, project: str | None) -> Belongings:
        return erasing.belongings(self._reading(), ids, project=project)

    def erase(self, found: Belongings) -> Erased:
        return erasing.erase(self._ready(), found)

    def days(self) -> list[int]:
        return moving.days(self._reading())

    def dump(self, kind: str, day: int) -> Iterator[pa.Table]:
        return moving.dump(self._reading(), kind, day)

    def load(self, kind: str, rows: pa.Table) -> Loaded:
        with self._writing:
            self._writer.forget()  # what joining knows of does not hold these
            return moving.load(self._ready(), self._numbers, kind, rows)

    def stop_keeping(self) -> None:
        self._stopping.set()

    def footprint(self) -> Footprint:
        return footprint(self._ready())

    def close(self) -> None:
        self._stopping.set()
        with self._writing:
            self._cluster.close()


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, not copied."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
