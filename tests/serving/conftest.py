"""A real server process on the tiny model, and a collector that remembers what it is sent."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

MODEL_NAME = "tiny-llama"


@dataclass(frozen=True)
class ReceivedSpan:
    name: str
    kind: int
    trace_id: str
    parent_span_id: str
    duration_s: float
    status_code: int
    status_message: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector:
    """What an OTLP/HTTP endpoint received so far."""

    url: str
    spans: list[ReceivedSpan] = field(default_factory=list)

    def wait_for(self, wanted: Callable[[ReceivedSpan], bool], timeout_s: float = 15) -> ReceivedSpan:
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            for span in list(self.spans):
                if wanted(span):
                    return span
            time.sleep(0.05)
        raise AssertionError(f"no such span within {timeout_s} s; there are {self.spans}")

    def wait_for_response(self, response_id: str) -> ReceivedSpan:
        return self.wait_for(lambda span: span.attributes.get("gen_ai.response.id") == response_id)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            received.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Collector(url=f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received
        server.shutdown()


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield ReceivedSpan(
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    parent_span_id=span.parent_span_id.hex(),
                    duration_s=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    status_code=span.status.code,
                    status_message=span.status.message,
                    attributes={one.key: _value(one.value) for one in span.attributes},
                    resource={one.key: _value(one.value) for one in of_resource.resource.attributes},
                )


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, str(kind))


@dataclass(frozen=True)
class Server:
    base_url: str
    process: subprocess.Popen[str]
    model: str = MODEL_NAME
    context_tokens: int = 32_768
    max_waiting: int = 2

    def client(self) -> openai.OpenAI:
        """The real client; it does not retry, so that a refusal is seen."""
        return openai.OpenAI(base_url=self.base_url, api_key="unused", max_retries=0, timeout=60)


@pytest.fixture(scope="session")
def start_server() -> Callable[..., AbstractContextManager[Server]]:
    return running_server


@contextmanager
def running_server(**settings: Any) -> Iterator[Server]:
    """`serving.server.run` in a process of its own, as the command line starts it."""
    program = "import sys; from serving.config import ServingConfig; from serving.server import run; "
    program += "run(ServingConfig.model_validate_json(sys.argv[1]))"
    arguments = json.dumps({"port": 0, "n_threads": 1, **settings}, default=str)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    process = subprocess.Popen(
        [sys.executable, "-c", program, arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "ready"
        yield Server(ready["openai"], process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@pytest.fixture(scope="session")
def server(model_folder: Path, collector: Collector) -> Iterator[Server]:
    with running_server(
        model_path=model_folder, otlp_endpoint=collector.url, max_waiting=2, max_body_bytes=1_000_000
    ) as started:
        yield started


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with server.client() as one:
        yield one
