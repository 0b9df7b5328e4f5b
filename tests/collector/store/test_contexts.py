"""A call carries the contexts it was sent with, or what retrieval found in its trace before it."""

import json

import pyarrow as pa
import pytest

from collector.batch import PART_SCHEMA, Batch

TRACE = "ab" * 16
SECOND = 10**9


@pytest.fixture
def retrieved(a_span):
    def span(start_ns, *, trace_id=TRACE):
        return a_span(trace_id=trace_id, start_ns=start_ns - SECOND, end_ns=start_ns - SECOND // 2)

    return span


def test_documents_found_before_the_call_are_its_contexts(store, everything, a_call, a_batch, retrieved):
    call = a_call(trace_id=TRACE)
    first, second = retrieved(call.start_ns - SECOND), retrieved(call.start_ns)
    other = retrieved(call.start_ns, trace_id="cd" * 16)
    documents = {
        first.span_id: [{"id": "1", "content": "one"}],
        second.span_id: [{"id": "2", "content": "two", "score": 0.5}],
        other.span_id: [{"id": "9", "content": "of another trace"}],
    }
    store.write([a_batch([call], [second, first, other], documents=documents)])
    expected = [{"id": "1", "content": "one"}, {"id": "2", "content": "two", "score": 0.5}]
    assert store.scan(after_seq=0, limit=1)[0].contexts == expected
    assert store.call(call.call_id).contexts == expected
    assert store.calls(everything).items[0].contexts == expected
    assert store.trace(TRACE).calls[0].contexts == expected


def test_documents_may_have_arrived_in_another_write_and_the_day_before(store, a_call, a_batch, retrieved):
    midnight_ns = 20_000 * 86_400 * SECOND
    span = retrieved(midnight_ns)
    call = a_call(trace_id=TRACE, start_ns=midnight_ns + SECOND)
    store.write([a_batch([call])])
    store.write([a_batch((), [span], documents={span.span_id: [{"id": "1", "content": "late"}]})])
    assert store.scan(after_seq=0, limit=1)[0].context_texts == ["late"]


def test_documents_found_after_the_call_began_are_not_its_contexts(store, a_call, a_batch, retrieved):
    call = a_call(trace_id=TRACE)
    span = retrieved(call.start_ns + SECOND)
    store.write([a_batch([call], [span], documents={span.span_id: [{"id": "1", "content": "x"}]})])
    assert store.call(call.call_id).contexts is None


@pytest.mark.parametrize("own", [[{"content": "mine"}], []])
def test_contexts_that_were_sent_stay(store, a_call, a_batch, retrieved, own):
    call = a_call(trace_id=TRACE, contexts=own)
    span = retrieved(call.start_ns)
    store.write([a_batch([call], [span], documents={span.span_id: [{"id": "1", "content": "x"}]})])
    assert store.call(call.call_id).contexts == own


@pytest.mark.parametrize("cut", ['[{"role": "user", "parts": [{"type": "te', "[", "plain", '"a string"', "7", ""])
def test_a_message_list_that_was_cut_is_shown_as_far_as_it_goes(store, a_call, a_batch, cut):
    call = a_call()
    names = ("input_messages", "output_messages", "system_instructions", "tool_definitions", "contexts",
             "parameters", "metadata")  # fmt: skip
    whole = a_batch([call])
    row = whole.parts.to_pylist()[0] | dict.fromkeys(names, cut)
    store.write([Batch(spans=whole.spans, parts=pa.Table.from_pylist([row], schema=PART_SCHEMA))])
    found = store.call(call.call_id)
    try:
        text = str(json.loads(cut))
        marks = {}
    except ValueError:
        text, marks = cut, {"truncated": True}
    assert found.input_messages == [{"role": "user", "parts": [{"type": "text", "content": text} | marks]}]
    assert found.output_messages[0]["role"] == "assistant"
    assert found.output_text == text
    assert found.contexts == [{"content": text} | marks]
    assert found.parameters["content"] in (text, 7)


def test_many_calls_are_read_at_once_with_their_contexts(store, a_call, a_batch, retrieved):
    call, other = a_call(trace_id=TRACE), a_call(start_ns=19_000 * 86_400 * SECOND)
    span = retrieved(call.start_ns)
    store.write([a_batch([call, other], [span], documents={span.span_id: [{"id": "1", "content": "one"}]})])
    found = store.calls_of([call.call_id, other.call_id, other.call_id, "none"])
    assert found.keys() == {call.call_id, other.call_id}
    assert found[call.call_id].context_texts == ["one"]
    assert found[other.call_id] == store.call(other.call_id)
    assert store.calls_of([]) == {}
