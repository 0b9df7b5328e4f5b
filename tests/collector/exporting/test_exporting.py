"""Stored telemetry to Parquet, JSON lines and OTLP, and back."""

import gzip
import io
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.api.shapes import CallShape, ScoreShape, span_json
from collector.call import Call
from collector.calllog import call_of
from collector.exporting import columns
from collector.exporting.otlp import export_of, json_of
from collector.exporting.writers import JsonLines, OtlpJsonLines, OtlpProtobuf, Parquet, Writer, packed
from collector.importing.convert import Plan, document_of
from collector.importing.parquetrows import parquet_rows
from collector.importing.row import Row
from collector.otlp.jsonform import protobuf_of_json
from collector.rows import span_of_call
from collector.span import Span, SpanEvent, SpanLink

FULL = {
    "trace_id": "ab" * 16, "span_id": "cd" * 8, "start_time": "2026-11-21T10:00:00.123456789Z", "project": "default",
    "service": "shop", "environment": "prod", "provider": "openai", "request_model": "gpt-4o-mini",
    "response_model": "gpt-4o-mini-2024-07-18", "response_id": "chatcmpl-1", "system_fingerprint": "fp", "stream": True,
    "operation": "chat", "latency_s": 1.5, "ttft_s": 0.25, "input_tokens": 100, "output_tokens": 20,
    "cache_read_tokens": 40, "cache_write_tokens": 0, "reasoning_tokens": 5, "cost_usd": 0.0125,
    "finish_reasons": ["stop"], "error_type": "Timeout", "error_message": "too slow",
    "parameters": {"temperature": 0.5, "max_tokens": 7}, "session_id": "s1", "user_id": "u1", "tenant": "acme",
    "tags": ["a", "b"], "metadata": {"nested": {"n": 1}}, "system_instructions": "Be brief.",
    "input_messages": "Where is my parcel? ü 😀", "output_messages": "In Ulm.",
    "tool_definitions": [{"type": "function", "name": "track"}], "contexts": ["The parcel is in Ulm."],
}  # fmt: skip


@pytest.fixture
def full_call() -> Call:
    return call_of(FULL)


def written(make: Callable[[Any], Writer], items: list[Any], calls: Any = None, *, batches: int = 1) -> bytes:
    path = io.BytesIO()
    path.close = lambda: None  # type: ignore[method-assign]
    writer = make(path)
    for _ in range(batches):
        writer.write(items, calls or {})
    writer.close()
    return path.getvalue()


@pytest.mark.parametrize(("shape", "schema"), [(CallShape, columns.CALLS), (ScoreShape, columns.SCORES)])
def test_parquet_has_a_column_for_every_field_of_the_public_shape(shape: Any, schema: pa.Schema) -> None:
    assert set(schema.names) == set(shape.model_fields)


def test_calls_in_parquet_are_read_back_as_the_same_calls(full_call: Call) -> None:
    calls = [full_call, call_of({"start_time": "2026-11-21T10:00:00Z"})]
    body = written(lambda f: Parquet(f, columns.CALLS), [call.to_json() for call in calls])
    assert pq.read_schema(io.BytesIO(body)).field("start_time").type == pa.timestamp("ns", tz="UTC")
    rows = [row for row in parquet_rows(io.BytesIO(body)) if isinstance(row, Row)]
    assert [call_of(document_of(row.values, Plan())) for row in rows] == calls


def test_calls_in_json_lines_are_the_public_shape(full_call: Call) -> None:
    body = written(JsonLines, [full_call.to_json()], batches=2)
    assert [json.loads(line) for line in body.splitlines()] == [json.loads(json.dumps(full_call.to_json()))] * 2


def test_a_number_that_is_no_json_is_null(full_call: Call) -> None:
    odd = replace(full_call, parameters={"x": float("nan")})
    assert json.loads(written(JsonLines, [odd.to_json()]))["parameters"] == {"x": None}


def a_span(**fields: Any) -> Span:
    values: dict[str, Any] = {
        "trace_id": "ab" * 16, "span_id": "01" * 8, "parent_span_id": "cd" * 8, "name": "tool", "kind": "internal",
        "operation": None, "start_ns": 1_795_255_200_000_000_001, "end_ns": 1_795_255_201_000_000_000,
        "status": "error", "status_message": "boom", "project": "default", "service": "shop",
        "environment": "prod", "scope": "my.lib",
        "attributes": {"s": "ü", "i": 2**53 + 1, "f": 1.0, "b": True, "list": [1, "a"], "map": {"k": {"l": None}}},
        "resource": {"service.name": "shop", "host.name": "h"},
        "events": (SpanEvent(name="exception", time_ns=1_795_255_200_500_000_000, attributes={"m": "x"}),),
        "links": (SpanLink(trace_id="ef" * 16, span_id="ef" * 8, attributes={"why": "retry"}),),
    }  # fmt: skip
    return Span(**values | fields)


def spans_in(request: ExportTraceServiceRequest) -> list[Any]:
    return [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]


def test_a_span_in_otlp_has_all_that_was_sent() -> None:
    request = export_of([span_json(a_span())], {})
    [group] = request.resource_spans
    resource = {pair.key: pair.value.string_value for pair in group.resource.attributes}
    assert resource == {"service.name": "shop", "host.name": "h", "deployment.environment.name": "prod"}
    assert group.scope_spans[0].scope.name == "my.lib"
    [span] = spans_in(request)
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == ("ab" * 16, "01" * 8, "cd" * 8)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
        1_795_255_200_000_000_001,
        1_795_255_201_000_000_000,
    )
    assert (span.kind, span.status.code, span.status.message) == (1, 2, "boom")
    values = {pair.key: pair.value for pair in span.attributes}
    assert values["s"].string_value == "ü"
    assert values["i"].int_value == 2**53 + 1
    assert values["f"].WhichOneof("value") == "double_value"
    assert values["b"].bool_value is True
    assert [item.WhichOneof("value") for item in values["list"].array_value.values] == ["int_value", "string_value"]
    assert values["map"].kvlist_value.values[0].value.kvlist_value.values[0].key == "l"
    assert (span.events[0].name, span.links[0].span_id.hex()) == ("exception", "ef" * 8)


def test_spans_of_one_resource_and_scope_share_them() -> None:
    request = export_of([span_json(a_span(scope=scope, service=s, resource={})) for s in "ab" for scope in "xyx"], {})
    assert [len(group.scope_spans) for group in request.resource_spans] == [2, 2]
    assert len(spans_in(request)) == 6


def test_what_stands_on_the_call_is_written_on_its_span(full_call: Call) -> None:
    span = replace(span_of_call(full_call), attributes={"gen_ai.request.model": "as it was sent"})
    calls = {(full_call.trace_id, full_call.span_id): full_call.to_json()}
    [written_span] = spans_in(export_of([span_json(span)], calls))
    values = {pair.key: pair.value for pair in written_span.attributes}
    assert values["gen_ai.request.model"].string_value == "as it was sent"
    assert values["gen_ai.usage.input_tokens"].int_value == 100
    assert values["gen_ai.request.temperature"].double_value == 0.5
    assert json.loads(values["gen_ai.input.messages"].string_value) == full_call.input_messages
    assert values["gen_ai.response.finish_reasons"].array_value.values[0].string_value == "stop"


def test_otlp_protobuf_is_messages_after_their_lengths() -> None:
    items = [span_json(a_span())]
    body = written(OtlpProtobuf, items, batches=2)
    found = []
    while body:
        (n_bytes,) = struct.unpack(">I", body[:4])
        found.append(ExportTraceServiceRequest.FromString(body[4 : 4 + n_bytes]))
        body = body[4 + n_bytes :]
    assert found == [export_of(items, {})] * 2


def test_otlp_json_lines_are_read_back_as_the_same_export(full_call: Call) -> None:
    spans = [a_span(), span_of_call(full_call)]
    calls = {(full_call.trace_id, full_call.span_id): full_call.to_json()}
    items = [span_json(span) for span in spans]
    [line] = written(OtlpJsonLines, items, calls).splitlines()
    document = json.loads(line)
    assert document == json_of(export_of(items, calls))
    first = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert first["traceId"] == "ab" * 16
    assert first["startTimeUnixNano"] == "1795255200000000001"
    assert first["kind"] == 1
    assert ExportTraceServiceRequest.FromString(protobuf_of_json(line)) == export_of(items, calls)


@pytest.mark.parametrize("suffix", [".jsonl", ".gz", ".zst"])
def test_a_file_is_packed_as_its_name_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"f{suffix}"
    writer = JsonLines(packed(path.open("wb"), suffix))
    writer.write([{"a": 1}] * 1000, {})
    writer.close()
    raw = path.read_bytes()
    unpack: dict[str, Callable[[bytes], bytes]] = {
        ".jsonl": bytes,
        ".gz": gzip.decompress,
        ".zst": lambda b: pa.CompressedInputStream(io.BytesIO(b), "zstd").read(),
    }
    assert unpack[suffix](raw) == b'{"a":1}\n' * 1000


def test_parquet_is_written_in_groups_of_bounded_size(full_call: Call, tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    writer = Parquet(path.open("wb"), columns.CALLS, group_rows=20)
    for _ in range(5):
        writer.write([full_call.to_json()] * 9, {})
    writer.close()
    file = pq.ParquetFile(path)
    assert file.metadata.num_rows == 45
    assert file.metadata.num_row_groups == 2
