"""A trace becomes rows of bars that tell the truth about order, time, usage and failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import call_id_of
from collector.call import Call
from collector.query import Trace
from collector.span import Span, SpanEvent
from dashboard.waterfall import Waterfall, waterfall
from tests.dashboard.agent_trace import agent_trace

TRACE = "ab" * 16
START_NS = 1_780_000_000_000_000_000
MS = 1_000_000


def a_span(span_id, parent=None, from_ms=0, to_ms=100, **more):
    facts = {
        "name": span_id, "kind": "internal", "operation": None, "status": "unset", "status_message": None,
        "project": "default", "service": "shop", "environment": None, "scope": None,
    }  # fmt: skip
    start_ns, end_ns = START_NS + from_ms * MS, START_NS + to_ms * MS
    times = {"start_ns": start_ns, "end_ns": end_ns}
    return Span(trace_id=TRACE, span_id=span_id, parent_span_id=parent, **times, **(facts | more))


def a_call(span_id, **more):
    return Call(call_id=call_id_of(TRACE, span_id), trace_id=TRACE, span_id=span_id, start_ns=START_NS, **more)


def drawn(*spans, calls=()) -> Waterfall:
    return waterfall(Trace(trace_id=TRACE, spans=spans, calls=calls, scores=()))


def on_path(found: Waterfall) -> set[str]:
    return {row.span.span_id for row in found.rows if row.on_path}


def test_rows_stand_below_their_parents_in_the_order_of_their_start():
    found = drawn(
        a_span("late", "root", 50, 60), a_span("root"), a_span("early", "root", 10, 40), a_span("in", "early")
    )
    assert [(row.span.span_id, row.depth, row.n_below) for row in found.rows] == [
        ("root", 0, 3), ("early", 1, 1), ("in", 2, 0), ("late", 1, 0),
    ]  # fmt: skip


def test_bars_are_shares_of_the_whole_trace_even_where_a_child_outlives_its_parent():
    found = drawn(a_span("root", None, 0, 100), a_span("async", "root", 50, 200))
    assert found.duration_s == pytest.approx(0.2)
    assert [(row.left, row.width) for row in found.rows] == [(0, 0.5), (0.25, 0.75)]


def test_a_span_that_ends_before_it_starts_has_no_width():
    found = drawn(a_span("root", None, 0, 100), a_span("skewed", "root", 50, 40))
    assert found.rows[1].width == 0


def test_spans_whose_parent_did_not_arrive_stand_at_the_top():
    found = drawn(a_span("a", "lost", 0, 10), a_span("b", "lost", 20, 30))
    assert [(row.span.span_id, row.depth) for row in found.rows] == [("a", 0), ("b", 0)]


def test_spans_that_name_each_other_as_parents_are_all_shown():
    found = drawn(a_span("a", "b"), a_span("b", "a"), a_span("self", "self"))
    assert sorted(row.span.span_id for row in found.rows) == ["a", "b", "self"]


def test_a_trace_of_30000_nested_spans_is_no_problem():
    spans = [a_span(f"{i}", f"{i - 1}" if i else None, i, 90_000 - i) for i in range(30_000)]
    found = drawn(*spans)
    assert found.rows[-1].depth == 29_999
    assert found.rows[0].n_below == 29_999


def test_the_critical_path_leaves_out_what_ran_beside_something_longer():
    found = drawn(
        a_span("root", None, 0, 100), a_span("plan", "root", 0, 20), a_span("slow", "root", 20, 80),
        a_span("quick", "root", 20, 50), a_span("inside quick", "quick", 21, 49), a_span("inside slow", "slow", 30, 79),
        a_span("answer", "root", 81, 100),
    )  # fmt: skip
    assert on_path(found) == {"root", "plan", "slow", "inside slow", "answer"}


def test_what_outlives_its_parent_counts_up_to_the_end_of_the_parent():
    found = drawn(a_span("root", None, 0, 100), a_span("a", "root", 10, 60), a_span("late", "root", 61, 300))
    assert on_path(found) == {"root", "a", "late"}


def test_of_nested_calls_the_innermost_that_tells_its_usage_counts():
    calls = [
        a_call("wrapper", input_tokens=10, output_tokens=5, cost_usd=0.5),
        a_call("inner", input_tokens=10, output_tokens=5, cost_usd=0.5),
        a_call("other", input_tokens=1, output_tokens=None, cost_usd=None),
        a_call("silent"),
    ]
    spans = (
        a_span("root"), a_span("wrapper", "root"), a_span("inner", "wrapper"), a_span("other", "root"),
        a_span("silent", "inner"),
    )  # fmt: skip
    found = drawn(*spans, calls=calls)
    assert {row.span.span_id: (row.tokens, row.cost_usd) for row in found.rows} == {
        "root": (16, 0.5), "wrapper": (15, 0.5), "inner": (15, 0.5), "silent": (None, None), "other": (1, None),
    }  # fmt: skip
    assert {call.span_id for call in found.counted} == {"inner", "other"}


def test_a_failure_says_of_what_kind_it_was_and_why():
    event = SpanEvent(
        name="exception", time_ns=0, attributes={"exception.type": "ValueError", "exception.message": "no such order"}
    )
    found = drawn(
        a_span("fine"), a_span("told", status="error", status_message="too slow", attributes={"error.type": "timeout"}),
        a_span("raised", status="error", events=(event,)), a_span("mute", status="error"),
        a_span("call"), calls=[a_call("call", error_type="rate_limit", error_message="429")],
    )  # fmt: skip
    assert {row.span.span_id: (row.failure, row.reason) for row in found.rows} == {
        "fine": (None, None), "told": ("timeout", "too slow"), "raised": ("ValueError", "no such order"),
        "mute": ("failed", None), "call": ("rate_limit", "429"),
    }  # fmt: skip


def test_the_model_stands_beside_the_name_and_not_twice():
    found = drawn(
        a_span("a", name="chat gpt-4o", operation="chat"), a_span("b", name="gpt-4o", operation="chat"),
        calls=[
            a_call("a", request_model="gpt-4o", response_model="gpt-4o-2024", stream=True),
            a_call("b", request_model="gpt-4o"),
        ],
    )  # fmt: skip
    assert [(row.name, row.note) for row in found.rows] == [("chat", "gpt-4o-2024, streamed"), ("gpt-4o", "gpt-4o")]


def test_what_a_tool_does_inside_is_part_of_the_tool():
    found = drawn(
        a_span("agent", operation="invoke_agent"), a_span("tool", "agent", operation="execute_tool"),
        a_span("http", "tool"), a_span("llm", "tool", operation="chat"), a_span("socket", "llm"),
    )  # fmt: skip
    assert {row.span.span_id: row.kind for row in found.rows} == {
        "agent": "other", "tool": "tool", "http": "tool", "llm": "model", "socket": "other",
    }  # fmt: skip


def test_the_columns_for_the_browser_are_of_one_length():
    made = agent_trace(START_NS)
    found = waterfall(Trace(trace_id=TRACE, spans=made.spans, calls=made.calls, scores=()))
    columns = found.to_json(made.span_id("GET /policy"))
    assert {len(value) for value in columns.values() if isinstance(value, list)} == {30}
    place = columns["selected"]
    assert (columns["name"][place], columns["failure"][place]) == ("GET /policy", "timeout")
    assert sum(call.cost_usd or 0 for call in found.counted) == pytest.approx(0.0183)


@given(
    st.lists(
        st.tuples(st.integers(-1, 15), st.integers(0, 50), st.integers(-5, 50)), min_size=1, max_size=15
    )
)  # fmt: skip
def test_any_spans_make_a_tree_of_all_of_them_with_a_path_from_the_top(given_spans):
    spans = [
        a_span(f"{i}", None if parent < 0 else f"{parent}", start, start + length)
        for i, (parent, start, length) in enumerate(given_spans)
    ]
    found = drawn(*spans)
    assert sorted(row.span.span_id for row in found.rows) == sorted(span.span_id for span in spans)
    assert all(0 <= row.left <= 1 and 0 <= row.left + row.width <= 1 + 1e-9 for row in found.rows)
    for place, row in enumerate(found.rows):
        below = found.rows[place + 1 : place + 1 + row.n_below]
        assert all(other.depth > row.depth for other in below)
        after = found.rows[place + 1 + row.n_below :]
        assert not after or after[0].depth <= row.depth
    assert any(row.on_path and row.depth == 0 for row in found.rows)
