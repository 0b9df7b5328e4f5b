"""Two collectors behind a real nginx that runs our configuration: one is killed under load, and everything counted."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.services.nginx.server import free_ports, nginx
from tests.watchkeeper.cluster import SPANS_PER_EXPORT, Part, an_export, items, until

N_SENDERS = 8
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
N_EXPORTS = 150
"""Over each protocol; a collector is killed when a third of them are acknowledged."""


class Sender:
    """Sends exports one after the other on a thread of its own, each until it is acknowledged."""

    def __init__(self, numbers: range, send: Callable[[bytes], str | None]) -> None:
        """
        Args:
            send: gives None when it was acknowledged, else what went wrong.
        """
        self.n_acknowledged = 0
        self.failures: list[str] = []
        self._numbers, self._send = numbers, send
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for number in self._numbers:
            body = an_export(number)
            while (failure := self._send(body)) is not None:
                self.failures.append(failure)
                time.sleep(0.1)
            self.n_acknowledged += 1
            time.sleep(0.01)

    def join(self) -> None:
        self._thread.join(240)
        assert not self._thread.is_alive(), self.failures[-5:]


def over_http(port: int) -> Callable[[bytes], str | None]:
    """Each export from the next of eight addresses, as from eight senders."""
    senders = itertools.cycle([http_sender(port, f"127.0.0.{number}") for number in range(1, N_SENDERS + 1)])

    def send(body: bytes) -> str | None:
        answer = next(senders).post("/v1/traces", content=body)
        return None if answer.status_code == 200 else str(answer.status_code)

    return send


def http_sender(port: int, address: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        transport=httpx.HTTPTransport(local_address=address),
        headers={"content-type": "application/x-protobuf"},
        timeout=60,
    )


def over_grpc(port: int) -> Callable[[bytes], str | None]:
    export = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary(EXPORT)

    def send(body: bytes) -> str | None:
        try:
            export(body, timeout=60)
        except grpc.RpcError as error:
            return str(error.code().name)  # type: ignore[attr-defined]  # a failed call is its own error
        return None

    return send


def two_parts(number: int) -> tuple[bytes, bytes]:
    """One model call in two exports: the span of an agent with the tokens of the call, and the call below it."""
    trace_id, agent_id = (10**9 + number).to_bytes(16), (2 * 10**9 + number).to_bytes(8)
    parts = []
    for operation, span_id, parent_id in (
        ("invoke_agent", agent_id, b""),
        ("chat", (3 * 10**9 + number).to_bytes(8), agent_id),
    ):
        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add(
            trace_id=trace_id, span_id=span_id, parent_span_id=parent_id, name=operation, kind=3,
            start_time_unix_nano=time.time_ns() - 10**9, end_time_unix_nano=time.time_ns(),
        )  # fmt: skip
        for key, value in (("gen_ai.operation.name", operation), ("gen_ai.request.model", "in-parts")):
            span.attributes.add(key=key).value.string_value = value
        for key, n_tokens in (("gen_ai.usage.input_tokens", 10), ("gen_ai.usage.output_tokens", 5)):
            span.attributes.add(key=key).value.int_value = n_tokens
        parts.append(request.SerializeToString())
    return parts[0], parts[1]


@pytest.fixture
def ports() -> dict[str, tuple[int, int]]:
    """Those of collectors a and b: OTLP over HTTP and over gRPC."""
    first, second, third, fourth = free_ports(4)
    return {"a": (first, second), "b": (third, fourth)}


@pytest.mark.timeout(600)
def test_a_killed_collector_behind_nginx_loses_and_repeats_nothing(
    start_role: Callable[..., Part], ports: dict[str, tuple[int, int]]
) -> None:
    collectors = {name: start_role("collect", name, ports=ports[name]) for name in ports}
    with nginx({f"collector-{name}.example": ports[name] for name in ports}) as (http_port, grpc_port):
        by_http = Sender(range(N_EXPORTS), over_http(http_port))
        by_grpc = Sender(range(N_EXPORTS, 2 * N_EXPORTS), over_grpc(grpc_port))
        until(lambda: min(by_http.n_acknowledged, by_grpc.n_acknowledged) >= N_EXPORTS // 3, 120)
        assert all(accepted(part, "http") > 0 for part in collectors.values()), "each has some of the senders"
        [victim] = [name for name, part in collectors.items() if accepted(part, "grpc") > 0]
        collectors[victim].kill()
        by_http.join()
        by_grpc.join()
    assert by_http.failures == []  # nginx asked the other one
    assert Counter(by_grpc.failures).keys() <= {"UNAVAILABLE"}  # exporters send such an export again
    assert len(by_grpc.failures) <= 3
    start_role("collect", victim, ports=ports[victim])  # stores what it had acknowledged
    dashboard = start_role("dashboard", "c")
    n_spans = 2 * N_EXPORTS * SPANS_PER_EXPORT
    until(lambda: len(items(dashboard, "spans")) >= n_spans, 120)
    time.sleep(2)
    ids = [call["call_id"] for call in items(dashboard, "calls")]
    assert len(ids) == len(set(ids)) == n_spans
    assert len(items(dashboard, "spans")) == n_spans


def accepted(part: Part, transport: str) -> float:
    return part.metric(f'watchkeeper_accepted_spans_total{{transport="{transport}"}}')


@pytest.mark.timeout(600)
def test_a_sender_stays_with_one_collector_which_joins_what_comes_in_parts(
    start_role: Callable[..., Part], ports: dict[str, tuple[int, int]]
) -> None:
    collectors = [start_role("collect", name, ports=ports[name]) for name in ports]
    with nginx({f"collector-{name}.example": ports[name] for name in ports}) as (http_port, _):
        for number in range(1, N_SENDERS + 1):
            with http_sender(http_port, f"127.0.0.{number}") as sender:
                for body in two_parts(number):
                    sender.post("/v1/traces", content=body).raise_for_status()
    assert sum(accepted(part, "http") for part in collectors) == 2 * N_SENDERS
    assert all(accepted(part, "http") > 0 for part in collectors)
    dashboard = start_role("dashboard", "c")
    until(lambda: len(items(dashboard, "spans")) == 2 * N_SENDERS, 60)
    assert [call["operation"] for call in items(dashboard, "calls")] == ["chat"] * N_SENDERS
