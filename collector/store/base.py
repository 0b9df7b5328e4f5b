"""What every telemetry store owes its callers. One contract suite (tests/collector/store) holds for all."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from collector.batch import Batch
from collector.call import Call
from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.query import Aggregation, Columns, Dimension, Filters, Page, Trace
from collector.retention import Keeping
from collector.score import Score
from collector.span import Span
from collector.store.moving import Movable
from collector.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class TextVector:
    """Numbers computed from one text of one call: behaviour features or an embedding.

    `kind` names what was computed from what (`features:output`, `embedding:prompt`), `version` the code or model.
    """

    call_id: str
    call_start_ns: int
    kind: str
    version: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """How many spans and calls were new; the rest was there already.

    Of `n_spooled` spans, which are on disk and on their way to the store, it is not known yet.
    """

    n_spans: int
    n_calls: int
    n_spooled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What the store takes on its disk, of which `free_bytes` are left, and which UTC days it holds (2026-11-21)."""

    n_bytes: int
    free_bytes: int
    n_days: int
    first_day: str | None
    last_day: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "bytes": self.n_bytes,
            "free_bytes": self.free_bytes,
            "days": self.n_days,
            "first_day": self.first_day,
            "last_day": self.last_day,
        }


class TelemetrySink(Protocol):
    """Where what was sent goes. Every write is durable when it returns and idempotent: a retry is safe.

    Raises:
        StoreUnavailable: nothing of this write may be taken for stored; a retry may help.
    """

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        """Store spans and calls, each once by (trace id, span id), all batches in as few commits as can be."""

    def write_scores(self, scores: Sequence[Score]) -> None:
        """Store scores; one with the id of an older score replaces it."""


class TelemetryWriter(TelemetrySink, Protocol):
    """Writes of what was computed from it too, on the same terms."""

    def drop_opinions(self, resolved: Sequence[Mapping[str, Any]]) -> None:
        """Forget opinions that became scores."""

    def write_vectors(self, vectors: Sequence[TextVector]) -> None:
        """Store vectors; the key is (call id, kind, version)."""

    def write_verdicts(self, verdicts: Sequence[Verdict]) -> None: ...


class TelemetryReader(Protocol):
    """Reads see every write that returned before them.

    Raises:
        BadRequest: a cursor or field that cannot be.
        UnsupportedQuery: this store cannot answer; never an empty answer instead.
        StoreUnavailable: no answer now.
    """

    def calls(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Call]:
        """Calls newest first; ties by call id. Pages are stable while new calls arrive."""

    def call(self, call_id: str, *, project: str | None = None) -> Call | None:
        """The call with this id, of `project` where one is given: senders choose ids, so two projects may share one."""

    def calls_of(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        """The calls there are with these ids, by id, contexts of the trace filled in; the newest, where two share one.
        Those that became a part of another call are not there."""

    def trace(self, trace_id: str) -> Trace | None: ...

    def spans(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Span]:
        """Spans newest first, ties by span id. Of `filters` the range, project, environment, service and trace_id
        apply; another is refused."""

    def logs(
        self,
        filters: Filters,
        *,
        event_name: str | None = None,
        severity: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[LogRecord]:
        """Log records newest first, ties by log id. Of `filters` the range, project, environment, service, trace_id and
        text (a substring of the body, any case) apply; another is refused."""

    def points(
        self, filters: Filters, *, name: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[MetricPoint]:
        """Data points newest first, ties by point id. Of `filters` the range, project, environment and service apply;
        another is refused."""

    def scan(self, *, after_seq: int, limit: int) -> Sequence[Call]:
        """Calls in the order of arrival with seq > after_seq, none left out, contexts of the trace filled in."""

    def last_seq(self) -> int:
        """The seq of the newest call, also of one whose file is gone; 0 with none."""

    def aggregate(self, query: Aggregation) -> Columns: ...

    def values(self, dimension: Dimension, filters: Filters) -> Sequence[str]:
        """The distinct values of one dimension, most calls first."""

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
        """Scores by the start of their target, newest first. Of `filters` the range, project, environment, service,
        request_model and trace_id apply; another is refused."""

    def score_values(self, target_ids: Sequence[str], *, evaluator: str) -> Mapping[str, float]:
        """The newest value of `evaluator` for each target that has one, by target id."""

    def vectors(self, call_ids: Sequence[str], *, kind: str, version: str) -> Mapping[str, Sequence[float]]:
        """The vectors there are, by call id."""

    def verdicts(self, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page[Verdict]:
        """Verdicts by decision time, newest first. Of `filters` the range (of the decision), project, service and
        request_model apply; another is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What the store has of one person, in `project` alone if it is given. Each entry begins with its project.

    `ids` are all forms in which the person's id may be stored. `spans` are (project, trace id, span id) in traces that
    are shared with others; of `traces` and `sessions` all is the person's; `responses` are ids of the provider.
    """

    ids: Sequence[str]
    project: str | None
    calls: Collection[tuple[str, str]]
    spans: Collection[tuple[str, str, str]]
    traces: Collection[tuple[str, str]]
    sessions: Collection[tuple[str, str]]
    responses: Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many rows of each kind are gone, and the UTC days (2026-11-21) that were written anew without them."""

    counts: Mapping[str, int]
    days: Sequence[str]


class TelemetryEraser(Protocol):
    """Takes a person's telemetry out, so that none of its bytes is left in a file of the store.

    Raises:
        StoreUnavailable: some of it may be gone and some not; do it again.
    """

    def belongings(self, ids: Sequence[str], *, project: str | None) -> Belongings:
        """What is there of the person: calls with one of `ids`; calls of traces whose other spans name the person and
        nobody else; and what hangs on them."""

    def erase(self, found: Belongings) -> Erased:
        """Erase it. Doing it twice finds nothing the second time. What arrives meanwhile may stay."""


class TelemetryStore(TelemetryWriter, TelemetryReader, TelemetryEraser, Keeping, Movable, Protocol):
    before_read: Callable[[], None]
    """Called before each read, but for those in the order of arrival: it sees to it that what is on its way is here."""

    def waiting_opinions(self, *, since_ns: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Opinions (rows of OPINION_SCHEMA) that were not dropped yet, newest first."""

    def footprint(self) -> Footprint:
        """How much it holds now; what is being written anew counts twice."""

    def close(self) -> None:
        """Fold what is in the log into the files and let go of them."""
