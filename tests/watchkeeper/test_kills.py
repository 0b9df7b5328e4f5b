"""SIGKILL at random moments under load: what was acknowledged is there, once."""

import http.client
import random
import runpy
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

N_KILLS = 50
N_SENDERS = 4
SPANS_PER_EXPORT = 64

SHARED = Path(__file__).parents[2] / ".." / "shared"


class Senders:
    """Send exports until the server dies; one that was not acknowledged is sent again after the restart."""

    def __init__(self, exports: Iterator[bytes]) -> None:
        self._exports = exports
        self._lock = threading.Lock()
        self._again: list[bytes] = []
        self.acknowledged: list[bytes] = []

    def run_until_killed(self, url: str, kill: Callable[[], None], after_s: float) -> None:
        threads = [threading.Thread(target=self._send, args=(url,)) for _ in range(N_SENDERS)]
        for thread in threads:
            thread.start()
        timer = threading.Timer(after_s, kill)
        timer.start()
        for thread in threads:
            thread.join(120)
        timer.join()

    def finish(self, url: str) -> None:
        """Send again what was cut off."""
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        for body in self._again:
            assert self._post(connection, body)
            self.acknowledged.append(body)

    def _send(self, url: str) -> None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        while True:
            with self._lock:
                body = self._again.pop() if self._again else next(self._exports)
            try:
                is_stored = self._post(connection, body)
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self._again.append(body)
                return
            with self._lock:
                (self.acknowledged if is_stored else self._again).append(body)

    @staticmethod
    def _post(connection: http.client.HTTPConnection, body: bytes) -> bool:
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200


def spans_of(bodies: Sequence[bytes]) -> set[tuple[str, str]]:
    groups = (group for body in bodies for group in ExportTraceServiceRequest.FromString(body).resource_spans)
    spans = (span for group in groups for scope in group.scope_spans for span in scope.spans)
    return {(span.trace_id.hex(), span.span_id.hex()) for span in spans}


def stored(data_dir: Path, table: str) -> list[tuple[str, str]]:
    """The ids of all rows, read from the files themselves."""
    rows: list[Any] = []
    for file in sorted((data_dir / "telemetry").glob("20*.duckdb")):
        with duckdb.connect(str(file), read_only=True) as db:
            rows += db.execute(f"SELECT trace_id, span_id FROM {table}").fetchall()
    return rows


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_acknowledged_span_is_lost_and_none_is_stored_twice(start_platform: Any) -> None:
    rng = random.Random(5)
    build = runpy.run_path(str(SHARED / "load" / "otlp_load.py"))["build"]

    def exports() -> Iterator[bytes]:
        for seed in range(10_000):
            yield from (body for body, _ in build(64 * SPANS_PER_EXPORT, SPANS_PER_EXPORT, seed))

    senders = Senders(exports())
    for _ in range(N_KILLS):
        platform = start_platform()
        senders.run_until_killed(platform.otlp_http, platform.kill, rng.uniform(0.05, 3.0))
    platform = start_platform()
    senders.finish(platform.otlp_http)
    assert platform.stop() == 0
    expected = spans_of(senders.acknowledged)
    assert len(expected) > 100 * N_KILLS
    for table, wanted in (("spans", len(expected)), ("calls", len(expected) // 2)):
        found = stored(platform.data_dir, table)
        assert len(found) == len(set(found)) == wanted
        assert set(found) <= expected
