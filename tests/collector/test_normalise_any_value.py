"""Whatever stands in an attribute, a request becomes tables of the schema: a sender's mistake loses no span."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import PART_SCHEMA, SPAN_SCHEMA
from collector.dialects import DIALECTS
from collector.dialects.genai import PARAMETERS
from collector.normalise import normalise
from collector.otlp.table import read_export

START_NS = 1_790_000_000_000_000_000


def _listed() -> Iterator[str]:
    """Keys of OpenInference's flattened lists, also such as no library sends."""
    for side in ("input", "output"):
        for rest in (
            *("", ".message", ".message.role", ".message.content", ".message.contents", ".message.tool_call_id"),
            *(".message.contents.0", ".message.contents.0.message_content", ".message.tool_calls"),
            ".message.contents.0.message_content.type",
            ".message.contents.0.message_content.text",
            ".message.contents.0.message_content.image.image.url",
            *(".message.tool_calls.0", ".message.tool_calls.0.tool_call", ".message.tool_calls.0.tool_call.id"),
            ".message.tool_calls.0.tool_call.function",
            ".message.tool_calls.0.tool_call.function.arguments",
        ):
            yield f"llm.{side}_messages.0{rest}"
    yield from (f"llm.input_messages.{'9' * 5000}.message.role", "llm.input_messages.x.message.role", "llm.tools")
    yield from ("llm.prompts.0.prompt.text", "llm.choices.0.completion.text", "llm.tools.0.tool.json_schema")
    yield from ("retrieval.documents.0.document", "retrieval.documents.0.document.content")
    yield from ("reranker.output_documents.0.document.score", "embedding.embeddings.0.embedding.text")


OPERATIONS = [(d.operation_key, name) for d in DIALECTS for name in d.operations]
KEYS = sorted(
    {key for dialect in DIALECTS for keys in dialect.columns.values() for key in keys}
    | {"openinference.span.kind", *PARAMETERS.values(), *_listed()}
    | {"llm.invocation_parameters", "metadata", "input.value", "input.mime_type", "output.value", "output.mime_type"}
)

# The words that requests and responses are made of, so that the shapes are entered and not only refused at the door.
WORDS = (
    *("messages", "message", "role", "user", "content", "type", "text", "tool_calls", "tool_call_id", "function"),
    *("function_call", "function_call_output", "name", "arguments", "id", "call_id", "choices", "finish_reason"),
    *("output", "input", "prompt", "summary", "reasoning", "image_url", "url", "status", "model", "stream", "tenant"),
    *("session_id", "error", "parts", "[", "{}", "\ud83d", "\ufeff", "None", "NaN", ""),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
TEXTS = (
    JSON_VALUES.map(json.dumps)  # also with lone surrogates and NaN, as libraries write them
    | st.sampled_from(
        ["", "None", "[" * 5000, '{"a":' * 5000, "9" * 5000, '{"messages": [{"role": "us', "application/json"]
    )
    | st.text()
)


def _any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(_any_value, value)))
        case dict():
            pairs = [KeyValue(key=key, value=_any_value(item)) for key, item in value.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
    raise TypeError(value)


INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats() | TEXTS | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.tuples(
    st.sampled_from(["exception", "First Token Stream Event", "other"]),
    st.integers(0, 2**64 - 1),
    st.dictionaries(st.sampled_from(["exception.type", "exception.message"]), VALUES),
)
SPANS = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(OPERATIONS),
        "attributes": st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=12),
        "events": st.lists(EVENTS, max_size=2),
        "status": st.integers(0, 3),
        "message": st.sampled_from(["", "RateLimitError: slow down"]),
        "end_ns": st.integers(0, 2**63 - 1),
    }
)


def _span(number: int, given: dict[str, Any]) -> Span:
    key, name = given["operation"]
    span = Span(trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"), start_time_unix_nano=START_NS)
    span.end_time_unix_nano = given["end_ns"]
    span.status.code = given["status"]
    span.status.message = given["message"]
    for attribute, value in ({key: name} | given["attributes"]).items():
        span.attributes.add(key=attribute, value=_any_value(value))
    for event, time_ns, attributes in given["events"]:
        pairs = [KeyValue(key=k, value=_any_value(v)) for k, v in attributes.items()]
        span.events.add(name=event, time_unix_nano=time_ns, attributes=pairs)
    return span


@given(st.lists(SPANS, min_size=1, max_size=3))
@settings(max_examples=200)
def test_any_value_under_any_key_is_normalised_and_no_span_is_lost(given_spans: list[dict[str, Any]]) -> None:
    export = ExportTraceServiceRequest()
    spans = [_span(number, given) for number, given in enumerate(given_spans, 1)]
    export.resource_spans.add().scope_spans.add().spans.extend(spans)
    batch = normalise(read_export(export.SerializeToString()))
    assert (batch.spans.schema, batch.parts.schema) == (SPAN_SCHEMA, PART_SCHEMA)
    batch.spans.validate(full=True)
    batch.parts.validate(full=True)
    assert batch.spans.num_rows == len(spans)
    for call in batch.parts.to_pylist():
        assert all(call[name] is None or call[name] >= 0 for name in ("input_tokens", "output_tokens", "latency_s"))
