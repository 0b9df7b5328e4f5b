"""OTLP in its JSON encoding, to the protobuf bytes that the rest reads."""

import base64
import json
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.errors import BadRequest

_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")


def protobuf_of_json(body: bytes) -> bytes:
    """The protobuf form of a JSON trace export.

    OTLP writes ids in hex where the protobuf JSON mapping wants base64; unknown fields are passed over, as it asks.

    Raises:
        BadRequest: if `body` is not JSON, or not a trace export.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadRequest(f"a trace export is a JSON object with resourceSpans, got {type(document).__name__}")
    for group in _objects(document, "resourceSpans", "resource_spans"):
        for scope in _objects(group, "scopeSpans", "scope_spans"):
            for span in _objects(scope, "spans", "spans"):
                for holder in (span, *_objects(span, "links", "links")):
                    _ids_to_base64(holder)
    try:
        export = json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (json_format.ParseError, RecursionError) as error:
        raise BadRequest(f"the body is JSON but no OTLP trace export: {error}") from error
    result: bytes = export.SerializeToString()
    return result


def _objects(parent: dict[str, Any], camel: str, snake: str) -> list[dict[str, Any]]:
    children = parent.get(camel, parent.get(snake))
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _ids_to_base64(holder: dict[str, Any]) -> None:
    for name in _IDS:
        if isinstance(value := holder.get(name), str):
            try:
                holder[name] = base64.b64encode(bytes.fromhex(value)).decode()
            except ValueError as error:
                raise BadRequest(f"{name} must be hex, got {value[:40]!r}") from error
