"""One row of a file -> the document of one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from collector.errors import BadRequest
from collector.importing.mapping import OPEN_TARGETS, TARGETS, FieldMap
from collector.importing.values import typed
from collector.times import NS_PER_S, parse_rfc3339
from collector.validation import shorten

Json = dict[str, Any]
Preset = Callable[[Mapping[str, Any]], Json | None]
"""A row of one known program -> the fields of a call, values as they stand there; None: the row is no model call."""

_LATENCIES = (("latency_s", "end_time", "latency_ms"), ("ttft_s", "first_token_time", "ttft_ms"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How rows are read. `defaults` fill what neither the row nor the mapping says."""

    preset: Preset | None = None
    mapping: FieldMap = field(default_factory=FieldMap)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    zone: tzinfo = UTC


def document_of(row: Mapping[str, Any], plan: Plan) -> Json | None:
    """The document of a call that `row` is, for `collector.calllog` to check; None where it is no call.

    Ids that the row does not tell are made where it is stored, from all that the document says.

    Raises:
        BadRequest: with the path of what is wrong.
    """
    given = _given(row, plan)
    if given is None:
        return None
    known = {name: value for name, raw in given.items() if (value := typed(name, raw, plan.zone)) is not None}
    return _joined({**plan.mapping.defaults, **plan.defaults, **known})


def _given(row: Mapping[str, Any], plan: Plan) -> Json | None:
    """The fields that the row tells, by preset, by mapping, by their own names."""
    if plan.preset is not None:
        of_preset = plan.preset(row)
        return None if of_preset is None else of_preset | plan.mapping.fields_in(row)
    if not plan.mapping:
        return {name: value for name, value in row.items() if name in TARGETS or value not in (None, "")}
    spoken_of = plan.mapping.columns()
    given: Json = {}
    for name, value in row.items():
        if name not in spoken_of and value not in (None, ""):
            given[name if name in TARGETS else f"metadata.{name}"] = value
    return given | plan.mapping.fields_in(row)


def _joined(given: Json) -> Json:
    """One document of typed fields: parts put into their objects, latencies computed from times."""
    document = {name: value for name, value in given.items() if "." not in name}
    for name, value in given.items():
        target, dot, key = name.partition(".")
        if dot and target in OPEN_TARGETS and isinstance(holder := document.get(target, {}), Mapping):
            document[target] = {**holder, key: value}
    start = document.get("start_time")
    for name, instant, milliseconds in _LATENCIES:
        at, n_ms = document.pop(instant, None), document.pop(milliseconds, None)
        if n_ms is not None and not isinstance(n_ms, float):
            raise BadRequest(f"{milliseconds}: must be a number, got {shorten(n_ms)}")
        if name not in document and n_ms is not None:
            document[name] = n_ms / 1000
        elif name not in document and at is not None:
            document[name] = _seconds_between(start, at, instant)
    return {name: value for name, value in document.items() if value is not None}


def _seconds_between(start: Any, end: Any, name: str) -> float | None:
    """None where they are the wrong way round: such a latency is not known, and the call was made all the same."""
    try:
        end_ns = parse_rfc3339(str(end))
    except BadRequest as error:
        raise BadRequest(f"{name}: {error}") from error
    try:
        start_ns = parse_rfc3339(str(start))
    except BadRequest:
        return None  # the validation of start_time tells it better
    return (end_ns - start_ns) / NS_PER_S if end_ns >= start_ns else None
