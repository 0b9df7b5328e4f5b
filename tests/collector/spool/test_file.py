"""The file of the spool: full, on a full disk, damaged, from another version, shared; and its space."""

import random
import resource
import signal
import sqlite3

import pytest

from collector.errors import StoreUnavailable, WatchkeeperError
from collector.spool import drain, spooled
from collector.spool.config import MIN_BYTES, SpoolConfig
from collector.spool.drain import pause_s
from collector.spool.entry import Entry
from collector.spool.file import LOG_BYTES, PAGE_BYTES, REJECTED_SHARE, SpoolFile
from collector.spool.metrics import SpoolMetrics
from tests.collector.spool.waiting import stored, wait_until

MB = 2**20


@pytest.fixture
def a_long_call(a_call):
    """One that takes `n_bytes` on disk: it cannot be packed."""
    rng = random.Random(1)

    def make(n_bytes: int = MB, **fields):
        text = rng.randbytes(n_bytes).hex()  # a hex digit packs to about half a byte
        return a_call(input_messages=[{"role": "user", "parts": [{"type": "text", "content": text}]}], **fields)

    return make


@pytest.fixture
def full_disk():
    """`full_disk(n_bytes)`: no file of this process may grow beyond; the system refuses as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda n_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes or before[0], before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_spool_refuses_and_takes_again_when_it_was_drained(make_bench, a_long_call, a_batch) -> None:
    bench = make_bench(max_bytes=20 * MB)
    bench.gate.is_closed.set()
    taken = [a_long_call() for _ in range(17)]
    for call in taken:
        bench.spool.write([a_batch([call])])
    refused = a_long_call(4 * MB)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"wait for the store already.*collector\.spool\.max_bytes"):
            bench.spool.write([a_batch([refused])])
    assert bench.file_path.stat().st_size <= 20 * MB
    assert bench.spool.status().file_bytes > 17 * MB
    bench.gate.is_closed.clear()
    wait_until(lambda: bench.spool.status().held.n_entries == 0)
    bench.spool.write([a_batch([refused])])
    assert bench.spool.flush(30)
    assert stored(bench.store) == [call.call_id for call in (*taken, refused)]


def test_space_is_given_back_when_all_is_drained(bench, a_long_call, a_batch, monkeypatch) -> None:
    monkeypatch.setattr(drain, "IDLE_S", 0.2)
    bench.gate.is_closed.set()
    for _ in range(40):
        bench.spool.write([a_batch([a_long_call()])])
    assert bench.spool.status().file_bytes > 40 * MB
    bench.gate.is_closed.clear()
    wait_until(lambda: bench.spool.status().file_bytes < MB / 4)
    assert len(stored(bench.store)) == 40


def test_nothing_of_what_was_drained_is_left_on_the_disk_after_a_flush(bench) -> None:
    marks = [random.Random(5).randbytes(3000), random.Random(6).randbytes(3000)]
    entries = [an_entry(mark) for mark in marks]
    bench.gate.is_closed.set()
    bench.spool._file.append(entries)  # as they are: packed they could not be found again

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in bench.file_path.parent.iterdir())

    assert all(mark[:1000] in on_disk() for mark in marks)
    bench.spool._file.remove(bench.spool._file.oldest(MB))
    assert bench.spool.flush(10)
    assert not any(mark[:1000] in on_disk() for mark in marks)


def an_entry(payload: bytes) -> Entry:
    return Entry(kind="batch", taken_ns=1, n_spans=1, n_bytes=10, payload=payload)


def test_the_log_stays_bounded_while_nothing_is_drained(bench, a_long_call, a_batch) -> None:
    bench.gate.is_closed.set()
    log = bench.file_path.with_name(f"{bench.file_path.name}-wal")
    for _ in range(50):
        bench.spool.write([a_batch([a_long_call()])])
        assert log.stat().st_size < LOG_BYTES + 4 * MB


def test_a_full_disk_refuses_and_loses_nothing(bench, a_call, a_long_call, a_batch, full_disk) -> None:
    bench.gate.is_closed.set()
    kept = [a_call() for _ in range(5)]
    bench.spool.write([a_batch(kept)])
    lost = a_batch([a_long_call(3 * MB)])
    full_disk(MB)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=r"spool\.sqlite: .*disk"):
            bench.spool.write([lost])
    assert bench.spool.status().held.n_spans == 5
    full_disk(None)
    bench.spool.write([lost])
    bench.gate.is_closed.clear()
    assert bench.spool.flush(30)
    assert stored(bench.store) == [*(call.call_id for call in kept), lost.parts["call_id"][0].as_py()]


def test_a_disk_that_fills_between_the_store_and_the_removal_stores_nothing_twice(
    bench, a_call, a_long_call, a_batch, full_disk
) -> None:
    for _ in range(4):
        bench.spool.write([a_batch([a_long_call()])])
    wait_until(lambda: bench.spool.status().held.n_entries == 0)
    bench.gate.is_closed.set()
    tomorrow = a_call(service="tomorrow", start_ns=a_call().start_ns + 86_400 * 10**9)
    bench.spool.write([a_batch([tomorrow])])
    full_disk(2 * MB)  # room for the first calls of another day, none behind what is in the log of the spool
    bench.gate.is_closed.clear()
    wait_until(lambda: bench.gate.written.count(["tomorrow"]) >= 3)
    full_disk(None)
    assert bench.spool.flush(30)
    assert stored(bench.store).count(tomorrow.call_id) == 1
    assert len(stored(bench.store)) == 5


@pytest.mark.parametrize("place", [0, 100, 16_384])
def test_a_damaged_file_stops_the_start_and_says_what_to_do(bench, a_long_call, a_batch, place: int) -> None:
    bench.gate.is_closed.set()
    for _ in range(3):
        bench.spool.write([a_batch([a_long_call(MB // 8)])])
    bench.close()
    content = bytearray(bench.file_path.read_bytes())
    content[place : place + 400] = b"\xff" * 400
    bench.file_path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"spool\.sqlite: damaged .*move the file away.*\.recover"):
        bench.open()


def test_damage_that_is_met_while_draining_stops_the_writes_and_says_what_to_do(bench, a_long_call, a_batch) -> None:
    bench.gate.is_closed.set()
    for _ in range(3):
        bench.spool.write([a_batch([a_long_call()])])
    bench.close()
    with sqlite3.connect(bench.file_path) as db:
        (n_pages,) = db.execute("PRAGMA page_count").fetchone()
    db.close()
    with bench.file_path.open("r+b") as file:  # the links of the pages in the middle of the payloads
        for page in range(10, n_pages, 10):
            file.seek(page * PAGE_BYTES)
            file.write(b"\xff" * 4)
    bench.gate.is_closed.clear()
    bench.open()
    wait_until(lambda: bench.spool.status().problem is not None)
    with pytest.raises(StoreUnavailable, match=r"spool\.sqlite: damaged .*move the file away.*\.recover"):
        bench.spool.write([a_batch([a_long_call(10)])])


def test_an_entry_whose_bytes_cannot_be_read_is_set_aside(bench, a_call, a_batch) -> None:
    bench.gate.is_closed.set()
    calls = [a_call() for _ in range(3)]
    for call in calls:
        bench.spool.write([a_batch([call])])
    bench.close()
    with sqlite3.connect(bench.file_path) as db:
        db.execute("UPDATE entries SET payload = zeroblob(length(payload)) WHERE id = 2")
    db.close()
    bench.gate.is_closed.clear()
    bench.open()
    wait_until(lambda: bench.spool.status().held.n_entries == 0)
    assert stored(bench.store) == [calls[0].call_id, calls[2].call_id]
    assert bench.spool.status().rejected.n_spans == 1


def test_what_is_set_aside_is_bounded_and_the_oldest_goes(make_bench, a_long_call, a_batch) -> None:
    bench = make_bench(max_bytes=64 * MB)
    bench.gate.poison = {"bad"}
    for _ in range(12):
        bench.spool.write([a_batch([a_long_call(service="bad")])])
    wait_until(lambda: bench.value("spool_rejected_spans_total") == 12)  # counted when it is done
    rejected = bench.spool.status().rejected
    assert 2 * MB < rejected.n_bytes <= 64 * MB * REJECTED_SHARE
    wait_until(lambda: bench.value("spool_forgotten_spans_total") == 12 - rejected.n_spans)
    bench.close()
    with sqlite3.connect(bench.file_path) as db:
        rows = db.execute("SELECT id, reason FROM rejected ORDER BY id").fetchall()
    db.close()
    assert [row[0] for row in rows] == list(range(13 - rejected.n_entries, 13))
    assert {row[1] for row in rows} == {"ArithmeticError: this cannot be stored"}


def test_a_commit_is_on_disk_when_it_returns(bench) -> None:
    """Which no test without a power cut can see: the settings that SQLite promises it for are in force."""
    settings = {
        name: bench.spool._file._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "page_size")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "page_size": PAGE_BYTES}


def test_a_newer_file_is_refused_with_the_version_it_needs(tmp_path) -> None:
    path = tmp_path / "spool.sqlite"
    SpoolFile(path, max_bytes=MIN_BYTES).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()
    with pytest.raises(WatchkeeperError, match=r"newer Watchkeeper \(schema 7"):
        SpoolFile(path, max_bytes=MIN_BYTES)


def test_a_file_that_another_holds_is_refused(bench) -> None:
    with pytest.raises(StoreUnavailable, match="another process holds it"):
        SpoolFile(bench.file_path, max_bytes=MIN_BYTES)


def test_a_folder_that_cannot_be_made_is_said(bench, tmp_path) -> None:
    (tmp_path / "taken").write_text("a file")
    registry = type(bench.registry)()
    with pytest.raises(StoreUnavailable, match=r"taken/spool.*[Nn]ot a directory|File exists"):
        spooled(
            bench.store,
            tmp_path / "taken" / "spool",
            metrics=bench.spool._drain._metrics,
            spool_metrics=SpoolMetrics(registry),
            config=SpoolConfig(),
        )


def test_pauses_grow_to_half_a_minute_and_differ() -> None:
    rng = random.Random(1)
    assert 0.125 <= pause_s(1, rng) <= 0.25
    assert 1.0 <= pause_s(4, rng) <= 2.0
    late = {pause_s(n, rng) for n in range(20, 2000, 100)}
    assert all(15 <= pause <= 30 for pause in late)
    assert len(late) == 20
