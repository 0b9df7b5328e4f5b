"""The query parameters of each list, checked by pydantic, and the `Filters` they mean."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from collector.errors import BadRequest
from collector.query import CALL_METRICS, Aggregation, Dimension, Filters
from collector.score import Source
from collector.times import NS_PER_S
from collector.validation import TimeNs, near_match

DAY_NS = 24 * 3600 * NS_PER_S
MAX_STEPS = 11_000
MAX_LIMIT = 1000
REPEATABLE = ("metric", "by")

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SCORE_METRICS = ("score:NAME:mean", "score:NAME:n", "score:NAME:label:LABEL")
_SCORE_METRIC = re.compile(r"score:[^:].*:(mean|n|label:.+)")


def _storable(time_ns: int) -> int:
    return min(max(time_ns, 0), 2**63 - 1)  # no stored time lies beyond: far ends mean everything


def _step_s(text: object) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(text))
    if match is None or float(match[1]) == 0:
        raise ValueError("must be a time like 60s, 5m, 1h or 1d")
    return float(match[1]) * _UNITS_S[match[2]]


def _metric(name: str) -> str:
    if name in CALL_METRICS or _SCORE_METRIC.fullmatch(name):
        return name
    raise ValueError(f"unknown metric, {near_match(name, [*CALL_METRICS, *_SCORE_METRICS])}")


Time = Annotated[TimeNs, AfterValidator(_storable)]
Step = Annotated[float, BeforeValidator(_step_s), WithJsonSchema({"type": "string", "examples": ["60s", "5m", "1h"]})]
Metric = Annotated[str, BeforeValidator(_metric)]
Text = Annotated[str, Field(min_length=1)]
TraceId = Annotated[Text, AfterValidator(str.lower)]


class Range(BaseModel):
    """since <= start < until; by default the 24 hours before `until`, which is now."""

    model_config = ConfigDict(frozen=True)
    since: Time | None = None
    until: Time | None = None
    project: Text | None = None

    def filters(self, now_ns: int) -> Filters:
        until_ns = now_ns if self.until is None else self.until
        since_ns = max(until_ns - DAY_NS, 0) if self.since is None else self.since
        given = {f.name: getattr(self, f.name) for f in fields(Filters) if f.name in type(self).model_fields}
        return Filters(since_ns=since_ns, until_ns=until_ns, **given)


class Paged(Range):
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 100
    cursor: Text | None = None


class ByModel(BaseModel):
    environment: Text | None = None
    service: Text | None = None
    request_model: Text | None = None


class CallFilters(ByModel):
    """Every one given must be equal; `text` is a substring of the messages, any case."""

    provider: Text | None = None
    response_model: Text | None = None
    session_id: Text | None = None
    user_id: Text | None = None
    trace_id: TraceId | None = None
    response_id: Text | None = None
    error_type: Text | None = None
    has_error: bool | None = None
    text: Text | None = None


class CallQuery(Paged, CallFilters): ...


class SessionQuery(Paged):
    """The calls of one session; by default of all time."""

    def filters_of(self, session_id: str) -> Filters:
        since_ns = 0 if self.since is None else self.since
        until_ns = 2**63 - 1 if self.until is None else self.until
        return Filters(since_ns=since_ns, until_ns=until_ns, project=self.project, session_id=session_id)


class ScoreQuery(Paged, ByModel):
    trace_id: TraceId | None = None
    evaluator: Text | None = None
    target_id: Text | None = None
    source: Source | None = None


class SpanQuery(Paged):
    environment: Text | None = None
    service: Text | None = None
    trace_id: TraceId | None = None


class LogQuery(Paged):
    """Every one given must be equal; `text` is a substring of the body, any case."""

    environment: Text | None = None
    service: Text | None = None
    trace_id: TraceId | None = None
    event_name: Text | None = None
    severity: Text | None = None
    text: Text | None = None


class PointQuery(Paged):
    environment: Text | None = None
    service: Text | None = None
    name: Text | None = None


class VerdictQuery(Paged):
    """The range is that of the decision."""

    service: Text | None = None
    request_model: Text | None = None


class PostQuery(BaseModel):
    """`count`: answer how many of the calls are new, for which they are committed apart from other requests."""

    model_config = ConfigDict(frozen=True)
    count: bool = False


class SeriesQuery(Range, CallFilters):
    """`metric` and `by` may be repeated; without `step` there is one row for the whole range."""

    metric: Annotated[list[Metric], Field(min_length=1)]
    step: Step | None = None
    by: Sequence[Dimension] = ()

    def aggregation(self, now_ns: int) -> Aggregation:
        filters = self.filters(now_ns)
        range_s = (filters.until_ns - filters.since_ns) / NS_PER_S
        if self.step is not None and range_s / self.step > MAX_STEPS:
            raise BadRequest(
                f"step: {self.step:g} s cuts {range_s:.0f} s into more than {MAX_STEPS} steps; "
                f"take {range_s / MAX_STEPS:.0f} s or more"
            )
        by = tuple(dict.fromkeys(self.by))
        return Aggregation(filters=filters, metrics=tuple(dict.fromkeys(self.metric)), step_s=self.step, by=by)


def only(model: type[BaseModel] | None = None) -> Any:
    """Route dependency: no parameter but those of `model`, and none twice that takes one value.

    Two values of one filter would read as "or", but only the last would count.
    """
    known = model.model_fields if model else {}

    def check(request: Request) -> None:
        names = [name for name, _ in request.query_params.multi_items()]
        for name in names:
            if name not in known:
                hint = near_match(name, known) if known else "this path takes none"
                raise BadRequest(f"{name}: unknown parameter, {hint}")
            if name not in REPEATABLE and names.count(name) > 1:
                raise BadRequest(f"{name}: given {names.count(name)} times, it takes one value")

    return Depends(check)
