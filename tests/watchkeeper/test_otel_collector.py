"""The real OpenTelemetry Collector before us, with the documented configuration: what it took in, we store."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.otel_collector.building import DEPLOY, collector_and_generator
from tests.watchkeeper.test_kills import stored

N_TRACES = 9_000
SPANS_PER_TRACE = 2
TRACES_PER_S = 200
BEFORE_S, AWAY_S = 10, 60

pytestmark = [pytest.mark.otel_collector, pytest.mark.timeout(1800)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def programs() -> tuple[Path, Path]:
    return collector_and_generator()


@pytest.fixture
def start_collector(tmp_path: Path, programs: tuple[Path, Path]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """`start_collector(grpc, http, url)`: with the queue of the one before it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(grpc: int, http_port: int, url: str) -> subprocess.Popen[bytes]:
        environment = {
            "OTELCOL_QUEUE_DIR": str(tmp_path / "queue"), "OTELCOL_GRPC": f"127.0.0.1:{grpc}",
            "OTELCOL_HTTP": f"127.0.0.1:{http_port}", "WATCHKEEPER_OTLP": url,
        }  # fmt: skip
        with (tmp_path / "otelcol.log").open("ab") as log:
            process = subprocess.Popen(
                [programs[0], "--config", DEPLOY / "config.yaml"], env=os.environ | environment, stdout=log, stderr=log
            )
        started.append(process)
        wait_until(lambda: answers(http_port), 60)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(60)


def answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().status > 0
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def n_stored(ui: str) -> int:
    address = ui.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    return next(round(float(line.split()[1])) for line in lines if line.startswith("watchkeeper_stored_spans_total "))


def test_what_the_collector_took_while_we_were_away_is_stored_once(
    start_platform: Any, start_collector: Any, programs: tuple[Path, Path]
) -> None:
    port, grpc, http_port = free_port(), free_port(), free_port()
    platform = start_platform("--otlp-http-port", str(port))
    collector = start_collector(grpc, http_port, platform.otlp_http)
    generator = subprocess.Popen([
        programs[1], "traces", "--otlp-insecure", "--otlp-endpoint", f"127.0.0.1:{grpc}",
        "--traces", str(N_TRACES), "--rate", str(TRACES_PER_S), "--child-spans", str(SPANS_PER_TRACE - 1),
    ])  # fmt: skip
    wait_until(lambda: n_stored(platform.ui) > 0, 60)
    time.sleep(BEFORE_S)
    assert platform.stop() == 0
    stopped_s = time.monotonic()
    n_before = len(stored(platform.data_dir, "spans"))
    assert generator.wait(300) == 0  # all was acknowledged by the Collector
    collector.kill()
    collector.wait(60)
    start_collector(grpc, http_port, platform.otlp_http)
    time.sleep(max(0.0, AWAY_S - (time.monotonic() - stopped_s)))
    platform = start_platform("--otlp-http-port", str(port))
    n_expected = N_TRACES * SPANS_PER_TRACE
    assert n_before < n_expected / 2
    wait_until(lambda: n_stored(platform.ui) >= n_expected - n_before, 180)
    assert platform.stop() == 0
    found = stored(platform.data_dir, "spans")
    assert len(found) == len(set(found)) == n_expected
