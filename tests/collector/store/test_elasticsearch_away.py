"""A real server that stops, freezes, dies, turns red, fills its disk or is slow, under load, with the spool before it.

What was acknowledged is in it afterwards, once, and who follows the calls in the order of their arrival misses none.
"""

import itertools
import json
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collector.batch import call_id_of
from collector.call import Call
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.rows import batch_of_calls
from collector.spool import spooled
from collector.spool.metrics import SpoolMetrics
from collector.spool.spool import Spool
from collector.store import open_elasticsearch
from collector.store.base import TelemetryStore
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.times import parse_rfc3339
from tests.services.elasticsearch.fixtures import started_server
from tests.services.elasticsearch.server import ElasticsearchServer

START_NS = parse_rfc3339("2026-11-21T12:00:00Z")
CALLS_PER_WRITE = 10
WRITES_PER_S = 40
AWAY_S = 8.0
DAYS = ("2026.11.21", "2026.11.22")

_numbers = itertools.count(1)


# Restarts of a server take their time where others use the machine, too.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def server() -> Iterator[ElasticsearchServer]:
    with started_server() as server:
        yield server


class Load:
    """Writes calls through `spool` at an even pace, over two days, and follows in the store what arrives."""

    def __init__(self, spool: Spool, store: TelemetryStore) -> None:
        self.spool = spool
        self.store = store
        self.written: list[str] = []
        self.failures: list[Exception] = []
        self.seen: list[str] = []
        self._after_seq = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._write, self._follow)]
        for thread in self._threads:
            thread.start()

    def stop_writing(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def follow_to_the_end(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while len(set(self.seen)) < len(self.written) and time.monotonic() < deadline_s:
            self._look()
            time.sleep(0.1)

    def _write(self) -> None:
        for n in itertools.count():
            calls = [a_call(n, i) for i in range(CALLS_PER_WRITE)]
            try:
                self.spool.write([batch_of_calls(calls)])
            except Exception as error:
                self.failures.append(error)
                return
            self.written += [call.call_id for call in calls]
            if self._stop.wait(1 / WRITES_PER_S):
                return

    def _follow(self) -> None:
        while not self._stop.wait(0.2):
            self._look()

    def _look(self) -> None:
        try:
            found = self.store.scan(after_seq=self._after_seq, limit=1000)
        except StoreUnavailable:
            return
        if found:
            self._after_seq = found[-1].seq
            self.seen += [call.call_id for call in found]


def a_call(n: int, i: int) -> Call:
    trace_id, span_id = f"{n:032x}", f"{i:016x}"
    text = [{"role": "user", "parts": [{"type": "text", "content": f"what is {n} plus {i}? " * 5}]}]
    return Call(
        call_id=call_id_of(trace_id, span_id), trace_id=trace_id, span_id=span_id, input_messages=text,
        start_ns=START_NS + (n * CALLS_PER_WRITE + i) * 10**6 + (i % 2) * 86_400 * 10**9, operation="chat",
    )  # fmt: skip


@pytest.fixture
def start_load(
    server: ElasticsearchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Load]]:
    """`start_load()`: with little patience everywhere, so that a test takes seconds."""
    monkeypatch.setattr("collector.spool.drain.LONGEST_PAUSE_S", 1.0)
    monkeypatch.setattr("collector.store.elasticsearch.sequence.HELD_S", 5.0)
    config = ElasticsearchConfig(url=server.url, prefix=f"away{next(_numbers)}", replicas=0, timeout_s=3.0)
    with ExitStack() as opened:

        def start() -> Load:
            store = open_elasticsearch(config)
            opened.callback(store.close)
            registry = CollectorRegistry()
            own = CollectorMetrics(registry), SpoolMetrics(registry)
            spool = spooled(store, tmp_path / "spool", metrics=own[0], spool_metrics=own[1])
            opened.callback(spool.close)
            load = Load(spool, store)
            opened.callback(load.stop_writing)
            wait_until(lambda: bool(load.seen and registry.get_sample_value("watchkeeper_stored_spans_total")))
            return load

        yield start
        server.resume()
        if not server.answers():
            server.kill()
            server.start()


def wait_until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def ask(server: ElasticsearchServer, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def prefix_of(load: Load) -> str:
    return str(load.store._cluster.config.prefix)


def is_away(load: Load) -> bool:
    """Whether the spool has noticed and holds what came since."""
    status = load.spool.status()
    return status.store_problem is not None and status.held.n_entries > WRITES_PER_S


def check(load: Load, server: ElasticsearchServer) -> None:
    """All is there, once, and was followed."""
    load.stop_writing()
    assert load.failures == []
    assert load.spool.flush(120)
    assert load.spool.status().rejected.n_entries == 0
    load.follow_to_the_end(60)
    assert set(load.seen) == set(load.written)
    ask(server, "POST", f"/{prefix_of(load)}-*/_refresh")
    for kind in ("spans", "calls"):
        assert ask(server, "GET", f"/{prefix_of(load)}-{kind}-*/_count")["count"] == len(load.written)
    stored, after_seq = [], 0
    while calls := load.store.scan(after_seq=after_seq, limit=1000):
        stored += [call.call_id for call in calls]
        after_seq = calls[-1].seq
    assert len(stored) == len(set(stored)) == len(load.written) > AWAY_S * WRITES_PER_S


def test_stopped_and_started(server: ElasticsearchServer, start_load: Callable[[], Load]) -> None:
    load = start_load()
    server.stop()
    wait_until(lambda: is_away(load))
    time.sleep(AWAY_S)
    server.start()
    check(load, server)


@pytest.mark.slow
def test_frozen(server: ElasticsearchServer, start_load: Callable[[], Load]) -> None:
    load = start_load()
    server.pause()
    wait_until(lambda: is_away(load))
    assert "no answer in time" in str(load.spool.status().store_problem)
    time.sleep(AWAY_S)
    server.resume()
    check(load, server)


@pytest.mark.slow
def test_killed_again_and_again(server: ElasticsearchServer, start_load: Callable[[], Load]) -> None:
    rng = random.Random(4)
    load = start_load()
    for _ in range(3):
        server.kill()
        time.sleep(rng.uniform(0.0, 3.0))
        server.start()
        time.sleep(rng.uniform(0.0, 2.0))  # while what waited is drained
    check(load, server)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["calls", "spans"])
def test_a_red_index(server: ElasticsearchServer, start_load: Callable[[], Load], kind: str) -> None:
    load = start_load()
    index = f"/{prefix_of(load)}-{kind}-{DAYS[1]}"
    nowhere = {"index.routing.allocation.require._name": "no such node"}
    ask(server, "PUT", f"{index}/_settings", nowhere)
    ask(server, "POST", f"{index}/_close?wait_for_active_shards=0")
    ask(server, "POST", f"{index}/_open?wait_for_active_shards=0")
    wait_until(lambda: ask(server, "GET", f"/_cluster/health{index}")["status"] == "red")
    wait_until(lambda: is_away(load))
    time.sleep(AWAY_S)
    ask(server, "PUT", f"{index}/_settings", dict.fromkeys(nowhere))
    wait_until(lambda: ask(server, "GET", f"/_cluster/health{index}")["status"] != "red")
    check(load, server)


def test_a_disk_at_its_flood_stage(server: ElasticsearchServer, start_load: Callable[[], Load]) -> None:
    load = start_load()
    block = "index.blocks.read_only_allow_delete"
    ask(server, "PUT", f"/{prefix_of(load)}-*/_settings", {block: True})
    wait_until(lambda: is_away(load))
    assert "flood stage" in str(load.spool.status().store_problem)
    time.sleep(AWAY_S)
    ask(server, "PUT", f"/{prefix_of(load)}-*/_settings", {block: None})
    check(load, server)


@pytest.mark.slow
def test_slow_answers(server: ElasticsearchServer, start_load: Callable[[], Load]) -> None:
    """Most come late and some too late, of requests that are carried out all the same."""
    rng = random.Random(8)
    load = start_load()
    ends_s = time.monotonic() + 3 * AWAY_S
    while time.monotonic() < ends_s:
        server.pause()
        time.sleep(rng.choice([0.2, 0.5, 1.0, 3.5]))
        server.resume()
        time.sleep(rng.uniform(0.02, 0.3))
    check(load, server)
