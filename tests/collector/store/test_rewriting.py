"""Days written anew: nothing lost, nothing twice, whoever reads, writes or dies meanwhile."""

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from collector.errors import StoreUnavailable
from collector.score import Score
from collector.store import open_store
from collector.store.duckdb import rewriting
from collector.store.duckdb.rewriting import Change

DAY_NS = 86_400 * 10**9


@pytest.fixture
def opened(tmp_path):
    """`opened()`: the store on the data of this test, opened anew."""
    stores = []

    def again():
        for store in stores:
            store.close()
        stores.append(open_store(tmp_path))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "telemetry").iterdir() if path.name != "owner.duckdb")


def numbers_of(store):
    return sorted({day.number for day in store._days.all()})


def in_two_files(store, a_batch, one, other):
    """Write `one`, then `other` into a second file of the same day."""
    store.write([a_batch([one])])
    (day,) = store._days.all()
    day.busy = True
    store.write([a_batch([other])])
    day.busy = False
    assert len(store._days.all()) == 2


def ids(page):
    return [item.call_id for item in page.items]


def as_it_is(cursor, lanes):
    return Change()


def test_two_files_of_a_day_become_one_in_the_order_of_time(opened, tmp_path, everything, a_call, a_batch):
    store = opened()
    first, second = a_call(), a_call()
    in_two_files(store, a_batch, second, first)
    before = store.calls(everything)
    done = store._rewriting.rewrite(*numbers_of(store), as_it_is)
    assert done.removed == {}
    (day,) = store._days.all()
    with store._days.cursor([day]) as cursor:
        assert cursor.execute(f"SELECT call_id FROM {day.name}.calls").fetchall() == [
            (first.call_id,),
            (second.call_id,),
        ]
    assert store.calls(everything) == before
    assert [call.seq for call in store.scan(after_seq=0, limit=10)] == [1, 2]
    assert files(tmp_path) == ["2026-11-21.c.duckdb"]
    store = opened()
    assert store.calls(everything) == before
    store.write([a_batch([first, second])])
    assert store.calls(everything) == before


def test_the_first_name_is_free_again_for_what_comes_late(opened, tmp_path, everything, a_call, a_batch):
    store = opened()
    in_two_files(store, a_batch, a_call(), a_call())
    for _ in range(3):
        store._rewriting.rewrite(*numbers_of(store), as_it_is)
        store.write([a_batch([a_call()])])
    store = opened()
    assert len(store.calls(everything).items) == 5
    assert len(files(tmp_path)) <= 2


def test_what_comes_and_what_goes_while_a_day_is_rewritten_counts(opened, everything, a_call, a_batch, monkeypatch):
    store = opened()
    kept, late = a_call(), a_call()
    score = Score(
        target_kind="call", target_id=kept.call_id, evaluator="e", version="1", source="human", value=0.0,
        target_start_ns=kept.start_ns, created_ns=kept.start_ns, project="default",
    )  # fmt: skip
    store.write([a_batch([kept])])
    store.write_scores([score])
    create_tables, n_made = rewriting.create_tables, 0

    def while_rewriting(cursor, name):
        nonlocal n_made
        n_made += 1
        create_tables(cursor, name)

    catch_up = store._rewriting._catch_up

    def before_catching_up(*arguments):
        store._writing.release()
        try:
            store.write([a_batch([late, kept])])
            store.write_scores([replace(score, value=1.0)])
        finally:
            store._writing.acquire()
        catch_up(*arguments)

    monkeypatch.setattr(rewriting, "create_tables", while_rewriting)
    monkeypatch.setattr(store._rewriting, "_catch_up", before_catching_up)
    store._rewriting.rewrite(*numbers_of(store), as_it_is)
    assert n_made == 1
    for _ in range(2):
        assert sorted(ids(store.calls(everything))) == sorted([kept.call_id, late.call_id])
        assert [found.value for found in store.scores(everything).items] == [1.0]
        store = opened()


def test_a_reader_reads_on_in_the_old_file_which_goes_afterwards(opened, tmp_path, everything, a_call, a_batch):
    store = opened()
    store.write([a_batch([a_call()])])
    (old,) = store._days.all()
    with store._days.cursor([old]) as reading:
        rewriter = threading.Thread(target=store._rewriting.rewrite, args=(*numbers_of(store), as_it_is))
        rewriter.start()
        while old.note is None:
            rewriter.join(0.01)
        assert reading.execute(f"SELECT count(*) FROM {old.name}.calls").fetchone() == (1,)
        assert len(store.calls(everything).items) == 1  # others read the new one
        assert rewriter.is_alive()
        assert old.path.exists()
    rewriter.join(30)
    assert not rewriter.is_alive()
    assert files(tmp_path) == ["2026-11-21.b.duckdb"]


def test_a_reader_between_two_files_begins_again(opened, everything, a_call, a_batch, monkeypatch):
    store = opened()
    in_two_files(store, a_batch, a_call(), a_call())
    cursor_of = store._days.cursor
    opened_files = []

    def slow(days):
        days = list(days)
        opened_files.append(len(days))
        if len(opened_files) == 2:  # the first file was read, the second comes next
            monkeypatch.setattr(store._days, "cursor", cursor_of)
            store._rewriting.rewrite(*numbers_of(store), as_it_is)
        return cursor_of(days)

    monkeypatch.setattr(store._days, "cursor", slow)
    assert len(store.calls(everything).items) == 2
    assert len(opened_files) == 2


def test_commits_and_readers_go_on_while_days_are_rewritten(opened, everything, a_call, a_batch):
    store = opened()
    calls = [a_call(start_ns=a_call().start_ns + (n % 2) * DAY_NS) for n in range(60)]
    n_written, is_over, problems = 0, threading.Event(), []

    def write():
        nonlocal n_written
        for call in calls:
            store.write([a_batch([call])])
            n_written += 1
        is_over.set()

    def read():
        while not is_over.is_set():
            n_before = n_written
            found = ids(store.calls(everything, limit=1000))
            if len(set(found)) != len(found) or not n_before <= len(found) <= len(calls):
                problems.append((n_before, len(found), len(set(found)), n_written))

    threads = [threading.Thread(target=run) for run in (write, read)]
    for thread in threads:
        thread.start()
    while not is_over.is_set():
        for number in numbers_of(store):
            store._rewriting.rewrite(number, as_it_is)
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert [call.seq for call in store.scan(after_seq=0, limit=100)] == list(range(1, 61))
    store = opened()
    assert sorted(ids(store.calls(everything))) == sorted(call.call_id for call in calls)


def test_late_rows_go_to_the_file_that_is_there(opened, tmp_path, a_call, a_batch):
    store = opened()
    in_two_files(store, a_batch, a_call(), a_call())
    store._rewriting.rewrite(*numbers_of(store), as_it_is)
    store.write([a_batch([a_call()])])
    store = opened()
    assert files(tmp_path) == ["2026-11-21.c.duckdb"]


@pytest.mark.parametrize("n_times", [4200, 3, 1])
def test_a_table_of_several_row_groups_keeps_every_row(n_times, opened, a_span, a_batch, monkeypatch):
    monkeypatch.setattr(rewriting, "GROUP_BYTES", 1)  # as if the texts were long: the smallest groups
    store = opened()
    first_ns = a_span().start_ns
    starts = [first_ns + n * 7919 % n_times for n in range(4200)]
    spans = [a_span(start_ns=start, end_ns=start, attributes={"n": n}) for n, start in enumerate(starts)]
    store.write([a_batch([], spans)])
    store._rewriting.rewrite(*numbers_of(store), as_it_is)
    (day,) = store._days.all()
    with store._days.cursor([day]) as cursor:
        rows = cursor.execute(f"SELECT start_ns, span_id FROM {day.name}.spans").fetchall()
    assert [start for start, _ in rows] == sorted(starts)
    assert {span_id for _, span_id in rows} == {span.span_id for span in spans}
    assert len(rows) == len(spans)


def test_a_stop_leaves_the_day_as_it_was(opened, tmp_path, everything, a_call, a_batch):
    store = opened()
    store.write([a_batch([a_call()])])
    store.stop_keeping()
    with pytest.raises(StoreUnavailable, match="closing"):
        store._rewriting.rewrite(*numbers_of(store), as_it_is)
    assert len(store.calls(everything).items) == 1
    store = opened()
    assert files(tmp_path) == ["2026-11-21.duckdb"]


def test_a_day_that_cannot_be_rewritten_goes_on_as_it_was(opened, tmp_path, everything, a_call, a_batch):
    store = opened()
    store.write([a_batch([a_call()])])

    def wrong(cursor, lanes):
        return Change(columns={"calls": {"call_id": "error('the disk is full')"}})

    with pytest.raises(Exception, match="disk is full"):
        store._rewriting.rewrite(*numbers_of(store), wrong)
    store.write([a_batch([a_call()])])
    assert len(store.calls(everything).items) == 2
    store = opened()
    assert len(store.calls(everything).items) == 2
    assert files(tmp_path) == ["2026-11-21.duckdb"]


KILLED = """
import json, os, pathlib, shutil, signal, sys
from collector.query import Filters
from collector.store import open_store
from collector.store.duckdb.rewriting import Change

made, what = pathlib.Path(sys.argv[1]), sys.argv[2]

def in_a_process(do, *arguments):
    # Forked before any store is open: to import everything anew would take a second for each.
    if not (pid := os.fork()):
        os._exit(do(*arguments) or 0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def counting(name, n_left):
    real = getattr(os, name)
    def call(*arguments, **options):
        if not n_left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        n_left[0] -= 1
        return real(*arguments, **options)
    return call

def dies(folder, n_steps):
    store, n_left = open_store(folder), [n_steps]
    (number,) = {day.number for day in store._days.all()}
    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, counting(name, n_left))
    store._rewriting.rewrite(number, lambda cursor, lanes: Change(everything=what == "drop"))
    return 7

def looks(folder, status):
    store = open_store(folder)
    seqs = [call.seq for call in store.scan(after_seq=0, limit=10)]
    last_seq = store.last_seq()
    store.close()
    names = sorted(path.name for path in (folder / "telemetry").iterdir() if path.name != "owner.duckdb")
    print(json.dumps({"status": status, "seqs": seqs, "last_seq": last_seq, "files": names}), flush=True)

for n_steps in range(60):
    folder = made.with_name(str(n_steps))
    shutil.copytree(made, folder)
    status = in_a_process(dies, folder, n_steps)
    in_a_process(looks, folder, status)
    if status != -signal.SIGKILL:
        break
"""


@pytest.mark.parametrize("what", ["rewrite", "drop"])
def test_killed_at_any_step_a_day_is_all_old_or_all_new(what, tmp_path, a_call, a_batch):
    made = tmp_path / "made"
    store = open_store(made)
    in_two_files(store, a_batch, a_call(), a_call())
    store.close()
    code = [sys.executable, "-c", KILLED, str(made), what]
    told = subprocess.run(code, timeout=150, capture_output=True, text=True, check=True)
    *killed, ended = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(killed) > 5
    assert {step["status"] for step in killed} == {-signal.SIGKILL}
    assert ended["status"] == 7
    old = {"seqs": [1, 2], "last_seq": 2, "files": ["2026-11-21.b.duckdb", "2026-11-21.duckdb"]}
    new = old | ({"files": ["2026-11-21.c.duckdb"]} if what == "rewrite" else {"files": [], "seqs": []})
    found = [{name: step[name] for name in old} for step in (*killed, ended)]
    n_old = found.count(old)
    assert 0 < n_old < len(found)
    assert found == [old] * n_old + [new] * (len(found) - n_old)


def test_a_note_of_somebody_else_stops_the_start_and_is_left_alone(tmp_path):
    open_store(tmp_path).close()
    note = tmp_path / "telemetry" / "2026-11-21.swap"
    note.write_text("half a not")
    with pytest.raises(StoreUnavailable, match=r"2026-11-21\.swap"):
        open_store(tmp_path)
    assert note.exists()
