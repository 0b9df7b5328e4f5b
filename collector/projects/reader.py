"""One project's view of the telemetry: the one place where what belongs to others is kept out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from collector.call import Call
from collector.errors import Forbidden
from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.query import Aggregation, Columns, Dimension, Filters, Page, Trace
from collector.score import Score
from collector.span import Span
from collector.store.base import TelemetryReader
from collector.verdict import Verdict


class ProjectReader:
    """A TelemetryReader of `project` alone. What others own is not there; to ask for it by name is refused."""

    def __init__(self, reader: TelemetryReader, project: str) -> None:
        self._reader = reader
        self.project = project

    def calls(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Call]:
        return self._reader.calls(self._own(filters), limit=limit, cursor=cursor)

    def call(self, call_id: str, *, project: str | None = None) -> Call | None:
        self._check(project)
        return self._reader.call(call_id, project=self.project)

    def calls_of(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        found = self._reader.calls_of(call_ids)
        return {call_id: call for call_id, call in found.items() if call.project == self.project}

    def trace(self, trace_id: str) -> Trace | None:
        """What the project has of the trace; None where it has nothing of it."""
        trace = self._reader.trace(trace_id)
        if trace is None:
            return None
        spans = [span for span in trace.spans if span.project == self.project]
        calls = [call for call in trace.calls if call.project == self.project]
        scores = [score for score in trace.scores if score.project == self.project]
        return replace(trace, spans=spans, calls=calls, scores=scores) if spans or calls else None

    def spans(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Span]:
        return self._reader.spans(self._own(filters), limit=limit, cursor=cursor)

    def logs(
        self,
        filters: Filters,
        *,
        event_name: str | None = None,
        severity: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[LogRecord]:
        return self._reader.logs(
            self._own(filters), event_name=event_name, severity=severity, limit=limit, cursor=cursor
        )

    def points(
        self, filters: Filters, *, name: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[MetricPoint]:
        return self._reader.points(self._own(filters), name=name, limit=limit, cursor=cursor)

    def scan(self, *, after_seq: int, limit: int) -> Sequence[Call]:
        found: list[Call] = []
        while len(found) < limit and (page := self._reader.scan(after_seq=after_seq, limit=limit)):
            found += [call for call in page if call.project == self.project]
            after_seq = max(call.seq or 0 for call in page)
        return found[:limit]

    def last_seq(self) -> int:
        """That of all projects: it tells that something arrived, not what."""
        return self._reader.last_seq()

    def aggregate(self, query: Aggregation) -> Columns:
        return self._reader.aggregate(replace(query, filters=self._own(query.filters)))

    def values(self, dimension: Dimension, filters: Filters) -> Sequence[str]:
        return self._reader.values(dimension, self._own(filters))

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
        return self._reader.scores(
            self._own(filters), evaluator=evaluator, target_id=target_id, source=source, limit=limit, cursor=cursor
        )

    def score_values(self, target_ids: Sequence[str], *, evaluator: str) -> Mapping[str, float]:
        return self._reader.score_values(list(self.calls_of(target_ids)), evaluator=evaluator)

    def vectors(self, call_ids: Sequence[str], *, kind: str, version: str) -> Mapping[str, Sequence[float]]:
        own = [call_id for call_id in call_ids if self.call(call_id) is not None]
        return self._reader.vectors(own, kind=kind, version=version)

    def verdicts(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Verdict]:
        return self._reader.verdicts(self._own(filters), limit=limit, cursor=cursor)

    def _own(self, filters: Filters) -> Filters:
        self._check(filters.project)
        return replace(filters, project=self.project)

    def _check(self, project: str | None) -> None:
        if project not in (None, self.project):
            # An empty answer would look as if there were nothing.
            raise Forbidden(f"project: this key is for {self.project!r}, not for {project[:80]!r}; leave it out")


def reader_of(reader: TelemetryReader, project: str | None) -> TelemetryReader:
    """`reader`, narrowed to one project; None: all of them."""
    return reader if project is None else ProjectReader(reader, project)
