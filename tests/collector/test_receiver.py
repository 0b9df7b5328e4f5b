"""OTLP over real sockets, into the real store: what is acknowledged is stored, what is not is refused with a reason."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from prometheus_client import CollectorRegistry

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.exports import Exports, ReceiverLimits
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.query import Filters
from collector.receiver import JSON, PROTOBUF, receiver_app
from collector.store import open_store
from collector.store.base import TelemetryStore, WriteResult

ALL = Filters(since_ns=0, until_ns=2**62)
MAX_BODY_BYTES = 100_000


@dataclass(frozen=True)
class Receiver:
    url: str
    store: TelemetryStore
    metrics: CollectorRegistry

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        known = {"content-type": PROTOBUF} | {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, content=body, headers=known, timeout=30)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.get_sample_value(name, labels) or 0.0


def served(ingest: Ingest, metrics: CollectorMetrics) -> tuple[uvicorn.Server, threading.Thread, str]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = receiver_app(Exports(ingest, metrics, limits=ReceiverLimits(max_body_bytes=MAX_BODY_BYTES)))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread, f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    registry = CollectorRegistry()
    metrics = CollectorMetrics(registry)
    store = open_store(tmp_path)
    ingest = Ingest(store, metrics)
    server, thread, url = served(ingest, metrics)
    yield Receiver(url, store, registry)
    server.should_exit = True
    thread.join()
    ingest.close()
    store.close()


def an_export(*numbers: int, model: str = "gpt-4o") -> bytes:
    export = ExportTraceServiceRequest()
    spans = export.resource_spans.add().scope_spans.add().spans
    for number in numbers:
        span = spans.add(trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="chat")
        span.start_time_unix_nano = 1_790_000_000_000_000_000 + number
        span.end_time_unix_nano = span.start_time_unix_nano + 1
        for key, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", model)):
            span.attributes.append(KeyValue(key=key, value=AnyValue(string_value=value)))
    return export.SerializeToString()


def test_an_acknowledged_export_can_be_read_at_once(receiver: Receiver) -> None:
    response = receiver.post(an_export(1, 2))
    assert (response.status_code, response.headers["content-type"]) == (200, PROTOBUF)
    assert not ExportTraceServiceResponse.FromString(response.content).HasField("partial_success")
    assert len(receiver.store.calls(ALL).items) == 2


def test_concurrent_exports_share_commits_and_are_stored_once_each(receiver: Receiver) -> None:
    bodies = [an_export(*range(1 + 10 * n, 11 + 10 * n)) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: receiver.post(body).status_code, bodies + bodies))
    assert set(statuses) == {200}
    assert len(receiver.store.calls(ALL, limit=1000).items) == 400
    assert receiver.count("watchkeeper_duplicate_spans_total") == 400
    assert receiver.count("watchkeeper_accepted_spans_total", transport="http") == 800


@pytest.mark.parametrize("prefix", ["", "/api/public/otel", "/v1"])
def test_any_prefix_may_stand_before_the_path(receiver: Receiver, prefix: str) -> None:
    assert receiver.post(an_export(1), f"{prefix}/v1/traces").status_code == 200


def test_gzip_is_unpacked(receiver: Receiver) -> None:
    assert receiver.post(gzip.compress(an_export(1)), content_encoding="gzip").status_code == 200
    assert len(receiver.store.calls(ALL).items) == 1


def test_gzip_may_come_in_members_but_not_in_any_number(receiver: Receiver) -> None:
    body = an_export(1)
    halves = gzip.compress(body[:40]) + gzip.compress(body[40:])
    assert receiver.post(halves, content_encoding="gzip").status_code == 200
    assert len(receiver.store.calls(ALL).items) == 1
    assert receiver.post(gzip.compress(b"") * 5000, content_encoding="gzip").status_code == 400
    assert receiver.post(halves[:-9], content_encoding="gzip").status_code == 400


def test_json_is_answered_in_json(receiver: Receiver) -> None:
    span = {
        "traceId": "0a" * 16,
        "spanId": "0b" * 8,
        "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": 1790000000000000001,
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    response = receiver.post(body, content_type=JSON)
    assert (response.status_code, response.headers["content-type"], response.json()) == (200, JSON, {})
    trace = receiver.store.trace("0a" * 16)
    assert trace is not None
    assert trace.spans[0].span_id == "0b" * 8


def test_what_cannot_be_decoded_gets_400_with_the_reason(receiver: Receiver) -> None:
    response = receiver.post(b"not protobuf")
    assert response.status_code == 400
    assert "ExportTraceServiceRequest" in Status.FromString(response.content).message
    assert "JSON" in receiver.post(b"{", content_type=JSON).json()["message"]
    assert receiver.count("watchkeeper_rejected_requests_total", transport="http", reason="400") == 2


def test_too_large_gets_413_whether_declared_streamed_or_packed(receiver: Receiver) -> None:
    body = an_export(1, model="x" * (MAX_BODY_BYTES + 1))
    assert receiver.post(body).status_code == 413
    assert receiver.post(gzip.compress(body), content_encoding="gzip").status_code == 413
    streamed = httpx.post(f"{receiver.url}/v1/traces", content=iter([body]), headers={"content-type": PROTOBUF})
    assert streamed.status_code == 413
    assert not receiver.store.calls(ALL).items


def test_other_media_types_get_415(receiver: Receiver) -> None:
    assert receiver.post(an_export(1), content_type="text/plain").status_code == 415
    assert receiver.post(an_export(1), content_encoding="br").status_code == 415


def test_spans_that_cannot_be_kept_are_counted_in_the_answer_and_the_rest_is_stored(receiver: Receiver) -> None:
    response = receiver.post(an_export(0, 1))  # number 0 has ids of zeros
    assert response.status_code == 200
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert partial.rejected_spans == 1
    assert "trace id" in partial.error_message
    assert len(receiver.store.calls(ALL).items) == 1


class StuckDisk:
    """A writer that waits for a disk which never answers until it is let go."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def write(self, batches: list[Batch]) -> WriteResult:
        self.released.wait(20)
        raise StoreUnavailable("the disk is full; nothing of this write was kept")


def test_a_store_that_cannot_keep_up_gets_503_with_retry_after_and_nothing_is_acknowledged() -> None:
    metrics = CollectorMetrics(CollectorRegistry())
    disk = StuckDisk()
    ingest = Ingest(disk, metrics, max_queue_bytes=1)  # type: ignore[arg-type]
    server, thread, url = served(ingest, metrics)
    with ThreadPoolExecutor(4) as pool:
        posts = [
            pool.submit(
                httpx.post, f"{url}/v1/traces", content=an_export(n), headers={"content-type": PROTOBUF}, timeout=30
            )
            for n in range(1, 5)
        ]
        time.sleep(0.5)
        disk.released.set()
        responses = [post.result() for post in posts]
    server.should_exit = True
    thread.join()
    ingest.close()
    assert {response.status_code for response in responses} == {503}
    assert all(int(response.headers["retry-after"]) >= 1 for response in responses)
    messages = [Status.FromString(response.content).message for response in responses]
    assert any("wait for the disk" in message for message in messages)
    assert any("disk is full" in message for message in messages)
