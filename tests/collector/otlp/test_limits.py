"""Long values, many attributes, deep nesting and junk times: cut or refused with a mark, and the rest is kept."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.errors import TooLarge
from collector.normalise import normalise
from collector.otlp.anyvalue import MAX_DEPTH, TOO_DEEP, any_value
from collector.otlp.grouped import resource_chars
from collector.otlp.limits import DROPPED_KEY, Limits, cut_text, cut_texts
from collector.otlp.table import SpanTable, read_export
from collector.otlp.wire import MAX_SMALL_MESSAGES, decode_export

Pairs = Callable[[dict[str, Any]], list[KeyValue]]


def a_span(number: int, now_ns: int, **fields: Any) -> Span:
    times = {"start_time_unix_nano": now_ns, "end_time_unix_nano": now_ns + 1}
    return Span(**{"trace_id": b"t" * 16, "span_id": number.to_bytes(8, "big")} | times | fields)


def an_export(*spans: Span, resource: list[KeyValue] | None = None) -> bytes:
    export = ExportTraceServiceRequest()
    group = export.resource_spans.add()
    group.resource.attributes.extend(resource or [])
    group.scope_spans.add().spans.extend(spans)
    return export.SerializeToString()


def attributes_of(table: SpanTable) -> list[dict[str, Any]]:
    return [json.loads(text) for text in normalise(table).spans.column("attributes").to_pylist()]


def test_a_text_is_cut_at_characters_with_a_mark_that_counts_them() -> None:
    assert cut_text("äöü", 3) == "äöü"
    assert cut_text("äöüß", 3) == "äöü...[cut by Watchkeeper: 3 of 4 characters kept]"


def test_a_json_text_stays_json_and_loses_only_of_its_longest_texts() -> None:
    messages = [{"role": "user", "content": "short question"}, {"role": "user", "content": "i" * 50_000}]
    (short, long) = json.loads(cut_text(json.dumps(messages), 10_000))
    assert short == messages[0]
    assert long["content"].startswith("i" * 9000)
    assert "of 50000 characters kept" in long["content"]


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)))
def test_what_is_cut_is_hardly_longer_than_allowed(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    n_texts = text.count('"')  # each cut text has a mark of its own
    assert len(cut_text(text, 300)) <= 300 + 80 * (n_texts + 1)


@given(st.lists(st.none() | st.text(max_size=9)), st.integers(1, 8), st.integers(0, 3))
def test_a_column_is_cut_as_its_texts_are_one_by_one(texts: list[str | None], max_chars: int, offset: int) -> None:
    column, n_cut = cut_texts(pa.array(texts, pa.string()).slice(offset), max_chars)
    wanted = [None if text is None else cut_text(text, max_chars) for text in texts[offset:]]
    assert column.to_pylist() == wanted
    assert n_cut == sum(len(text or "") > max_chars for text in texts[offset:])


def test_values_of_every_form_are_cut_and_those_beside_them_are_not(now_ns: int, pairs: Pairs) -> None:
    long = {"text": "t" * 5000, "list": ["x" * 5000, "y"], "map": {"a": "z" * 5000}, "bytes": b"b" * 5000}
    spans = [a_span(1, now_ns, attributes=pairs(long | {"n": 1})), a_span(2, now_ns, attributes=pairs({"text": "t"}))]
    table = read_export(an_export(*spans), Limits(max_value_chars=2000), now_ns=now_ns)
    first, second = attributes_of(table)
    assert (second, first["n"]) == ({"text": "t"}, 1)
    assert first["text"].startswith("t" * 2000 + "...[cut by Watchkeeper")
    assert json.loads(first["list"])[1] == "y"
    assert json.loads(first["map"])["a"].endswith("of 5000 characters kept]")
    assert first["bytes"].endswith("2000 of 10000 characters kept]")
    assert table.noted == {"attribute_values": 4}


def test_events_and_links_have_the_same_limits(now_ns: int, pairs: Pairs) -> None:
    event = Span.Event(time_unix_nano=now_ns, name="e" * 5000, attributes=pairs({"long": "x" * 3000, "n": 1}))
    link = Span.Link(trace_id=b"l" * 16, span_id=b"l" * 8, attributes=pairs({"long": "x" * 3000}))
    spans = [a_span(1, now_ns, events=[event] * 20, links=[link]), a_span(2, now_ns)]
    limits = Limits(max_value_chars=2000, max_attributes=16)
    row, other = normalise(read_export(an_export(*spans), limits, now_ns=now_ns)).spans.to_pylist()
    events, links = json.loads(row["events"]), json.loads(row["links"])
    assert len(events) == 16
    assert events[0]["attributes"]["n"] == 1
    assert all("cut by Watchkeeper" in text for text in (events[0]["name"], events[0]["attributes"]["long"]))
    assert "cut by Watchkeeper" in links[0]["attributes"]["long"]
    assert (other["events"], other["links"]) == (None, None)


def test_more_attributes_than_allowed_are_dropped_with_their_count_in_the_last_place(now_ns: int, pairs: Pairs) -> None:
    spans = [
        a_span(1, now_ns, attributes=pairs({"a": 1})),
        a_span(2, now_ns, attributes=pairs({f"k{n}": n for n in range(50)})),
        a_span(3, now_ns, attributes=pairs({f"k{n}": n for n in range(16)})),
    ]
    table = read_export(an_export(*spans), Limits(max_attributes=16), now_ns=now_ns)
    first, second, third = attributes_of(table)
    assert (first, third) == ({"a": 1}, {f"k{n}": n for n in range(16)})
    assert second == {f"k{n}": n for n in range(15)} | {DROPPED_KEY: 35}
    assert table.noted == {"attributes": 35}


def test_a_resource_is_shorter_where_many_spans_repeat_it(now_ns: int, pairs: Pairs) -> None:
    assert resource_chars(1) > resource_chars(10_000) > resource_chars(10**9) >= 2048
    body = an_export(a_span(1, now_ns), resource=pairs({"service.name": "shop", "argv": "x" * 200_000}))
    table = read_export(body, now_ns=now_ns)
    resource = table.resource[0].as_py()
    assert len(resource) < 70_000
    assert json.loads(resource)["service.name"] == table.service[0].as_py() == "shop"


def test_too_many_records_are_refused(now_ns: int) -> None:
    body = an_export(*(a_span(n, now_ns) for n in range(1, 12)))
    with pytest.raises(TooLarge, match="at most 10"):
        read_export(body, Limits(max_records=10), now_ns=now_ns)


def test_crumbs_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(TooLarge, match="few bytes each"):
        decode_export(b"\x0a\x00" * (MAX_SMALL_MESSAGES + 1))


def nested(depth: int, leaf: AnyValue) -> bytes:
    """The bytes of an array in an array ... around `leaf`."""
    raw = leaf.SerializeToString()
    for _ in range(depth):
        array = b"\x0a" + varint(len(raw)) + raw
        raw = b"\x2a" + varint(len(array)) + array
    return array


def varint(number: int) -> bytes:
    head = b""
    while number > 127:
        head += bytes([number & 127 | 128])
        number >>= 7
    return head + bytes([number])


@pytest.mark.parametrize("depth", [1, 40, MAX_DEPTH, MAX_DEPTH + 1, 5000])
def test_nesting_is_read_to_its_limit_and_marked_beyond(depth: int) -> None:
    value, n_levels = any_value("array", nested(depth, AnyValue(string_value="leaf"))), 0
    while isinstance(value, list):
        (value,) = value
        n_levels += 1
    assert (value, n_levels) == (("leaf", depth) if depth <= MAX_DEPTH else (TOO_DEEP, MAX_DEPTH))


def test_a_broken_text_inside_a_value_costs_its_wrong_bytes_only() -> None:
    pairs = KeyValueList(
        values=[KeyValue(key="a", value=AnyValue(string_value="abcd")), KeyValue(key="n", value=AnyValue(int_value=1))]
    )
    assert any_value("kvlist", pairs.SerializeToString().replace(b"abcd", b"\xff\xffcd")) == {
        "a": "\ufffd\ufffdcd",
        "n": 1,
    }
    assert any_value("array", b"\xff\xff") == "ffff"
    assert any_value("array", ArrayValue().SerializeToString()) == []


def test_spans_beyond_the_clock_are_taken_to_a_bound_and_counted(now_ns: int) -> None:
    day_ns = 86_400 * 10**9
    offsets = {1: 0, 2: 3600 * 10**9, 3: day_ns + 10**9, 4: -20 * 365 * day_ns, 5: -30 * 365 * day_ns}
    spans = [a_span(n, now_ns, start_time_unix_nano=now_ns + offset) for n, offset in offsets.items()]
    table = read_export(an_export(*spans), now_ns=now_ns)
    assert table.span_id.to_pylist() == [f"{n:016x}" for n in (1, 2, 4)]
    assert table.noted == {"from_the_future": 1}
    assert sum(table.rejected.values()) == 2
    assert np.diff(table.start_ns.to_numpy())[0] == offsets[2]


def test_more_events_than_a_few_for_each_record_are_refused(now_ns: int) -> None:
    spans = [Span(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=now_ns, events=[Span.Event()] * 9)]
    with pytest.raises(TooLarge, match="9 events or links in one export; send at most 8"):
        read_export(an_export(*spans), Limits(max_records=2), now_ns=now_ns)
