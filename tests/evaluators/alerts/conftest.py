"""Real parts for the tests of alerting: a state database, a DuckDB store, an HTTP receiver on loopback."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.batch import call_id_of
from collector.call import Call
from collector.rows import batch_of_calls
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.times import NS_PER_S, parse_rfc3339
from collector.verdict import Verdict
from evaluators.alerts import AlertBook

NOW_NS = parse_rfc3339("2026-11-21T12:00:00Z")


@pytest.fixture
def now_ns() -> int:
    return NOW_NS


@pytest.fixture
def book(engine: Engine) -> AlertBook:
    return AlertBook(engine, receivers=("oncall",), base_url="https://watch.example")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def write_calls() -> Callable[..., None]:
    """`write_calls(store, start_ns, n, n_errors, **fields)`: n calls a millisecond apart, the first of them failed."""
    rng = random.Random(7)

    def write(store: TelemetryStore, start_ns: int, n: int, n_errors: int = 0, **given: Any) -> None:
        calls = []
        for i in range(n):
            values: dict[str, Any] = {
                "trace_id": rng.randbytes(16).hex(),
                "span_id": rng.randbytes(8).hex(),
                "start_ns": start_ns + i * NS_PER_S // 1000,
                "service": "shop",
                "request_model": "gpt-4",
                "latency_s": 0.5,
                "error_type": "timeout" if i < n_errors else None,
            } | given
            calls.append(Call(call_id=call_id_of(values["trace_id"], values["span_id"]), **values))
        store.write([batch_of_calls(calls)])

    return write


@pytest.fixture
def a_verdict() -> Callable[..., Verdict]:
    """`a_verdict(minute, **fields)`: decided `minute` minutes after noon about the minute before; model_changed."""

    def make(minute: float, **given: Any) -> Verdict:
        decided_ns = NOW_NS + round(minute * 60 * NS_PER_S)
        values: dict[str, Any] = {
            "verdict_id": f"verdict-{minute:g}",
            "monitor": "output",
            "project": "default",
            "service": "shop",
            "request_model": "gpt-4",
            "outcome": "model_changed",
            "decided_ns": decided_ns,
            "reference_start_ns": NOW_NS - 86_400 * NS_PER_S,
            "reference_end_ns": NOW_NS - 3600 * NS_PER_S,
            "current_start_ns": decided_ns - 60 * NS_PER_S,
            "current_end_ns": decided_ns,
            "n_reference": 200,
            "n_current": 50,
            "statistic": 9.0,
            "p_value": 0.005,
            "alpha": 0.01,
            "guarantee": "1 false alarm in 100 windows without change, at most",
            "explanation": "Answers are shorter.",
        } | given
        return Verdict(**values)

    return make


@dataclass
class Request:
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedReceiver:
    """A real HTTP server whose n-th answer is the n-th of `script` (then 204 for ever): a status, a (status, headers)
    or "hang", which answers nothing until the test ends."""

    script: Sequence[Any]
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self
        self.released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                place = len(receiver.requests)
                receiver.requests.append(Request(dict(self.headers), body))
                step = receiver.script[place] if place < len(receiver.script) else 204
                if step == "hang":
                    receiver.released.wait(60)
                    return
                status, headers = step if isinstance(step, tuple) else (step, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedReceiver]]:
    receivers: list[ScriptedReceiver] = []

    def make(*script: Any) -> ScriptedReceiver:
        receivers.append(ScriptedReceiver(script))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`eventually(check)`: the first truthy answer of `check()`, or a failure after 20 s."""

    def wait(check: Callable[[], Any], timeout_s: float = 20.0) -> Any:
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            if answer := check():
                return answer
            time.sleep(0.02)
        pytest.fail(f"not within {timeout_s:g} s")

    return wait
