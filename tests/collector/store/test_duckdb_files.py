"""The day files of the embedded store: who owns them, and what happens when they are not as they should be."""

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace

import duckdb
import pytest

from collector.errors import StoreUnavailable
from collector.query import Aggregation
from collector.store import open_store
from collector.store.duckdb import days as days_module
from collector.store.duckdb.files import make_file
from collector.store.duckdb.tables import SCHEMA_VERSION, TABLES

DAY_NS = 86_400 * 10**9


def day_files(tmp_path):
    return sorted(path.name for path in (tmp_path / "telemetry").glob("2*.duckdb"))


def test_each_utc_day_of_the_start_has_its_file(tmp_path, a_call, a_batch):
    store = open_store(tmp_path)
    call = a_call()
    store.write([a_batch([call, replace(a_call(), start_ns=call.start_ns + DAY_NS)])])
    store.close()
    assert day_files(tmp_path) == ["2026-11-21.duckdb", "2026-11-22.duckdb"]


def test_closing_leaves_no_log_to_replay(tmp_path, a_call, a_batch):
    store = open_store(tmp_path)
    store.write([a_batch([a_call()])])
    assert list((tmp_path / "telemetry").glob("*.wal"))
    store.close()
    assert not list((tmp_path / "telemetry").glob("*.wal"))


def test_a_second_process_is_told_who_owns_the_data(tmp_path):
    store = open_store(tmp_path)
    code = "import sys, pathlib, collector.store as s; s.open_store(pathlib.Path(sys.argv[1]))"
    second = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert second.returncode != 0
    assert "StoreUnavailable" in second.stderr
    assert f"PID {os.getpid()}" in second.stderr
    assert str(tmp_path) in second.stderr
    store.close()
    third = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert third.returncode == 0, third.stderr


def test_a_second_store_in_this_process_is_refused_and_does_no_harm(tmp_path, everything, a_call, a_batch):
    store = open_store(tmp_path)
    with pytest.raises(StoreUnavailable, match="in use"):
        open_store(tmp_path)
    store.write([a_batch([a_call()])])
    assert len(store.calls(everything).items) == 1
    store.close()


def test_a_file_of_a_newer_version_is_refused_with_the_version_it_needs(tmp_path, a_call, a_batch):
    store = open_store(tmp_path)
    store.write([a_batch([a_call()])])
    store.close()
    path = tmp_path / "telemetry" / day_files(tmp_path)[0]
    with duckdb.connect(path) as file:
        file.execute("UPDATE meta SET schema_version = 99")
    with pytest.raises(StoreUnavailable, match=rf"{path.name}.*schema version 99"):
        open_store(tmp_path)
    with duckdb.connect(path) as file:
        file.execute("UPDATE meta SET schema_version = ?", [SCHEMA_VERSION])
    open_store(tmp_path).close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    open_store(tmp_path).close()
    (tmp_path / "telemetry" / "2026-11-20.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailable, match=r"2026-11-20\.duckdb"):
        open_store(tmp_path)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new.duckdb"

    def fill(draft):
        db.execute(f"CREATE TABLE {draft}.half AS SELECT 1")
        raise OSError("the power goes")

    with duckdb.connect() as db:
        with pytest.raises(OSError, match="power"):
            make_file(db, path, fill)
        assert list(tmp_path.iterdir()) == []
        make_file(db, path, lambda draft: None)
        before = path.read_bytes()
        make_file(db, path, fill)
    assert path.read_bytes() == before


def test_a_start_that_is_killed_leaves_a_store_that_opens(tmp_path, everything, a_call, a_batch):
    code = "import sys, pathlib, collector.store as s; print(1, flush=True); s.open_store(pathlib.Path(sys.argv[1]))"
    for delay_s in (0.0, 0.01, 0.02, 0.04):
        folder = tmp_path / str(delay_s)
        with subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE) as starting:
            starting.stdout.readline()
            time.sleep(delay_s)
            starting.kill()
        store = open_store(folder)
        store.write([a_batch([a_call()])])
        assert len(store.calls(everything).items) == 1
        store.close()
        assert sorted(path.name for path in (folder / "telemetry").iterdir()) == ["2026-11-21.duckdb", "owner.duckdb"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "telemetry").write_text("a file stands in the way")
    with pytest.raises(StoreUnavailable, match="telemetry"):
        open_store(tmp_path)


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    folder = tmp_path / "telemetry"
    folder.mkdir()
    (folder / "2026-11-20 copy.duckdb").write_text("mine")
    open_store(tmp_path).close()
    assert (folder / "2026-11-20 copy.duckdb").read_text() == "mine"


def test_a_data_directory_may_have_any_name(tmp_path, everything, a_call, a_batch):
    folder = tmp_path / 'it\'s "odd" 🙂'
    store = open_store(folder)
    store.write([a_batch([a_call()])])
    assert len(store.calls(everything).items) == 1
    store.close()


def test_a_closed_store_says_so(tmp_path, everything, a_call, a_batch):
    store = open_store(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.write([a_batch([a_call()])])
    with pytest.raises(StoreUnavailable, match="closed"):
        store.calls(everything)


def test_more_days_than_may_be_open_are_all_read_and_written(tmp_path, everything, a_call, a_batch, monkeypatch):
    monkeypatch.setattr(days_module, "MAX_ATTACHED", 3)
    first = a_call().start_ns
    calls = [a_call(start_ns=first - i * DAY_NS) for i in range(12)]
    store = open_store(tmp_path)
    store.write([a_batch(calls)])
    store.close()
    assert not list((tmp_path / "telemetry").glob("*.wal"))
    store = open_store(tmp_path)
    assert [call.call_id for call in store.calls(everything).items] == [call.call_id for call in calls]
    assert store.aggregate(Aggregation(filters=everything, metrics=["requests"]))["requests"] == [12]
    assert len(store.scan(after_seq=0, limit=100)) == 12
    assert all(store.call(call.call_id) == call for call in calls)
    n_open = sum(str(tmp_path) in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if alive(fd))
    assert n_open <= 3 + 1
    store.close()


def alive(fd):
    return os.path.exists(f"/proc/self/fd/{fd}")


def test_the_tables_of_this_version_are_these():
    """Files of this version are out there: after a change raise SCHEMA_VERSION, migrate older files and renew this."""
    columns = [(table.name, field.name, str(field.type)) for table in TABLES for field in table.schema]
    assert (SCHEMA_VERSION, hashlib.sha256(repr(columns).encode()).hexdigest()[:16]) == (2, "d4a43e82450b087b")
