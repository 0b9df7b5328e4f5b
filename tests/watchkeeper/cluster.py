"""Roles as processes of their own on a real Elasticsearch and a real PostgreSQL, and what is sent to them."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.store.elasticsearch.config import ElasticsearchConfig

FOREVER = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "limit": "1000"}
SPANS_PER_EXPORT = 20


@dataclass
class Part:
    """One running process."""

    process: subprocess.Popen[str]
    ready: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.ready.get("ui") or self.ready["http"]

    def metric(self, name: str) -> float:
        for line in httpx.get(f"{self.url}/metrics", timeout=30).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        return 0.0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


@dataclass
class Hook:
    """Who is told of alerts: a real HTTP server that notes the delivery ids."""

    url: str
    deliveries: list[str]


@pytest.fixture
def hook() -> Iterator[Hook]:
    deliveries: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            deliveries.append(self.headers["X-Watchkeeper-Delivery"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield Hook(f"http://127.0.0.1:{server.server_port}/hook", deliveries)
    server.shutdown()
    server.server_close()


@pytest.fixture
def start_role(
    postgresql_url: str, elasticsearch: ElasticsearchConfig, tmp_path: Path, hook: Hook, watchkeeper: Any
) -> Iterator[Callable[..., Part]]:
    """`start_role(role, data_dir="a")`: a process of this role on the shared databases. A collector takes OTLP on free
    ports, or on `ports` (HTTP, gRPC)."""
    receivers = [{"name": "oncall", "url": hook.url, "secret": "a secret of this test"}]
    environment = os.environ | {
        "WATCHKEEPER_SERVER__STATE_URL": postgresql_url,
        "WATCHKEEPER_STORE__KIND": "elasticsearch",
        "WATCHKEEPER_STORE__ELASTICSEARCH__URL": elasticsearch.url,
        "WATCHKEEPER_STORE__ELASTICSEARCH__PREFIX": elasticsearch.prefix,
        "WATCHKEEPER_STORE__ELASTICSEARCH__REPLICAS": "0",
        "WATCHKEEPER_EVALUATORS__EMBED__ENABLED": "false",
        "WATCHKEEPER_EVALUATORS__ALERTS__INTERVAL_S": "1",
        "WATCHKEEPER_EVALUATORS__ALERTS__RECEIVERS": json.dumps(receivers),
    }
    started: list[subprocess.Popen[str]] = []

    def one(role: str, data_dir: str = "data", *, ports: tuple[int, int] = (0, 0)) -> Part:
        options = ["--port", "0"]
        if role != "evaluate":
            options += ["--data-dir", str(tmp_path / data_dir)]
        if role == "collect":
            options += ["--otlp-http-port", str(ports[0]), "--otlp-grpc-port", str(ports[1])]
        process = subprocess.Popen(
            watchkeeper(role, *options), env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{role}: no ready line; exit status {process.wait(30)}"
        return Part(process, json.loads(line))

    yield one
    for process in started:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def an_export(number: int) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add().scope_spans.add()
    for place in range(SPANS_PER_EXPORT):
        span = group.spans.add()
        span.trace_id, span.span_id = (number + 1).to_bytes(16), (number * SPANS_PER_EXPORT + place + 1).to_bytes(8)
        span.name, span.kind = "chat m", 3
        span.start_time_unix_nano = time.time_ns() - 10**9
        span.end_time_unix_nano = span.start_time_unix_nano + 10**9
        answer = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": f"answer {number}"}]}])
        question = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"question {place}"}]}])
        for key, value in (
            ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("error.type", "timeout"),
            ("gen_ai.input.messages", question), ("gen_ai.output.messages", answer),
        ):  # fmt: skip
            span.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def items(part: Part, kind: str, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asked = FOREVER | params
    while True:
        page = httpx.get(f"{part.url}/api/v1/{kind}", params=asked, timeout=60).raise_for_status().json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        asked = asked | {"cursor": page["next_cursor"]}


def until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s"
        time.sleep(0.3)
