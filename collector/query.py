"""What can be asked of the telemetry store: the UI, REST, alerts and evaluators all use these values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from collector.call import Call
from collector.errors import BadRequest
from collector.score import Score
from collector.span import Span
from collector.times import format_rfc3339

T = TypeVar("T")

Dimension = Literal["project", "environment", "service", "provider", "request_model", "response_model", "error_type"]
DIMENSIONS: tuple[Dimension, ...] = (
    "project", "environment", "service", "provider", "request_model", "response_model", "error_type",
)  # fmt: skip

CALL_METRICS = (
    "requests", "errors", "error_rate",
    "latency_p50_s", "latency_p95_s", "latency_p99_s", "ttft_p50_s", "ttft_p95_s",
    "input_tokens", "output_tokens", "cost_usd", "unpriced",
)  # fmt: skip
"""Metrics of calls. `score:NAME:mean`, `score:NAME:n` and `score:NAME:label:LABEL` (a share) read scores instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which calls: since_ns <= start < until_ns and every field that is not None equal; `text` is a substring
    of the messages, any case."""

    since_ns: int
    until_ns: int
    project: str | None = None
    environment: str | None = None
    service: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    trace_id: str | None = None
    response_id: str | None = None
    error_type: str | None = None
    has_error: bool | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if self.since_ns > self.until_ns:
            since, until = format_rfc3339(self.since_ns), format_rfc3339(self.until_ns)
            raise BadRequest(f"since ({since}) is after until ({until}); swap them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Metrics over `filters`, one row per step of time (None: one for the whole range) and value of `by`."""

    filters: Filters
    metrics: Sequence[str]
    step_s: float | None = None
    by: Sequence[Dimension] = ()


Columns = dict[str, list[Any]]
"""`time_ns` (start of the step; only with step_s), one list per dimension in `by`, one per metric; equal lengths.
Steps without calls have no row: a gap is a gap. Rows are ordered by time, then by the dimensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """`next_cursor` is opaque; None: this was the last page."""

    items: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All spans of one trace, oldest first, with the calls and scores that stand on them."""

    trace_id: str
    spans: Sequence[Span]
    calls: Sequence[Call]
    scores: Sequence[Score]
