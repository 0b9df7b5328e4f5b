"""Spans in their public shape, with the calls that stand on them -> OTLP, in the names of OTel GenAI."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from collector.times import parse_rfc3339

Json = Mapping[str, Any]

_KINDS = {
    name: Span.SpanKind.Value(f"SPAN_KIND_{name.upper()}")
    for name in ("unspecified", "internal", "server", "client", "producer", "consumer")
}
_STATUSES = {name: Status.StatusCode.Value(f"STATUS_CODE_{name.upper()}") for name in ("unset", "ok", "error")}

_FIELDS = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "request_model": "gen_ai.request.model",
    "response_model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "system_fingerprint": "openai.response.system_fingerprint",
    "stream": "gen_ai.request.stream",
    "ttft_s": "gen_ai.response.time_to_first_chunk",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "cost_usd": "gen_ai.usage.cost",
    "finish_reasons": "gen_ai.response.finish_reasons",
    "error_type": "error.type",
    "session_id": "gen_ai.conversation.id",
    "user_id": "user.id",
    "tenant": "tenant.id",
    "tags": "tag.tags",
}
_JSON_FIELDS = {
    "system_instructions": "gen_ai.system_instructions",
    "input_messages": "gen_ai.input.messages",
    "output_messages": "gen_ai.output.messages",
    "tool_definitions": "gen_ai.tool.definitions",
    "metadata": "metadata",
}
_PARAMETERS = frozenset(
    ("temperature", "top_p", "top_k", "max_tokens", "seed", "stop_sequences", "frequency_penalty", "presence_penalty")
)


def export_of(spans: Sequence[Json], calls: Mapping[tuple[str, str], Json]) -> ExportTraceServiceRequest:
    """One export of `spans`. `calls` by trace id and span id: what is stored on a call alone is written on its span."""
    groups: dict[str, ResourceSpans] = {}
    scopes: dict[tuple[str, str], Any] = {}
    request = ExportTraceServiceRequest()
    for span in spans:
        resource = _resource(span)
        key = json.dumps(resource, sort_keys=True, default=str)
        if key not in groups:
            groups[key] = request.resource_spans.add()
            groups[key].resource.attributes.extend(_pairs(resource))
        scope = span.get("scope") or ""
        if (key, scope) not in scopes:
            scopes[key, scope] = groups[key].scope_spans.add()
            scopes[key, scope].scope.name = scope
        scopes[key, scope].spans.append(_span(span, calls.get((span["trace_id"], span["span_id"]))))
    return request


def json_of(request: ExportTraceServiceRequest) -> dict[str, Any]:
    """The JSON form of OTLP: ids in hex, 64-bit numbers as text, as the collector's file exporter writes it."""
    document: dict[str, Any] = MessageToDict(request, use_integers_for_enums=True)
    for group, group_json in zip(request.resource_spans, document.get("resourceSpans", ()), strict=True):
        for scope, scope_json in zip(group.scope_spans, group_json.get("scopeSpans", ()), strict=True):
            for span, span_json in zip(scope.spans, scope_json.get("spans", ()), strict=True):
                _ids_to_hex(span, span_json)
                for link, link_json in zip(span.links, span_json.get("links", ()), strict=True):
                    _ids_to_hex(link, link_json)
    return document


def _ids_to_hex(message: Any, document: dict[str, Any]) -> None:
    for field, name in (("trace_id", "traceId"), ("span_id", "spanId"), ("parent_span_id", "parentSpanId")):
        if name in document:
            document[name] = getattr(message, field).hex()


def _resource(span: Json) -> dict[str, Any]:
    known = {"service.name": span.get("service"), "deployment.environment.name": span.get("environment")}
    own = dict(span.get("resource") or {})
    return own | {key: value for key, value in known.items() if value and key not in own}


def _span(span: Json, call: Json | None) -> Span:
    attributes = dict(span.get("attributes") or {})
    for key, value in (_attributes_of(call) if call else {}).items():
        attributes.setdefault(key, value)
    status = span.get("status") or "unset"
    return Span(
        trace_id=bytes.fromhex(span["trace_id"]),
        span_id=bytes.fromhex(span["span_id"]),
        parent_span_id=bytes.fromhex(span.get("parent_span_id") or ""),
        name=span.get("name") or "",
        kind=_KINDS.get(span.get("kind") or "", _KINDS["unspecified"]),
        start_time_unix_nano=parse_rfc3339(span["start_time"]),
        end_time_unix_nano=parse_rfc3339(span["end_time"]),
        attributes=_pairs(attributes),
        events=[
            Span.Event(
                name=event["name"],
                time_unix_nano=parse_rfc3339(event["time"]),
                attributes=_pairs(event["attributes"]),
            )
            for event in span.get("events") or ()
        ],
        links=[
            Span.Link(
                trace_id=bytes.fromhex(link["trace_id"]),
                span_id=bytes.fromhex(link["span_id"]),
                attributes=_pairs(link["attributes"]),
            )
            for link in span.get("links") or ()
        ],
        status=Status(code=_STATUSES.get(status, _STATUSES["unset"]), message=span.get("status_message") or ""),
    )


def _attributes_of(call: Json) -> dict[str, Any]:
    plain = {key: call[name] for name, key in _FIELDS.items() if call.get(name) is not None}
    texts = {
        key: json.dumps(call[name], ensure_ascii=False)
        for name, key in _JSON_FIELDS.items()
        if call.get(name) is not None
    }
    parameters = call.get("parameters") or {}
    named = {f"gen_ai.request.{name}": value for name, value in parameters.items() if name in _PARAMETERS}
    return plain | texts | named


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any_value(value)) for key, value in attributes.items()]


def _any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int() if -(2**63) <= value < 2**63:
            return AnyValue(int_value=value)
        case int() | float():
            return AnyValue(double_value=float(value))
        case Mapping():
            return AnyValue(kvlist_value=KeyValueList(values=_pairs({str(k): v for k, v in value.items()})))
    return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in value]))
