"""Moving between stores by command: killed in the middle, run again, counted, and back into files as it was."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from elasticsearch import Elasticsearch

from collector.batch import call_id_of
from collector.call import Call
from collector.rows import batch_of_calls
from collector.store import open_store
from collector.store.base import TextVector
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.store.moving import SCHEMAS

Run = Callable[..., subprocess.CompletedProcess[str]]
N_CALLS = 12_000
START_NS = 1_795_000_000 * 10**9


def fill(data_dir: Path) -> None:
    """Twelve thousand calls on two days, and a vector of each of the first thousand."""
    calls = [
        Call(
            call_id=call_id_of(f"{number:032x}", f"{number:016x}"), trace_id=f"{number:032x}", span_id=f"{number:016x}",
            start_ns=START_NS + number * 10 * 10**9, project="default", request_model="m", latency_s=0.5,
            output_messages=[{"role": "assistant", "parts": [{"type": "text", "content": f"answer {number} " * 20}]}],
        )
        for number in range(1, N_CALLS + 1)
    ]  # fmt: skip
    store = open_store(data_dir)
    for first in range(0, N_CALLS, 3000):
        store.write([batch_of_calls(calls[first : first + 3000])])
    store.write_vectors(
        [
            TextVector(call_id=c.call_id, call_start_ns=c.start_ns, kind="k", version="1", values=[0.5, -1.0])
            for c in calls[:1000]
        ]
    )
    store.close()


def cluster(config: ElasticsearchConfig) -> dict[str, str]:
    table = "WATCHKEEPER_STORE__ELASTICSEARCH"
    return {
        "WATCHKEEPER_STORE__KIND": "elasticsearch",
        f"{table}__URL": config.url,
        f"{table}__PREFIX": config.prefix,
        f"{table}__REPLICAS": "0",
    }


def counts(ended: subprocess.CompletedProcess[str]) -> dict[str, list[int]]:
    """The numbers of each line that a command has printed, by kind."""
    assert ended.returncode == 0, ended.stderr
    lines = (line.partition(": ") for line in ended.stdout.splitlines())
    return {kind: [int(word) for word in told.split() if word.isdigit()] for kind, _, told in lines}


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What an export holds, by kind; numbers of calls left out."""
    return {
        kind: sorted(
            (
                {name: value for name, value in row.items() if name != "seq"}
                for file in sorted(folder.glob(f"*/{kind}.parquet"))
                for row in pq.read_table(file).to_pylist()
            ),
            key=repr,
        )
        for kind in SCHEMAS
    }


@pytest.mark.timeout(600)
def test_there_and_back_with_a_kill_in_the_middle(
    run_watchkeeper: Run, watchkeeper: Any, elasticsearch: ElasticsearchConfig, tmp_path: Path
) -> None:
    fill(tmp_path / "a")
    first = counts(run_watchkeeper("store", "export", "out", "--data-dir", "a"))
    assert first["spans"] == first["calls"] == [N_CALLS]
    assert first["vectors"] == [1000]

    importing = subprocess.Popen(
        watchkeeper("store", "import", "out"), env=os.environ | cluster(elasticsearch), cwd=tmp_path
    )
    while importing.poll() is None and documents(elasticsearch, "spans") == 0:
        time.sleep(0.02)
    assert importing.poll() is None, "it was done before it could be killed; import more"
    importing.send_signal(signal.SIGKILL)
    importing.wait(30)

    again = counts(run_watchkeeper("store", "import", "out", **cluster(elasticsearch)))
    for kind in ("spans", "calls", "vectors"):
        n_read, n_new, n_known = again[kind]
        assert n_read == first[kind][0] == n_new + n_known
    assert 0 < again["spans"][2] < N_CALLS
    third = counts(run_watchkeeper("store", "import", "out", **cluster(elasticsearch)))
    assert {kind: told[1] for kind, told in third.items()} == dict.fromkeys(SCHEMAS, 0)

    counts(run_watchkeeper("store", "export", "out2", **cluster(elasticsearch)))
    counts(run_watchkeeper("store", "import", "out2", "--data-dir", "b"))
    counts(run_watchkeeper("store", "export", "out3", "--data-dir", "b"))
    assert rows(tmp_path / "out") == rows(tmp_path / "out2") == rows(tmp_path / "out3")


def documents(config: ElasticsearchConfig, kind: str) -> int:
    with Elasticsearch(config.url) as client:
        client.indices.refresh(index=f"{config.prefix}-{kind}-*")
        return int(client.count(index=f"{config.prefix}-{kind}-*").body["count"])


def test_an_export_that_was_interrupted_goes_on_and_a_whole_one_stays(run_watchkeeper: Run, tmp_path: Path) -> None:
    fill(tmp_path / "a")
    counts(run_watchkeeper("store", "export", "out", "--data-dir", "a"))
    whole = run_watchkeeper("store", "export", "out", "--data-dir", "a")
    assert whole.returncode == 2
    assert "holds a whole export" in whole.stderr
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    (tmp_path / "out" / "manifest.json").unlink()
    gone = next(path for path in sorted(before) if path.name == "calls.parquet")
    gone.unlink()
    early = run_watchkeeper("store", "import", "out", "--data-dir", "b")
    assert early.returncode == 2
    assert "holds no whole export" in early.stderr
    assert counts(run_watchkeeper("store", "export", "out", "--data-dir", "a"))["calls"] == [N_CALLS]
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    assert {path for path in after if after[path] != before[path]} == {gone}


def test_a_file_that_was_cut_or_lost_rows_is_an_error(run_watchkeeper: Run, tmp_path: Path) -> None:
    fill(tmp_path / "a")
    counts(run_watchkeeper("store", "export", "out", "--data-dir", "a"))
    path = min((tmp_path / "out").glob("*/calls.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    lost = run_watchkeeper("store", "import", "out", "--data-dir", "b")
    assert lost.returncode == 2
    assert f"{table.num_rows} calls were exported, and {table.num_rows - 1} new" in lost.stderr
    path.write_bytes(path.read_bytes()[:-100])
    cut = run_watchkeeper("store", "import", "out", "--data-dir", "b")
    assert cut.returncode == 2
    assert "export again into another folder" in cut.stderr
