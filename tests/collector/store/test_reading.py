"""Pages, single calls and traces."""

import random
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import cursors
from collector.errors import BadRequest
from collector.query import Filters
from collector.span import SpanEvent, SpanLink

DAY_NS = 86_400 * 10**9


def ids(calls):
    return [call.call_id for call in calls]


def all_pages(store, filters, limit):
    cursor, found = None, []
    while True:
        page = store.calls(filters, limit=limit, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 30, 31])
def test_pages_give_every_call_once_newest_first_ties_by_id(store, everything, a_call, a_batch, limit):
    rng = random.Random(1)
    base = a_call().start_ns
    calls = [a_call(start_ns=base + rng.randrange(4) * DAY_NS // 2) for _ in range(30)]
    store.write([a_batch(calls)])
    expected = sorted(calls, key=lambda call: (-call.start_ns, call.call_id))
    assert ids(all_pages(store, everything, limit)) == ids(expected)


def test_pages_are_stable_while_new_calls_arrive(store, everything, a_call, a_batch):
    calls = [a_call() for _ in range(10)]
    store.write([a_batch(calls)])
    first = store.calls(everything, limit=4)
    newer = [a_call() for _ in range(5)]
    between_first_two_pages = a_call(start_ns=calls[7].start_ns)
    store.write([a_batch([*newer, between_first_two_pages])])
    rest = store.calls(everything, limit=100, cursor=first.next_cursor)
    assert set(ids([*first.items, *rest.items])) >= set(ids(calls))
    assert not set(ids(rest.items)) & set(ids([*first.items, *newer]))


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_spans_come_page_by_page_newest_first_also_those_without_a_call(
    store, everything, a_call, a_span, a_batch, limit
):
    spans = [a_span(start_ns=a_span().start_ns + day * DAY_NS // 2) for day in (0, 1, 2, 1, 0)]
    call = a_call(service="other")
    store.write([a_batch([call], spans)])
    cursor, found = None, []
    while True:
        page = store.spans(everything, limit=limit, cursor=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
    keys = [(span.trace_id, span.span_id) for span in found]
    expected = [*spans, call]
    assert keys == [(s.trace_id, s.span_id) for s in sorted(expected, key=lambda s: (-s.start_ns, s.span_id))]
    assert [s.service for s in store.spans(replace(everything, service="other")).items] == ["other"]
    with pytest.raises(BadRequest, match="request_model"):
        store.spans(replace(everything, request_model="m"))


def test_the_last_page_says_so(store, everything, a_call, a_batch):
    store.write([a_batch([a_call(), a_call()])])
    assert store.calls(everything, limit=2).next_cursor is None
    assert store.calls(everything, limit=1).next_cursor is not None


@pytest.mark.parametrize("cursor", ["", "x", "ü", "e30=", "WzEsMl0=", "W3RydWUsImEiXQ==", "W10=", "WzFlOTksImEiXQ=="])
def test_a_broken_cursor_is_refused(store, everything, a_call, a_batch, cursor):
    store.write([a_batch([a_call()])])
    with pytest.raises(BadRequest, match="cursor"):
        store.calls(everything, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_without_room_is_refused(store, everything, limit):
    with pytest.raises(BadRequest, match="limit"):
        store.calls(everything, limit=limit)


def test_the_range_includes_its_start_and_excludes_its_end(store, a_call, a_batch):
    call = a_call()
    store.write([a_batch([call])])
    at = call.start_ns
    assert ids(store.calls(Filters(since_ns=at, until_ns=at + 1)).items) == [call.call_id]
    assert store.calls(Filters(since_ns=at - 1, until_ns=at)).items == []
    assert store.calls(Filters(since_ns=at, until_ns=at)).items == []


def test_a_range_may_be_wider_than_time(store, a_call, a_batch):
    store.write([a_batch([a_call()])])
    assert len(store.calls(Filters(since_ns=-(10**30), until_ns=10**30)).items) == 1


@pytest.mark.parametrize(
    "field",
    ["project", "environment", "service", "provider", "request_model", "response_model", "session_id", "user_id",
     "error_type"],
)  # fmt: skip
def test_each_field_filters(store, everything, a_call, a_batch, field):
    wanted, other, unknown = a_call(**{field: "it's"}), a_call(**{field: "other"}), a_call()
    store.write([a_batch([wanted, other, unknown])])
    assert ids(store.calls(replace(everything, **{field: "it's"})).items) == [wanted.call_id]


def test_errors_can_be_asked_for_and_left_out(store, everything, a_call, a_batch):
    good, bad = a_call(), a_call(error_type="timeout")
    store.write([a_batch([good, bad])])
    assert ids(store.calls(replace(everything, has_error=True)).items) == [bad.call_id]
    assert ids(store.calls(replace(everything, has_error=False)).items) == [good.call_id]


def said(role, **part):
    return [{"role": role, "parts": [part]}]


@pytest.mark.parametrize(
    "needle",
    ["refund", "REFUND", 'a "quoted"', "größe", "GRÖ", "line\nbreak", "100%_off", "back\\slash", "<b>&"],
)
def test_text_is_found_in_messages_in_any_case(store, everything, a_call, a_batch, needle):
    text = 'Refund a "Quoted" Größe line\nbreak 100%_off back\\slash <b>&'
    asked = a_call(input_messages=said("user", type="text", content=text))
    answered = a_call(output_messages=said("assistant", type="text", content=text))
    store.write([a_batch([asked, answered, a_call(input_messages=said("user", type="text", content="no")), a_call()])])
    found = store.calls(replace(everything, text=needle)).items
    assert ids(found) == ids([answered, asked])


def test_text_is_found_however_its_json_was_written(store, everything, a_call, a_batch):
    messages = '[{"role": "user", "parts": [{"type": "text", "content": "Gr\\u00f6\\u00dfe \\u0041BC"}]}]'
    cut = '[{"role": "user", "parts": [{"type": "text", "content": "größe ab'
    whole = a_batch([a_call(), a_call()])
    column = pa.array([messages, cut])
    place = whole.parts.schema.get_field_index("input_messages")
    store.write([replace(whole, parts=whole.parts.set_column(place, whole.parts.schema.field(place), column))])
    assert len(store.calls(replace(everything, text="größe a")).items) == 2
    assert len(store.calls(replace(everything, text="größe abc")).items) == 1


def test_text_is_found_in_arguments_and_results_of_tools(store, everything, a_call, a_batch):
    asked = a_call(output_messages=said("assistant", type="tool_call", id="1", name="f", arguments={"city": "Bonn"}))
    told = a_call(input_messages=said("tool", type="tool_call_response", id="1", response="rain in Bonn"))
    store.write([a_batch([asked, told, a_call()])])
    assert len(store.calls(replace(everything, text="bonn")).items) == 2


@pytest.mark.parametrize("word", ["content", "parts", "role", "user", "type"])
def test_text_is_not_found_in_the_form_of_messages(store, everything, a_call, a_batch, word):
    store.write([a_batch([a_call(input_messages=said("user", type="text", content="hello"))])])
    assert store.calls(replace(everything, text=word)).items == []


def test_a_call_that_is_not_there_is_none(store, a_call, a_batch):
    assert store.call("0" * 32) is None
    store.write([a_batch([a_call()])])
    assert store.call("0" * 32) is None
    assert store.trace("0" * 32) is None


def test_a_trace_holds_its_spans_oldest_first_over_midnight(store, a_call, a_span, a_batch):
    trace_id, midnight_ns = "ab" * 16, 20_000 * DAY_NS
    early = a_span(trace_id=trace_id, start_ns=midnight_ns - 10**9, end_ns=midnight_ns)
    call = a_call(trace_id=trace_id, start_ns=midnight_ns + 10**9)
    store.write([a_batch([call, a_call()], [a_span(), early])])
    trace = store.trace(trace_id)
    assert [span.span_id for span in trace.spans] == [early.span_id, call.span_id]
    assert list(trace.calls) == [call]
    assert trace.scores == []


def test_a_span_is_read_as_it_was_written(store, a_span, a_batch):
    attributes = {
        "text": "t", "yes": True, "no": False, "n": 7, "zero": 0, "x": 0.5, "list": ["a", 1, None, [2.5]],
        "map": {"k": {"deep": [True]}}, "nothing": None, "empty": "",
    }  # fmt: skip
    span = a_span(
        attributes=attributes,
        parent_span_id="12" * 8,
        status="error",
        status_message="bad",
        resource={"service.name": "shop", "n": 1},
        events=(SpanEvent(name="e", time_ns=5, attributes={"k": 1}), SpanEvent(name="f", time_ns=6)),
        links=(SpanLink(trace_id="cd" * 16, span_id="ef" * 8, attributes={"k": "v"}),),
    )
    store.write([a_batch((), [span])])
    assert store.trace(span.trace_id).spans == [span]


def test_bytes_of_an_attribute_are_shown_as_hex(store, a_span, a_batch):
    span = a_span(attributes={"raw": b"\x00\xff"})
    store.write([a_batch((), [span])])
    assert store.trace(span.trace_id).spans[0].attributes == {"raw": "00ff"}


@given(st.text())
def test_no_text_is_taken_for_a_cursor_it_is_not(text):
    try:
        place = cursors.decode(text)
    except BadRequest:
        return
    assert cursors.decode(cursors.encode(*place)) == place


@given(st.integers(-(2**63), 2**63 - 1), st.text("0123456789abcdef", min_size=1))
def test_a_cursor_says_where_it_was_made(time_ns, row_id):
    assert cursors.decode(cursors.encode(time_ns, row_id)) == (time_ns, row_id)
