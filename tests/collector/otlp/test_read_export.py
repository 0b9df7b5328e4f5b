"""Wire bytes to columns: whatever arrives is read or refused, and nothing is made up."""

import contextlib
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.errors import BadRequest, TooLarge
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.table import read_export
from collector.otlp.unpack import unpack_gzip as decompress

START_NS = 1_790_000_000_000_000_000


def an_export(*spans: Span) -> bytes:
    export = ExportTraceServiceRequest()
    export.resource_spans.add().scope_spans.add().spans.extend(spans)
    return export.SerializeToString()


def a_span(**fields: object) -> Span:
    return Span(
        **{
            "trace_id": b"t" * 16,
            "span_id": b"s" * 8,
            "start_time_unix_nano": START_NS,
            "end_time_unix_nano": START_NS + 10,
        }
        | fields
    )


values = st.recursive(
    st.one_of(
        st.builds(AnyValue),
        st.text().map(lambda text: AnyValue(string_value=text)),
        st.booleans().map(lambda flag: AnyValue(bool_value=flag)),
        st.integers(-(2**63), 2**63 - 1).map(lambda number: AnyValue(int_value=number)),
        st.floats(allow_nan=False).map(lambda number: AnyValue(double_value=number)),
        st.binary().map(lambda raw: AnyValue(bytes_value=raw)),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: AnyValue(array_value={"values": items})),
    max_leaves=5,
)


def python_value(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [python_value(item) for item in value.array_value.values]
        case "bytes_value":
            return value.bytes_value.hex()
        case field:
            return getattr(value, field)


@given(st.lists(st.dictionaries(st.text(min_size=1), values, max_size=5), max_size=4))
def test_attributes_of_every_row_come_back_as_they_were_sent(rows: list[dict[str, AnyValue]]) -> None:
    spans = [a_span(attributes=[KeyValue(key=k, value=v) for k, v in row.items()]) for row in rows]
    table = read_export(an_export(*spans))
    assert len(table) == len(rows)
    for place, row in enumerate(rows):
        assert table.attributes.of_row(place) == {key: python_value(value) for key, value in row.items()}


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert len(read_export(body)) >= 0


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_export_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(
        an_export(a_span(name="chat", attributes=[KeyValue(key="k", value=AnyValue(string_value="v" * 50))]))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadRequest):
        assert len(read_export(bytes(body))) <= 1


def test_a_length_beyond_any_memory_is_refused_and_what_comes_after_is_read() -> None:
    # Found by fuzzing: the first made the decoder panic.
    for length in (b"\xff" * 9 + b"\x0f", b"\xff" * 9 + b"\x01", b"\xff" * 4 + b"\x0f"):
        with pytest.raises(BadRequest, match="protobuf"):
            read_export(b"\x0a" + length + bytes(3))
    assert len(read_export(an_export(a_span()))) == 1


def test_spans_without_valid_ids_or_times_are_rejected_and_counted_and_the_rest_is_kept() -> None:
    table = read_export(
        an_export(
            a_span(name="kept"),
            a_span(trace_id=b"short"),
            a_span(span_id=bytes(8)),
            a_span(start_time_unix_nano=0),
            a_span(end_time_unix_nano=2**64 - 1),
        )
    )
    assert table.name.to_pylist() == ["kept"]
    assert sorted(table.rejected.values()) == [1, 1, 2]


def test_a_span_that_ends_before_it_starts_lasts_no_time() -> None:
    table = read_export(an_export(a_span(end_time_unix_nano=0)))
    assert table.end_ns.to_pylist() == [START_NS]


def test_text_that_is_not_utf8_costs_its_wrong_bytes_and_nothing_else() -> None:
    pairs = [
        KeyValue(key="good", value=AnyValue(string_value="ä")),
        KeyValue(key="bad", value=AnyValue(string_value="abcd")),
    ]
    body = an_export(a_span(name="abcd", attributes=pairs), a_span(name="chat"))
    table = read_export(body.replace(b"abcd", b"\xff\xfebd"))
    assert table.name.to_pylist() == ["\ufffd\ufffdbd", "chat"]
    assert table.attributes.of_row(0) == {"good": "ä", "bad": "\ufffd\ufffdbd"}


def test_json_with_hex_ids_and_numbers_as_text_reads_as_its_protobuf_form() -> None:
    body = b"""{"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": "",
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000, "fromTheFuture": 1,
        "links": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175"}],
        "attributes": [{"key": "n", "value": {"intValue": "27"}}]}]}]}]}"""
    table = read_export(protobuf_of_json(body))
    assert table.trace_id.to_pylist() == ["5b8efff798038103d269b633813fc60c"]
    assert table.parent_span_id.to_pylist() == [None]
    assert table.start_ns.to_pylist() == [1544712660000000000]
    assert table.attributes.of_row(0) == {"n": 27}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceSpans": 3}',
    ],
)
def test_json_that_is_no_export_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_export(protobuf_of_json(body))


def test_a_gzip_bomb_is_refused_before_it_unpacks() -> None:
    with pytest.raises(TooLarge, match="smaller batches"):
        decompress(gzip.compress(bytes(50_000_000)), max_bytes=1_000_000)


def test_gzip_in_several_members_is_read_whole_and_a_cut_one_is_refused() -> None:
    assert decompress(gzip.compress(b"one") + gzip.compress(b"two"), max_bytes=100) == b"onetwo"
    with pytest.raises(BadRequest, match="cut"):
        decompress(gzip.compress(b"one")[:-4], max_bytes=100)
    with pytest.raises(BadRequest, match="does not unpack"):
        decompress(b"plain", max_bytes=100)
