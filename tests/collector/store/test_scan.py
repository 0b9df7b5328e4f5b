"""Evaluators read calls in the order of arrival and miss none."""

import random
import threading
from dataclasses import replace
from itertools import pairwise

DAY_NS = 86_400 * 10**9


def scan_all(store, limit, after_seq=0):
    found = []
    while calls := store.scan(after_seq=after_seq, limit=limit):
        found += calls
        after_seq = calls[-1].seq
    return found


def test_calls_come_in_the_order_they_arrived(store, a_call, a_batch):
    first, second, third = a_call(), a_call(), a_call()
    for call in (third, first, second):
        store.write([a_batch([call])])
    found = scan_all(store, limit=2)
    assert found == [third, first, second]
    assert [call.seq for call in found] == sorted(call.seq for call in found)
    assert store.last_seq() == found[-1].seq


def test_an_empty_store_has_nothing_to_scan(store):
    assert store.scan(after_seq=0, limit=10) == []
    assert store.last_seq() == 0


def test_a_scan_in_steps_over_many_days_misses_none(reopen, a_call, a_batch):
    rng = random.Random(5)
    store, written = reopen(), []
    for round_no in range(8):
        calls = [a_call() for _ in range(rng.randint(1, 12))]
        calls = [replace(call, start_ns=call.start_ns + rng.randrange(5) * DAY_NS) for call in calls]
        store.write([a_batch(calls)])
        written += calls
        if round_no == 4:
            store = reopen()
    for limit in (1, 7, 100):
        found = scan_all(store, limit)
        assert len(found) == len(written)
        assert {call.call_id for call in found} == {call.call_id for call in written}
        assert all(a.seq < b.seq for a, b in pairwise(found))


def test_numbers_go_on_after_a_restart(reopen, a_call, a_batch):
    store = reopen()
    store.write([a_batch([a_call(), a_call()])])
    seen = store.last_seq()
    store = reopen()
    assert store.last_seq() == seen
    late = a_call(start_ns=5 * DAY_NS)
    store.write([a_batch([late])])
    assert store.scan(after_seq=seen, limit=10) == [late]


def test_a_retried_call_keeps_its_number(store, a_call, a_batch):
    call = a_call()
    store.write([a_batch([call])])
    seq = store.call(call.call_id).seq
    store.write([a_batch([call, a_call()])])
    assert store.call(call.call_id).seq == seq
    assert len(store.scan(after_seq=seq, limit=10)) == 1


def test_a_reader_beside_several_writers_misses_none(store, a_call, a_batch):
    """Batches over two days are committed day by day; a reader must not step over the half that is still to come."""
    n_writers, n_rounds = 3, 8
    calls = [a_call() for _ in range(n_writers * n_rounds * 4)]
    calls = [replace(call, start_ns=call.start_ns - i % 2 * DAY_NS) for i, call in enumerate(calls)]
    batches = [a_batch(calls[i : i + 4]) for i in range(0, len(calls), 4)]
    done = threading.Event()
    found, failures = [], []

    def read():
        after_seq = 0
        try:
            while True:
                finished = done.is_set()
                new = store.scan(after_seq=after_seq, limit=50)
                found.extend(new)
                after_seq = new[-1].seq if new else after_seq
                if finished and not new:
                    return
        except Exception as error:
            failures.append(error)

    def write(mine):
        try:
            for batch in mine:
                store.write([batch])
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read)]
    writers = [threading.Thread(target=write, args=(batches[i::n_writers],)) for i in range(n_writers)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert [call.seq for call in found] == sorted({call.seq for call in found})
    assert {call.call_id for call in found} == {call.call_id for call in calls}
