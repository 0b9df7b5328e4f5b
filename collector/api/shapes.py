"""The shapes of the answers, for OpenAPI: derived from the values themselves, so that they cannot disagree."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from collector.call import Call
from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.score import Score
from collector.span import Span, SpanEvent, SpanLink
from collector.times import format_rfc3339
from collector.verdict import Verdict


def shape_of(
    cls: type[Any],
    name: str,
    *,
    renamed: Mapping[str, str] | None = None,
    left_out: Collection[str] = (),
    added: Mapping[str, Any] | None = None,
) -> type[BaseModel]:
    """The JSON form of a dataclass: `x_ns` becomes the RFC 3339 text `x_time`, or as `renamed` says."""
    hints = get_type_hints(cls)
    shape: dict[str, Any] = {}
    for f in fields(cls):
        if f.name in left_out:
            continue
        if f.name.endswith("_ns"):
            shape[(renamed or {}).get(f.name, f.name.removesuffix("_ns") + "_time")] = (_TIME, ...)
        else:
            shape[f.name] = (hints[f.name], ...)
    shape |= {key: (kind, ...) for key, kind in (added or {}).items()}
    return create_model(name, __config__=ConfigDict(extra="forbid"), **shape)


_TIME = str

CallShape = shape_of(Call, "Call", left_out={"seq"})
ScoreShape = shape_of(Score, "Score", renamed={"created_ns": "time"}, added={"score_id": str})
VerdictShape = shape_of(Verdict, "Verdict", left_out={"onset_ns"}, added={"onset_time": str | None})
SpanEventShape = shape_of(SpanEvent, "SpanEvent", renamed={"time_ns": "time"})
SpanLinkShape = shape_of(SpanLink, "SpanLink")
SpanShape = shape_of(
    Span,
    "Span",
    left_out={"events", "links"},
    added={"duration_s": float, "events": list[SpanEventShape], "links": list[SpanLinkShape]},  # type: ignore[valid-type]
)
LogRecordShape = shape_of(LogRecord, "LogRecord", renamed={"time_ns": "time"})
MetricPointShape = shape_of(
    MetricPoint,
    "MetricPoint",
    renamed={"time_ns": "time"},
    left_out={"start_ns"},
    added={"start_time": str | None},
)


def list_of(shape: type[BaseModel], name: str) -> type[BaseModel]:
    return create_model(name, items=(list[shape], ...), next_cursor=(str | None, None))  # type: ignore[valid-type]


CallList = list_of(CallShape, "CallList")
ScoreList = list_of(ScoreShape, "ScoreList")
VerdictList = list_of(VerdictShape, "VerdictList")
TraceShape = create_model(
    "Trace",
    trace_id=(str, ...),
    spans=(list[SpanShape], ...),  # type: ignore[valid-type]
    calls=(list[CallShape], ...),  # type: ignore[valid-type]
    scores=(list[ScoreShape], ...),  # type: ignore[valid-type]
)


class SeriesRow(BaseModel):
    """One step of time (`time`: its start) and group: the dimensions of `by`, then the metrics, each by its name."""

    model_config = ConfigDict(extra="allow")
    time: str | None = None


class SeriesList(BaseModel):
    items: list[SeriesRow]
    next_cursor: None = None


class ErrorBody(BaseModel):
    type: str
    message: str


class ErrorShape(BaseModel):
    error: ErrorBody


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorShape, "description": "the message says what is wrong and what to write"},
    "503": {"model": ErrorShape, "description": "send again after the seconds in Retry-After"},
}
"""For OpenAPI, what every path may answer besides; it stands for the framework's own 422, which is never sent."""


class Accepted(BaseModel):
    accepted: int = Field(description="how many are in the store now; those it had before were not stored again")
    sampled_out: int = Field(description="how many the sampling rate of the key left out; they are not in `accepted`")
    stored: int | None = Field(
        description="how many of these are new; null where the request does not ask for it with count=true"
    )
    ids: list[str] = Field(description="their call_id or score_id, in the order of the request")


def span_json(span: Span) -> dict[str, Any]:
    left_out = ("start_ns", "end_ns", "events", "links")
    return {f.name: getattr(span, f.name) for f in fields(span) if f.name not in left_out} | {
        "start_time": format_rfc3339(span.start_ns),
        "end_time": format_rfc3339(span.end_ns),
        "duration_s": span.duration_s,
        "events": [
            {"name": e.name, "time": format_rfc3339(e.time_ns), "attributes": e.attributes} for e in span.events
        ],
        "links": [{f.name: getattr(link, f.name) for f in fields(link)} for link in span.links],
    }
