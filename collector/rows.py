"""Calls and spans as objects -> the tables the store takes. For sources that are not OTLP, and for tests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from collector.batch import PART_SCHEMA, SPAN_SCHEMA, Batch, call_id_of
from collector.call import Call
from collector.span import Span, SpanEvent, SpanLink
from collector.times import NS_PER_S

_CALL_JSON = (
    "parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
    "contexts",
)  # fmt: skip


_CALL_PLAIN = tuple(f.name for f in fields(Call) if f.name not in ("seq", *_CALL_JSON))
_SPAN_PLAIN = tuple(f.name for f in fields(Span) if f.name not in ("attributes", "resource", "events", "links"))


def batch_of_calls(calls: Sequence[Call]) -> Batch:
    """Calls that come without spans: each is a trace of one span."""
    return batch_of(calls, [span_of_call(call) for call in calls])


def batch_of(
    calls: Sequence[Call], spans: Sequence[Span], *, documents: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> Batch:
    """`documents`: what a retrieval span found, by its span id."""
    found = documents or {}
    span_of_key = {(span.trace_id, span.span_id): span for span in spans}
    parts = [_part_row(call, span_of_key.get((call.trace_id, call.span_id))) for call in calls]
    return Batch(
        spans=pa.Table.from_pylist([_span_row(span, found.get(span.span_id)) for span in spans], schema=SPAN_SCHEMA),
        parts=pa.Table.from_pylist(parts, schema=PART_SCHEMA),
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


def _part_row(call: Call, span: Span | None) -> dict[str, Any]:
    values = {name: _clean(getattr(call, name)) for name in _CALL_PLAIN}
    values |= {name: _json(getattr(call, name)) for name in _CALL_JSON}
    return values | {
        "part_id": call_id_of(call.trace_id, call.span_id),
        "part_kind": "span",
        "parent_span_id": span.parent_span_id if span else None,
        "scope": span.scope if span else None,
        "end_ns": span.end_ns if span else call.start_ns + round((call.latency_s or 0.0) * NS_PER_S),
    }


def _span_row(span: Span, documents: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {name: _clean(getattr(span, name)) for name in _SPAN_PLAIN} | {
        "documents": _json(documents),
        "attributes": _json(span.attributes),
        "resource": _json(span.resource),
        "events": _json_list(span.events),
        "links": _json_list(span.links),
    }


def _json_list(items: Sequence[SpanEvent | SpanLink]) -> str | None:
    return _json([{f.name: getattr(item, f.name) for f in fields(item)} for item in items]) if items else None


def _json(value: Any) -> str | None:
    return None if value is None else _utf8(json.dumps(value, ensure_ascii=False, default=_hex))


def _hex(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"an attribute cannot be a {type(value).__name__}; give text, a number, a list or a mapping")


def _utf8(text: str) -> str:
    """`text` with a question mark for each half of a character (a lone surrogate), which no table can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _utf8(value)
    return [_clean(item) for item in value] if isinstance(value, list | tuple) else value
