"""OTLP/JSON reads as its protobuf form, however senders write it."""

import base64
import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.errors import BadRequest
from collector.otlp.anyvalue import TOO_DEEP
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.logs import read_logs


def span_of(**fields: Any) -> Span:
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}
    export = ExportTraceServiceRequest.FromString(protobuf_of_json(json.dumps(document).encode()))
    return export.resource_spans[0].scope_spans[0].spans[0]


def value_of(**value: Any) -> AnyValue:
    return span_of(attributes=[{"key": "k", "value": value}]).attributes[0].value


def test_ids_are_hex_of_either_case() -> None:
    span = span_of(traceId="5B8EFFF798038103D269B633813FC60C", spanId="eee19b7ec3c1b174", parentSpanId="")
    assert span.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert (span.span_id.hex(), span.parent_span_id) == ("eee19b7ec3c1b174", b"")


def test_snake_case_names_and_unknown_fields_and_nulls_are_taken() -> None:
    body = b"""{"resource_spans": [{"scope_spans": [{"spans": [{"trace_id": "0a", "start_time_unix_nano": 5,
        "name": null, "of_the_future": {"a": [1]}, "links": null}]}], "resource": null}]}"""
    export = ExportTraceServiceRequest.FromString(protobuf_of_json(body))
    (span,) = export.resource_spans[0].scope_spans[0].spans
    assert (span.trace_id, span.start_time_unix_nano, span.name) == (b"\x0a", 5, "")


@pytest.mark.parametrize(("given", "kind"), [(3, 3), ("3", 3), ("SPAN_KIND_CLIENT", 3), ("SPAN_KIND_OF_LATER", 0)])
def test_enums_are_numbers_or_names(given: Any, kind: int) -> None:
    assert span_of(kind=given).kind == kind


@pytest.mark.parametrize("given", [27, "27", 27.0])
def test_64_bit_numbers_are_numbers_or_text(given: Any) -> None:
    assert value_of(intValue=given).int_value == 27
    assert span_of(startTimeUnixNano=given).start_time_unix_nano == 27


@pytest.mark.parametrize(
    ("given", "value"), [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf), (2, 2.0), ("0.5", 0.5)]
)
def test_doubles_may_be_words(given: Any, value: float) -> None:
    got = value_of(doubleValue=given).double_value
    assert math.isnan(got) if math.isnan(value) else got == value


def test_values_of_every_form_and_those_that_are_empty() -> None:
    assert value_of(bytesValue=base64.b64encode(b"\xff\xee").decode()).bytes_value == b"\xff\xee"
    assert value_of(bytesValue="_-4").bytes_value == b"\xff\xee"
    assert value_of(stringValue="").WhichOneof("value") == "string_value"
    assert value_of(boolValue=False).WhichOneof("value") == "bool_value"
    assert value_of().WhichOneof("value") is None
    array = value_of(arrayValue={"values": [{"intValue": "1"}, {}, None]}).array_value
    assert [item.WhichOneof("value") for item in array.values] == ["int_value", None, None]
    pairs = value_of(kvlistValue={"values": [{"key": "a", "value": {"stringValue": "ä"}}]}).kvlist_value
    assert pairs.values[0].value.string_value == "ä"


def test_half_a_character_becomes_a_question_mark() -> None:
    body = b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "cut \\ud83d"}]}]}]}'
    export = ExportTraceServiceRequest.FromString(protobuf_of_json(body))
    assert export.resource_spans[0].scope_spans[0].spans[0].name == "cut ?"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"traceId": "xyz"}, r"spans\[0\].traceId must be hex"),
        ({"startTimeUnixNano": "soon"}, r"startTimeUnixNano must be a whole number"),
        ({"startTimeUnixNano": -1}, r"startTimeUnixNano must be from 0 to"),
        ({"startTimeUnixNano": True}, r"startTimeUnixNano must be a whole number"),
        ({"name": 7}, r"name must be a text, got 7"),
        ({"attributes": {}}, r"attributes must be a list"),
        ({"attributes": [{"key": "k", "value": "v"}]}, r"attributes\[0\].value must be an object"),
        ({"attributes": [{"value": {"boolValue": "yes"}}]}, r"attributes\[0\].value.boolValue must be true or false"),
        ({"attributes": [{"value": {"bytesValue": "?"}}]}, r"bytesValue must be base64"),
        ({"attributes": [{"value": {"doubleValue": "much"}}]}, r"doubleValue must be a number"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(BadRequest, match=place):
        span_of(**fields)


@pytest.mark.parametrize("body", [b"[]", b"{", b"7", b'{"resourceSpans": 3}', b'{"resourceSpans":' + b"[" * 100_000])
def test_what_is_no_export_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        protobuf_of_json(body)


def test_an_empty_body_is_an_empty_export() -> None:
    assert protobuf_of_json(b"") == b""
    assert protobuf_of_json(b"{}", "logs") == b""


def test_metrics_of_every_kind_read_as_protobuf_reads_them() -> None:
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    point = scope.metrics.add(name="h").histogram.data_points.add(time_unix_nano=2**63, count=2**63, sum=0.5, min=-1)
    point.bucket_counts.extend([1, 2**40])
    point.explicit_bounds.extend([0.5])
    exponential = scope.metrics.add(name="e").exponential_histogram
    exponential.aggregation_temporality = 2
    buckets = exponential.data_points.add(scale=-3, flags=1).negative
    buckets.offset = -7
    buckets.bucket_counts.extend([300, 0])
    scope.metrics.add(name="s").sum.data_points.add(as_int=-(2**63))
    body = json_format.MessageToJson(metrics).encode()
    assert ExportMetricsServiceRequest.FromString(protobuf_of_json(body, "metrics")) == metrics


def test_a_value_nested_too_deep_is_marked_and_the_rest_is_kept() -> None:
    value: dict[str, Any] = {"stringValue": "bottom"}
    for _ in range(150):
        value = {"arrayValue": {"values": [value]}}
    record = {"timeUnixNano": "1790000000000000000", "body": value, "severityText": "kept"}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    (row,) = read_logs(protobuf_of_json(body, "logs")).table.to_pylist()
    assert TOO_DEEP in row["body"]
    assert row["severity"] == "kept"
    # Metrics are read by protobuf itself, which goes less deep.
    gauge = {"dataPoints": [{"attributes": [{"key": "deep", "value": value}]}]}
    metrics = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": gauge}]}]}]}).encode()
    export = ExportMetricsServiceRequest.FromString(protobuf_of_json(metrics, "metrics"))
    assert TOO_DEEP in str(export)


any_values = st.recursive(
    st.one_of(
        st.builds(dict),
        st.text().map(lambda text: {"stringValue": text}),
        st.booleans().map(lambda flag: {"boolValue": flag}),
        st.integers(-(2**63), 2**63 - 1).map(lambda n: {"intValue": n}),
        st.integers(-(2**63), 2**63 - 1).map(lambda n: {"intValue": str(n)}),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda x: {"doubleValue": x}),
        st.binary().map(lambda raw: {"bytesValue": base64.b64encode(raw).decode()}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: {"arrayValue": {"values": items}}),
        st.dictionaries(st.text(), inner, max_size=3).map(
            lambda d: {"kvlistValue": {"values": [{"key": k, "value": v} for k, v in d.items()]}}
        ),
    ),
    max_leaves=6,
)


@given(any_values, st.text())
def test_any_log_record_reads_as_protobuf_reads_it(body: dict[str, Any], name: str) -> None:
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": body, "eventName": name}]}]}]}
    wanted = json_format.ParseDict(document, ExportLogsServiceRequest())
    got = ExportLogsServiceRequest.FromString(protobuf_of_json(json.dumps(document).encode(), "logs"))
    assert got == wanted


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["key", "value", "stringValue", "intValue", "arrayValue", "values", "doubleValue"])
            | st.text(),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(json_values, st.sampled_from(["spans", "attributes", "resource", "links"]))
def test_any_structure_is_read_or_refused(value: Any, place: str) -> None:
    span = {"attributes": value} if place == "attributes" else {"links": value, "events": value}
    group = {"resource": value} if place == "resource" else {"scopeSpans": [{"spans": value}]}
    group = group if place in ("resource", "spans") else {"scopeSpans": [{"spans": [span]}]}
    try:
        body = protobuf_of_json(json.dumps({"resourceSpans": [group]}).encode())
    except BadRequest:
        return
    ExportTraceServiceRequest.FromString(body)


def test_the_tables_know_every_field_of_a_metric() -> None:
    document = {
        "name": "g",
        "gauge": {"dataPoints": [{"asInt": "-5", "flags": 1, "exemplars": [{"traceId": "0a" * 16}]}]},
    }
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [document]}]}]}).encode()
    export = ExportMetricsServiceRequest.FromString(protobuf_of_json(body, "metrics"))
    metric: Metric = export.resource_metrics[0].scope_metrics[0].metrics[0]
    (point,) = metric.gauge.data_points
    assert (point.as_int, point.flags, point.exemplars[0].trace_id) == (-5, 1, b"\x0a" * 16)
