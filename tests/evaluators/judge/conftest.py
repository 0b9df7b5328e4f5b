import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.call import Call
from evaluators.judge import Judge, JudgeConfig, open_judge

Responder = Callable[[Mapping[str, Any]], tuple[int, Mapping[str, str], bytes]]

NOON_NS = 1_763_726_400_000_000_000  # 2025-11-21T12:00:00Z


@dataclass
class Server:
    """A loopback server that speaks the provider's protocol. `respond` decides what each request gets."""

    base_url: str
    respond: Responder
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def completion(text: str | None, **extra: Any) -> tuple[int, Mapping[str, str], bytes]:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "judge-1-2026-10-01",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
    }
    return 200, {}, json.dumps(body | extra).encode()


def failure(status: int, message: str = "no", headers: Mapping[str, str] | None = None) -> Any:
    return status, headers or {}, json.dumps({"error": {"message": message, "type": "x"}}).encode()


def opinion(verdict: str, reason: str = "Because.") -> tuple[int, Mapping[str, str], bytes]:
    return completion(json.dumps({"reason": reason, "verdict": verdict}))


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with state.lock:
                state.bodies.append(body)
                state.headers.append(dict(self.headers))
            if self.path != "/v1/chat/completions":
                status, headers, content = failure(404, "no such path")
            else:
                status, headers, content = state.respond(body)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # a client that gave up

        def log_message(self, *args: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state = Server(base_url=f"http://127.0.0.1:{http.server_port}/v1", respond=lambda body: opinion("yes"))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def completes() -> Callable[..., Any]:
    return completion


@pytest.fixture
def fails() -> Callable[..., Any]:
    return failure


@pytest.fixture
def says() -> Callable[..., Any]:
    return opinion


@pytest.fixture
def clock() -> Callable[[], int]:
    return lambda: NOON_NS


@pytest.fixture
def a_call() -> Callable[..., Call]:
    def make(
        call_id: str = "c1",
        *,
        answer: str = "It closes at 4 pm.",
        question: str = "When does it close?",
        contexts: tuple[str, ...] = ("Saturday 10:00-16:00",),
        **extra: Any,
    ) -> Call:
        return Call(
            call_id=call_id,
            trace_id="t" * 32,
            span_id="s" * 16,
            start_ns=NOON_NS,
            service="shop",
            request_model="m",
            input_messages=[{"role": "user", "parts": [{"type": "text", "content": question}]}],
            output_messages=[{"role": "assistant", "parts": [{"type": "text", "content": answer}]}],
            contexts=[{"content": text} for text in contexts],
            **extra,
        )

    return make


@pytest.fixture
def judge_at(server: Server, engine: Engine, clock: Callable[[], int]) -> Iterator[Callable[..., Judge]]:
    """A judge of everything at the loopback server; keywords change its configuration."""
    opened: list[Judge] = []

    def make(**settings: Any) -> Judge:
        defaults = {"base_url": server.base_url, "model": "judge-1", "sample_rate": 1.0, "timeout_s": 5.0}
        judge = open_judge(JudgeConfig.model_validate(defaults | settings), engine, clock)
        assert judge is not None
        opened.append(judge)
        return judge

    yield make
    for judge in opened:
        judge.close()
