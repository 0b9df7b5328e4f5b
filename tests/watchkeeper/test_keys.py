"""Keys at a running `watchkeeper up`: every door of it, before and after there is one."""

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from collector.projects.book import ProjectBook
from collector.state import open_state, state_url

Run = Callable[..., subprocess.CompletedProcess[str]]
UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 16, 7, 8


def an_export(number: int, *, project: str | None = None, n_spans: int = 1) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    if project is not None:
        resource_spans.resource.attributes.add(key="watchkeeper.project").value.string_value = project
    spans = resource_spans.scope_spans.add().spans
    for place in range(n_spans):
        span = spans.add(name="chat m", trace_id=(number * 100 + place + 1).to_bytes(16), span_id=b"\0" * 7 + b"\1")
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 10**9
        span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
    return request


def send(platform: Any, export: ExportTraceServiceRequest, key: str | None = None, *, json: bool = False) -> Any:
    headers = {"content-type": "application/json" if json else "application/x-protobuf"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    body = json_format.MessageToJson(export).encode() if json else export.SerializeToString()
    return httpx.post(f"{platform.otlp_http}/v1/traces", content=body, headers=headers, timeout=30)


def send_grpc(platform: Any, export: ExportTraceServiceRequest, key: str | None = None) -> grpc.StatusCode:
    metadata = [] if key is None else [("authorization", f"Bearer {key}")]
    with grpc.insecure_channel(platform.otlp_grpc) as channel:
        try:
            TraceServiceStub(channel).Export(export, metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()  # type: ignore[attr-defined]
            return code
    return grpc.StatusCode.OK


def projects_in(platform: Any, key: str) -> list[str]:
    answer = httpx.get(f"{platform.api}/calls", headers={"x-api-key": key}, timeout=30).raise_for_status()
    return sorted(call["project"] for call in answer.json()["items"])


def within(seconds: float, happens: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


@pytest.fixture
def book_of() -> Iterator[Callable[[Any], ProjectBook]]:
    """What the commands work with, on the state database of a running platform."""
    engines = []

    def open_one(platform: Any) -> ProjectBook:
        engines.append(open_state(state_url(platform.data_dir)))
        return ProjectBook(engines[-1], time.time_ns, actor="test")

    yield open_one
    for engine in engines:
        engine.dispose()


def test_the_first_key_closes_every_door_of_a_running_process(
    platform: Any, book_of: Callable[[Any], ProjectBook], run_watchkeeper: Run
) -> None:
    book = book_of(platform)
    assert send(platform, an_export(1)).status_code == 200
    assert send(platform, an_export(2, project="shop")).status_code == 200, "without keys telemetry names its project"
    assert send_grpc(platform, an_export(3), "whatever") is grpc.StatusCode.OK
    assert httpx.get(f"{platform.api}/calls", timeout=30).status_code == 200

    options = ("--scope", "ingest", "--rate-limit", "1", "--burst", "50", "--data-dir", str(platform.data_dir))
    book.create_project("shop")
    sends = run_watchkeeper("key", "create", "--project", "shop", *options).stdout.strip()
    within(5, lambda: httpx.get(f"{platform.api}/calls", timeout=30).status_code == 401)  # until then all may send
    read_key = book.create_key(project="shop", scopes=["read"])
    reads, admin = read_key.secret, book.create_key(project=None, scopes=["admin"]).secret
    within(5, lambda: httpx.get(f"{platform.api}/calls", headers={"x-api-key": admin}, timeout=30).status_code == 200)

    # Nobody without a key, at any door.
    refused = send(platform, an_export(5))
    assert (refused.status_code, Status.FromString(refused.content).code) == (401, UNAUTHENTICATED)
    assert "Bearer wk_" in Status.FromString(refused.content).message
    refused = send(platform, an_export(5), "wk_" + "x" * 43, json=True)
    assert (refused.status_code, refused.json()["code"]) == (401, UNAUTHENTICATED)
    assert send_grpc(platform, an_export(5)) is grpc.StatusCode.UNAUTHENTICATED
    assert httpx.get(f"{platform.api}/calls", timeout=30).status_code == 401
    assert httpx.get(f"{platform.api}/alerts", timeout=30).status_code == 401
    assert httpx.get(f"{platform.ui}/", timeout=30).headers["location"] == "/login?next=/"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert httpx.get(platform.ui + path, timeout=30).status_code == 200

    # With the wrong scope: forbidden.
    assert send(platform, an_export(5), reads).status_code == 403
    assert send_grpc(platform, an_export(5), reads) is grpc.StatusCode.PERMISSION_DENIED
    assert httpx.get(f"{platform.api}/calls", headers={"x-api-key": sends}, timeout=30).status_code == 403

    # With the right one, in the project of the key, whatever the telemetry says.
    assert send(platform, an_export(6), sends).status_code == 200
    assert send_grpc(platform, an_export(7, project="default"), sends) is grpc.StatusCode.OK
    assert projects_in(platform, reads) == ["shop"] * 3
    assert projects_in(platform, admin) == ["default"] * 2 + ["shop"] * 3
    metrics = httpx.get(f"{platform.ui}/metrics", timeout=30).text
    assert "watchkeeper_overridden_project_spans_total 1.0" in metrics

    # Too fast: to be sent again, as the OTLP specification says.
    assert send(platform, an_export(8, n_spans=50), sends).status_code in (200, 429)
    refused = send(platform, an_export(9, n_spans=50), sends)
    assert (refused.status_code, Status.FromString(refused.content).code) == (429, RESOURCE_EXHAUSTED)
    assert int(refused.headers["retry-after"]) >= 1
    assert send_grpc(platform, an_export(9, n_spans=50), sends) is grpc.StatusCode.RESOURCE_EXHAUSTED

    # Revoked: closed again.
    book.revoke_key(read_key.key.key_id)
    within(5, lambda: httpx.get(f"{platform.api}/calls", headers={"x-api-key": reads}, timeout=30).status_code == 401)


def test_beyond_loopback_nobody_gets_in_without_a_key(
    start_platform: Callable[..., Any], book_of: Callable[[Any], ProjectBook]
) -> None:
    platform = start_platform("--host", "0.0.0.0")
    assert send(platform, an_export(1)).status_code == 401
    assert send_grpc(platform, an_export(1)) is grpc.StatusCode.UNAUTHENTICATED
    assert httpx.get(f"{platform.api}/calls", timeout=30).status_code == 401
    key = book_of(platform).create_key(project="default", scopes=["admin"]).secret
    within(5, lambda: send(platform, an_export(1), key).status_code == 200)
    named = {"Host": "watchkeeper.example", "x-api-key": key}
    assert httpx.get(f"{platform.api}/calls", headers=named, timeout=30).status_code == 200, "by whatever name"
