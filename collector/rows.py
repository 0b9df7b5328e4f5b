"""Calls and spans as objects -> the tables the store takes. For sources that are not OTLP, and for tests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from collector.batch import CALL_SCHEMA, SPAN_SCHEMA, Batch
from collector.call import Call
from collector.span import Span
from collector.times import NS_PER_S

_CALL_JSON = (
    "parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
    "contexts",
)  # fmt: skip


def batch_of_calls(calls: Sequence[Call]) -> Batch:
    """Calls that come without spans: each is a trace of one span."""
    return batch_of(calls, [span_of_call(call) for call in calls])


def batch_of(
    calls: Sequence[Call], spans: Sequence[Span], *, documents: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> Batch:
    """`documents`: what a retrieval span found, by its span id."""
    found = documents or {}
    return Batch(
        spans=pa.Table.from_pylist([_span_row(span, found.get(span.span_id)) for span in spans], schema=SPAN_SCHEMA),
        calls=pa.Table.from_pylist([_call_row(call) for call in calls], schema=CALL_SCHEMA),
    )


def span_of_call(call: Call) -> Span:
    """The span that a call without telemetry of its own would have had."""
    return Span(
        trace_id=call.trace_id,
        span_id=call.span_id,
        parent_span_id=None,
        name=" ".join(filter(None, (call.operation, call.request_model or call.response_model))) or "call",
        kind="client",
        operation=call.operation,
        start_ns=call.start_ns,
        end_ns=call.start_ns + round((call.latency_s or 0.0) * NS_PER_S),
        status="error" if call.error_type else "unset",
        status_message=call.error_message,
        project=call.project,
        service=call.service,
        environment=call.environment,
        scope=None,
    )


def _call_row(call: Call) -> dict[str, Any]:
    values = {f.name: _clean(getattr(call, f.name)) for f in fields(call) if f.name not in ("seq", *_CALL_JSON)}
    return values | {name: _json(getattr(call, name)) for name in _CALL_JSON}


def _span_row(span: Span, documents: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {f.name: _clean(getattr(span, f.name)) for f in fields(span)} | {
        "documents": _json(documents),
        "attributes": _attributes(span.attributes),
        "resource": _json(span.resource),
        "events": [
            {"name": _utf8(e.name), "time_ns": e.time_ns, "attributes": _attributes(e.attributes)} for e in span.events
        ],
        "links": [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": _attributes(link.attributes)}
            for link in span.links
        ],
    }


def _json(value: Any) -> str | None:
    return None if value is None else _utf8(json.dumps(value, ensure_ascii=False))


def _utf8(text: str) -> str:
    """`text` with a question mark for each half of a character (a lone surrogate), which no table can hold."""
    return text.encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _utf8(value)
        case list() | tuple():
            return [_clean(item) for item in value]
    return value


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": _utf8(key)} | _columns(value) for key, value in attributes.items()]


def _columns(value: Any) -> dict[str, Any]:
    """The one column of ATTRIBUTES that holds `value`; none for None."""
    any_value = _any_value(value)
    match any_value.WhichOneof("value"):
        case None:
            return {}
        case "array_value":
            return {"array": any_value.array_value.SerializeToString()}
        case "kvlist_value":
            return {"kvlist": any_value.kvlist_value.SerializeToString()}
        case field:
            return {field.removesuffix("_value"): getattr(any_value, field)}


def _any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=_utf8(value))
        case int() if -(2**63) <= value < 2**63:
            return AnyValue(int_value=value)
        case int() | float():
            return AnyValue(double_value=float(value))
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            pairs = [KeyValue(key=_utf8(str(key)), value=_any_value(item)) for key, item in value.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
        case Sequence():
            return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in value]))
    raise TypeError(f"an attribute cannot be a {type(value).__name__}; give text, a number, a list or a mapping")
