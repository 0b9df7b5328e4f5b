"""Every write is stored once, whatever is sent again, and is there after a restart."""

import random
from dataclasses import replace

from collector.store.base import WriteResult

DAY_NS = 86_400 * 10**9


def ids(page):
    return [call.call_id for call in page.items]


def test_a_call_is_read_as_it_was_written(store, a_call, a_batch):
    call = a_call(
        project="p",
        response_model="gpt-4o-2024-08-06",
        response_id="r",
        system_fingerprint="fp",
        stream=True,
        ttft_s=0.1,
        cache_read_tokens=4,
        cache_write_tokens=0,
        reasoning_tokens=2,
        finish_reasons=["stop"],
        error_type="429",
        error_message="too many",
        parameters={"temperature": 0.7, "stop": ["a", "b"]},
        session_id="s",
        user_id="u",
        tenant="t",
        tags=["x", "y"],
        metadata={"k": {"nested": [1, None]}},
        system_instructions=[{"type": "text", "content": "Be kind."}],
        input_messages=[{"role": "user", "parts": [{"type": "text", "content": "Größe?\n\"'\\ 🙂"}]}],
        output_messages=[{"role": "assistant", "parts": [], "finish_reason": "stop"}],
        tool_definitions=[{"name": "f", "parameters": {}}],
        contexts=[{"id": "1", "content": "c", "score": 0.5}],
    )
    store.write([a_batch([call])])
    found = store.call(call.call_id)
    assert found == call
    assert found.seq == 1


def test_what_is_unknown_stays_none(store, a_call, a_batch):
    fields = ("cost_usd", "latency_s", "ttft_s", "input_tokens", "output_tokens", "provider", "request_model", "stream")
    call = a_call(**dict.fromkeys(fields))
    store.write([a_batch([call])])
    assert store.call(call.call_id) == call


def test_a_retry_changes_nothing(store, everything, a_call, a_batch):
    batch = a_batch([a_call(), a_call()])
    assert store.write([batch]) == WriteResult(n_spans=2, n_calls=2)
    assert store.write([batch]) == WriteResult(n_spans=0, n_calls=0)
    assert len(store.calls(everything).items) == 2


def test_a_call_twice_in_one_write_is_stored_once(store, everything, a_call, a_batch):
    call = a_call()
    assert store.write([a_batch([call, call]), a_batch([call])]) == WriteResult(n_spans=1, n_calls=1)
    assert ids(store.calls(everything)) == [call.call_id]


def test_a_retry_after_a_restart_changes_nothing(reopen, everything, a_call, a_batch):
    calls = [a_call() for _ in range(50)]
    reopen().write([a_batch(calls)])
    store = reopen()
    assert store.write([a_batch([*calls[20:], more := a_call()])]) == WriteResult(n_spans=1, n_calls=1)
    assert sorted(ids(store.calls(everything))) == sorted(call.call_id for call in [*calls, more])


def test_equal_span_ids_in_two_traces_are_two_spans(store, everything, a_call, a_batch):
    one = a_call()
    other = a_call(span_id=one.span_id)
    assert store.write([a_batch([one, other])]) == WriteResult(n_spans=2, n_calls=2)


def test_overlapping_retries_in_any_order_store_each_once(store, everything, a_call, a_batch):
    rng = random.Random(3)
    calls = [a_call() for _ in range(200)]
    for _ in range(30):
        store.write([a_batch(rng.sample(calls, 20)) for _ in range(rng.randint(1, 4))])
    store.write([a_batch(calls)])
    found = ids(store.calls(everything, limit=1000))
    assert len(found) == 200
    assert set(found) == {call.call_id for call in calls}


def test_one_write_may_hold_many_days_in_any_order(reopen, everything, a_call, a_batch):
    rng = random.Random(4)
    calls = [a_call() for _ in range(100)]
    calls = [replace(call, start_ns=call.start_ns + rng.randrange(-5, 5) * DAY_NS) for call in calls]
    assert reopen().write([a_batch(calls[:50]), a_batch(calls[50:])]) == WriteResult(n_spans=100, n_calls=100)
    store = reopen()
    newest_first = sorted(calls, key=lambda call: (-call.start_ns, call.call_id))
    assert ids(store.calls(everything)) == [call.call_id for call in newest_first]
    assert store.write([a_batch(calls)]) == WriteResult(n_spans=0, n_calls=0)


def test_a_call_on_either_side_of_midnight_is_found_by_its_range(store, everything, a_call, a_batch):
    midnight_ns = 20_000 * DAY_NS
    before, at = a_call(start_ns=midnight_ns - 1), a_call(start_ns=midnight_ns)
    store.write([a_batch([before, at])])
    assert ids(store.calls(replace(everything, until_ns=midnight_ns))) == [before.call_id]
    assert ids(store.calls(replace(everything, since_ns=midnight_ns))) == [at.call_id]


def test_nothing_to_write_is_fine(store, everything, a_batch):
    assert store.write([]) == WriteResult(n_spans=0, n_calls=0)
    assert store.write([a_batch()]) == WriteResult(n_spans=0, n_calls=0)
    assert store.calls(everything).items == []
