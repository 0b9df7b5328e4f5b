"""What was acknowledged waits on this disk until the store has it, in order."""

import threading
import time

import pytest

from collector.api.system import SystemShape
from collector.errors import StoreUnavailable
from collector.health import Health
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.score import Score
from collector.spool import drain
from collector.store.base import WriteResult
from tests.collector.spool.waiting import stored, wait_until


def a_score(call, **fields) -> Score:
    values = {"target_id": call.call_id, "target_start_ns": call.start_ns, "version": "1", "source": "human"}
    return Score(**values | {"evaluator": "helpful", "value": 1.0, "created_ns": call.start_ns} | fields)


def test_what_is_written_reaches_the_store(bench, a_call, a_batch) -> None:
    calls = [a_call() for _ in range(5)]
    assert bench.spool.write([a_batch(calls)]) == WriteResult(n_spans=0, n_calls=0, n_spooled=5)
    assert bench.spool.flush(30)
    assert stored(bench.store) == [call.call_id for call in calls]
    assert bench.store.call(calls[0].call_id).request_model == "gpt-4o"


def test_writes_are_acknowledged_while_the_store_is_away_and_reach_it_in_order(bench, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    calls = [a_call(service=f"s{n}") for n in range(40)]
    for call in calls:
        bench.spool.write([a_batch([call])])
    wait_until(lambda: bench.gate.n_refused >= 3)
    assert not bench.spool.flush(0.1)
    status = bench.spool.status()
    assert (status.held.n_entries, status.held.n_spans) == (40, 40)
    assert "the test has closed the store" in status.store_problem
    assert status.problem is None
    bench.gate.is_closed.clear()
    assert bench.spool.flush(30)
    assert [name for names in bench.gate.written for name in names] == [f"s{n}" for n in range(40)]
    assert len(bench.gate.written) < 40  # together where they fit
    assert stored(bench.store) == [call.call_id for call in calls]
    assert bench.spool.status().store_problem is None


def test_a_restart_drains_what_the_process_before_left(bench, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    calls = [a_call() for _ in range(10)]
    for call in calls:
        bench.spool.write([a_batch([call])])
    bench.close()
    bench.open()
    later = a_call()
    bench.spool.write([a_batch([later])])
    assert bench.spool.status().held.n_spans == 11
    bench.gate.is_closed.clear()
    assert bench.spool.flush(30)
    assert stored(bench.store) == [call.call_id for call in (*calls, later)]


def test_closing_drains_what_the_store_takes(bench, a_call, a_batch) -> None:
    calls = [a_call() for _ in range(20)]
    for call in calls:
        bench.spool.write([a_batch([call])])
    bench.close()
    assert len(stored(bench.store)) == 20


def test_scores_keep_their_place_between_batches(bench, everything, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    first, second = a_call(service="first"), a_call(service="second")
    bench.spool.write([a_batch([first])])
    bench.spool.write_scores([a_score(first, value=0.0, marks=({"start": 0, "end": 1, "kind": "x"},))])
    bench.spool.write_scores([a_score(first, value=1.0)])
    bench.spool.write([a_batch([second])])
    bench.gate.is_closed.clear()
    assert bench.spool.flush(30)
    assert bench.gate.written == [["first"], ["helpful"], ["second"]]
    assert [score.value for score in bench.store.scores(everything).items] == [1.0]


def test_a_repeated_group_changes_nothing(bench, a_call, a_batch, monkeypatch) -> None:
    """A crash between the write and the removal, which a removal that fails stands for."""
    remove = bench.spool._file.remove
    failures = [StoreUnavailable("the disk fails"), StoreUnavailable("the disk fails")]

    def failing(entries):
        if failures:
            raise failures.pop()
        remove(entries)

    monkeypatch.setattr(bench.spool._file, "remove", failing)
    call = a_call(service="once")
    bench.spool.write([a_batch([call])])
    bench.spool.write_scores([a_score(call)])
    assert bench.spool.flush(30)
    assert bench.gate.written == [["once"]] * 3 + [["helpful"]]
    assert stored(bench.store) == [call.call_id]
    assert (bench.value("stored_spans_total"), bench.value("duplicate_spans_total")) == (1, 2)


def test_a_write_that_the_store_does_not_take_is_set_aside_and_holds_up_nothing(bench, a_call, a_batch) -> None:
    bench.gate.poison = {"bad"}
    bench.gate.is_closed.set()
    calls = [a_call(service="bad" if n == 3 else f"good{n}") for n in range(6)]
    for call in calls:
        bench.spool.write([a_batch([call])])
    bench.gate.is_closed.clear()
    wait_until(lambda: bench.spool.status().held.n_entries == 0)
    wait_until(lambda: bench.value("spool_rejected_spans_total") == 1)
    assert stored(bench.store) == [call.call_id for call in calls if call.service != "bad"]
    assert bench.spool.status().rejected.n_spans == 1
    assert not bench.spool.flush(1)  # not all is in the store
    bench.gate.poison = set()
    bench.close()
    bench.open()  # a start tries again what was set aside
    assert bench.spool.flush(30)
    assert set(stored(bench.store)) == {call.call_id for call in calls}
    assert bench.spool.status().rejected.n_entries == 0


def test_metrics_tell_depth_age_and_what_was_drained(bench, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    repeated = a_call()
    for _ in range(3):
        bench.spool.write([a_batch([a_call(), repeated])])
    wait_until(lambda: bench.gate.n_refused >= 1)
    time.sleep(0.05)
    assert bench.value("spool_entries") == 3
    assert bench.value("spool_spans") == 6
    assert 1000 < bench.value("spool_bytes") < bench.value("spool_file_bytes")
    assert 0.05 <= bench.value("spool_oldest_age_seconds") < 30
    assert bench.value("stored_spans_total") == 0
    bench.gate.is_closed.clear()
    assert bench.spool.flush(30)
    assert bench.value("spool_entries") == bench.value("spool_oldest_age_seconds") == 0
    assert bench.value("spool_taken_spans_total") == bench.value("spool_drained_spans_total") == 6
    assert (bench.value("stored_spans_total"), bench.value("duplicate_spans_total")) == (4, 2)
    assert bench.value("spool_failed_writes_total") >= 1


def test_the_figures_of_the_system_tell_of_it(bench, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    bench.spool.write([a_batch([a_call() for _ in range(3)])])
    health = Health(
        CollectorMetrics(type(bench.registry)()), checks={}, max_queue_bytes=1, load=lambda: 0.0,
        footprint=bench.store.footprint, lags=list, spool=bench.spool.status,
    )  # fmt: skip
    shape = SystemShape.model_validate(health.figures().to_json()).spool
    assert (shape.entries, shape.spans, shape.problem) == (1, 3, None)
    assert 0 < shape.bytes < shape.file_bytes < shape.max_bytes


def test_many_threads_may_write(bench, everything, a_call, a_batch) -> None:
    calls = [[a_call() for _ in range(10)] for _ in range(8)]

    def write(own) -> None:
        for call in own:
            bench.spool.write([a_batch([call])])
            bench.spool.write_scores([a_score(call)])

    threads = [threading.Thread(target=write, args=(own,)) for own in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.spool.flush(60)
    found = stored(bench.store)
    assert sorted(found) == sorted(call.call_id for own in calls for call in own)
    for own in calls:  # each thread's in its order
        assert [place for place in found if place in {call.call_id for call in own}] == [c.call_id for c in own]
    assert len(bench.store.scores(everything, limit=1000).items) == 80


def test_who_waits_does_not_wait_for_others_to_come(bench, everything, monkeypatch, a_call, a_batch) -> None:
    """Also where what is there takes several writes."""
    monkeypatch.setattr(drain, "GATHER_S", 30.0)
    for call in (a_call() for _ in range(3)):
        bench.spool.write([a_batch([call])])
        bench.spool.write_scores([a_score(call)])
    assert bench.spool.flush(25)
    assert len(bench.store.scores(everything).items) == 3


def test_ingest_acknowledges_what_the_spool_has(bench, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    ingest = Ingest(bench.gate, CollectorMetrics(type(bench.registry)()), spool=bench.spool)
    calls = [a_call() for _ in range(4)]
    assert ingest.submit(a_batch(calls)).result(30).result.n_spooled == 4
    assert ingest.problem is None
    with pytest.raises(StoreUnavailable):  # its own counts are known by the store alone
        ingest.submit(a_batch(calls), alone=True).result(30)
    ingest.close()
    bench.gate.is_closed.clear()
    assert bench.spool.flush(30)
    assert stored(bench.store) == [call.call_id for call in calls]


def test_a_closed_spool_takes_nothing(bench, a_call, a_batch) -> None:
    spool = bench.spool
    bench.close()
    with pytest.raises(StoreUnavailable):
        spool.write([a_batch([a_call()])])
