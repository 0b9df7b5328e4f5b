"""Power cuts, full disks and logs: what the embedded store does when the ground moves."""

import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from collector.errors import StoreUnavailable
from collector.store import open_store
from collector.store.base import WriteResult
from collector.store.duckdb import folding
from collector.store.duckdb.folding import IDLE_LOG_BYTES, MAX_LOG_BYTES, due


@pytest.fixture
def reopen(tmp_path):
    """`reopen()`: the embedded store on the data of this test, opened anew."""
    with ExitStack() as opened:

        def again():
            opened.close()
            store = open_store(tmp_path)
            opened.callback(store.close)
            return store

        yield again


@pytest.fixture
def store(reopen):
    return reopen()


WRITER = textwrap.dedent(
    """
    import sys
    from itertools import count
    from pathlib import Path
    from collector.batch import call_id_of
    from collector.call import Call
    from collector.rows import batch_of_calls
    from collector.store import open_store

    store = open_store(Path(sys.argv[1]))
    first = int(sys.argv[2])
    for n in count(first):
        calls = []
        for i in range(20):
            trace_id, span_id = f"{n:032x}", f"{i:016x}"
            start_ns = 1_795_000_000_000_000_000 + (n * 20 + i) * 10**9 + (i % 2) * 86_400 * 10**9
            calls.append(Call(call_id=call_id_of(trace_id, span_id), trace_id=trace_id, span_id=span_id,
                              start_ns=start_ns))
        store.write([batch_of_calls(calls)])
        print(n, flush=True)
    """
)


def test_what_was_acknowledged_survives_kill_9(tmp_path, everything):
    """Each round a real process writes until it is killed at a random moment; what it printed must be there, once."""
    rng = random.Random(6)
    n_acknowledged = 0
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(n_acknowledged)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout.readline()  # from here on it is writing
            time.sleep(rng.uniform(0.0, 0.3))
            writer.send_signal(signal.SIGKILL)
            printed = writer.stdout.read().split()
        n_acknowledged = int(printed[-1]) + 1 if printed else n_acknowledged + 1
        store = open_store(tmp_path)
        stored = [call.call_id for call in scan_all(store)]
        assert len(stored) == len(set(stored))
        expected = {f"{n:016x}{i:016x}" for n in range(n_acknowledged) for i in range(20)}
        assert expected <= set(stored)
        assert {call_id[:16] for call_id in set(stored) - expected} <= {f"{n_acknowledged:016x}"}
        store.close()


def scan_all(store):
    found = []
    while calls := store.scan(after_seq=found[-1].seq if found else 0, limit=500):
        found += calls
    return found


@pytest.fixture
def full_disk():
    """`full_disk(n_bytes)`: no file of this process may grow beyond; the system refuses as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(n_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes if n_bytes else before[0], before[1]))

    yield limit
    limit(None)
    signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_refuses_writes_answers_reads_and_recovers(reopen, everything, a_call, a_batch, full_disk):
    store = reopen()
    kept = [a_call() for _ in range(20)]
    store.write([a_batch(kept)])
    long = [{"role": "user", "parts": [{"type": "text", "content": "x" * 100_000}]}]
    lost = a_batch([a_call(input_messages=long) for _ in range(20)])
    full_disk(1_000_000)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=r"2026-11-21\.duckdb"):
            store.write([lost])
    assert len(store.calls(everything).items) == 20
    assert len(scan_all(store)) == 20
    full_disk(None)
    assert store.write([lost]) == WriteResult(n_spans=20, n_calls=20)
    assert len(scan_all(store)) == 40
    assert len(scan_all(reopen())) == 40


def test_a_disk_that_is_full_at_midnight_does_not_stop_reads(store, everything, a_call, a_batch, full_disk):
    today = a_call()
    store.write([a_batch([today])])
    tomorrow = a_batch([a_call(start_ns=today.start_ns + 86_400 * 10**9)])
    full_disk(1_000)
    with pytest.raises(StoreUnavailable, match=r"2026-11-22\.duckdb cannot be opened"):
        store.write([tomorrow])
    assert len(store.calls(everything).items) == 1
    assert store.call("0" * 32) is None
    full_disk(None)
    assert store.write([tomorrow]) == WriteResult(n_spans=1, n_calls=1)
    assert len(scan_all(store)) == 2


def test_a_disk_that_fills_while_folding_loses_nothing(tmp_path, everything, a_call, a_batch, full_disk):
    store = open_store(tmp_path)
    text = random.Random(1).randbytes(40_000).hex()  # does not compress away
    calls = [
        a_call(input_messages=[{"role": "user", "parts": [{"type": "text", "content": f"{i}{text}"}]}])
        for i in range(30)
    ]
    store.write([a_batch(calls)])
    full_disk(500_000)
    folding.fold(store._days, store._clock() + 3600.0, store._writing)
    full_disk(None)
    assert len(scan_all(store)) == 30
    assert store.write([a_batch([a_call()])]) == WriteResult(n_spans=1, n_calls=1)
    store.close()
    store = open_store(tmp_path)
    assert len(scan_all(store)) == 31
    store.close()


def test_a_later_day_that_fails_keeps_the_earlier_and_the_retry_completes_it(
    reopen, everything, a_call, a_batch, full_disk
):
    store = reopen()
    first = a_call()
    store.write([a_batch([a_call(start_ns=first.start_ns + 86_400 * 10**9)])])
    long = [{"role": "user", "parts": [{"type": "text", "content": "x" * 3_000_000}]}]
    both = a_batch([first, a_call(start_ns=first.start_ns + 86_400 * 10**9, input_messages=long)])
    full_disk(1_000_000)
    with pytest.raises(StoreUnavailable, match=r"2026-11-22\.duckdb.*1 earlier days were stored"):
        store.write([both])
    full_disk(None)
    assert store.write([both]) == WriteResult(n_spans=1, n_calls=1)
    assert len(scan_all(store)) == 3


@pytest.mark.parametrize(
    ("log_bytes", "idle_s", "folds"),
    [
        (0, 0.0, False),
        (IDLE_LOG_BYTES, 0.5, False),
        (IDLE_LOG_BYTES, 2.0, True),
        (IDLE_LOG_BYTES - 1, 2.0, False),
        (1, 60.0, True),
        (MAX_LOG_BYTES, 0.0, True),
    ],
)
def test_a_log_is_folded_when_it_is_long_or_the_store_is_idle(log_bytes, idle_s, folds):
    assert due(log_bytes, idle_s) is folds


def test_folding_empties_the_log_beside_readers(tmp_path, everything, a_call, a_batch):
    store = open_store(tmp_path)
    store.write([a_batch([a_call() for _ in range(500)])])
    done, failures, counts = threading.Event(), [], []

    def read():
        try:
            while not done.is_set():
                counts.append(len(store.calls(everything, limit=1000).items))
        except Exception as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    while not counts:
        time.sleep(0.01)
    (day,) = store._days.all()
    deadline = time.monotonic() + 30
    while day.written_s is not None and time.monotonic() < deadline:
        folding.fold(store._days, store._clock() + 3600.0, store._writing)
    done.set()
    reader.join()
    assert day.wal_bytes() == 0
    assert failures == []
    assert set(counts) == {500}
    store.close()


def test_the_store_folds_by_itself(tmp_path, a_call, a_batch, monkeypatch):
    monkeypatch.setattr(folding, "SETTLED_S", 0.0)
    store = open_store(tmp_path)
    store.write([a_batch([a_call()])])
    (wal,) = (tmp_path / "telemetry").glob("2*.wal")
    deadline = time.monotonic() + 20
    while wal.exists() and os.path.getsize(wal) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not wal.exists() or not os.path.getsize(wal)
    store.close()


def test_a_batch_committed_while_a_scan_goes_from_day_to_day_is_not_seen_by_half(
    tmp_path, a_call, a_batch, monkeypatch
):
    """Between its two days a scan lets a batch over both be committed: the later half alone would hide the other."""
    store = open_store(tmp_path)
    noon_ns = a_call().start_ns
    earlier, later = [[a_call(start_ns=noon_ns + day * 86_400 * 10**9) for _ in range(2)] for day in (0, 1)]
    store.write([a_batch([earlier[0], later[0]])])
    cursor_of = store._days.cursor
    waiting = [a_batch([earlier[1], later[1]])]

    @contextmanager
    def cursor(days):
        with cursor_of(days) as connection:
            yield connection
        if waiting:
            store.write([waiting.pop()])

    monkeypatch.setattr(store._days, "cursor", cursor)
    assert scan_all(store) == [earlier[0], later[0], earlier[1], later[1]]
    store.close()
