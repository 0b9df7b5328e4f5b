"""OTLP over real sockets, into the real store: what is acknowledged is stored, what is not is refused with a reason."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from collector.batch import Batch
from collector.budget import ByteBudget
from collector.errors import StoreUnavailable
from collector.exports import Exports, ReceiverLimits
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
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
    exports: Exports

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        known = {"content-type": PROTOBUF} | {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, content=body, headers=known, timeout=30)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.get_sample_value(name, labels) or 0.0


NO_TIME = "the time is missing or before the year 2000"
LIMITS = ReceiverLimits(max_body_bytes=MAX_BODY_BYTES, body_timeout_s=0.5)


def served(exports: Exports) -> tuple[uvicorn.Server, threading.Thread, str]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = receiver_app(exports)
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
    # One body alone may come in however large; beside it, nothing.
    exports = Exports(ingest, metrics, limits=LIMITS, budget=ByteBudget(1))
    server, thread, url = served(exports)
    yield Receiver(url, store, registry, exports)
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
    receiver.exports.budget.max_bytes = 2**20
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


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON, f"{JSON}; charset=utf-8"])
@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_an_empty_body_is_an_empty_export(receiver: Receiver, signal: str, content_type: str) -> None:
    response = receiver.post(b"", f"/v1/{signal}", content_type=content_type)
    assert (response.status_code, response.content) == (200, b"" if content_type == PROTOBUF else b"{}")
    assert receiver.post(b"", f"/v1/{signal}", content_encoding="gzip").status_code == 200


def test_the_exporters_of_the_opentelemetry_sdk_are_understood(receiver: Receiver) -> None:
    options: dict[str, Any] = {"compression": Compression.Gzip, "timeout": 20}
    logs = LoggerProvider()
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{receiver.url}/v1/logs", **options)))
    logs.get_logger("shop").emit(body={"role": "user"}, event_name="gen_ai.user.message", timestamp=time.time_ns())
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{receiver.url}/v1/metrics", **options))
    metrics = MeterProvider([reader])
    meter = metrics.get_meter("shop")
    meter.create_counter("requests").add(2)
    meter.create_histogram("latency", "s").record(0.5)
    assert metrics.force_flush()
    metrics.shutdown()
    logs.shutdown()  # type: ignore[no-untyped-call]
    assert receiver.count("watchkeeper_accepted_records_total", signal="logs", transport="http") == 1
    assert receiver.count("watchkeeper_accepted_records_total", signal="metrics", transport="http") >= 2


def test_log_records_that_cannot_be_kept_are_counted_in_the_answer(receiver: Receiver) -> None:
    export = ExportLogsServiceRequest()
    records = export.resource_logs.add().scope_logs.add().log_records
    records.add(time_unix_nano=1_790_000_000_000_000_000)
    records.add(time_unix_nano=7)
    response = receiver.post(export.SerializeToString(), "/v1/logs")
    partial = ExportLogsServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, partial.rejected_log_records) == (200, 1)
    assert "before the year 2000" in partial.error_message
    assert receiver.count("watchkeeper_accepted_records_total", signal="logs", transport="http") == 1
    assert receiver.count("watchkeeper_rejected_records_total", signal="logs", reason=NO_TIME) == 1


def test_data_points_that_cannot_be_kept_are_counted_in_the_answer_in_json_too(receiver: Receiver) -> None:
    points = [{"timeUnixNano": "1790000000000000000", "asInt": "1"}, {"asInt": 2}]
    metric = {"name": "requests", "gauge": {"dataPoints": points}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    response = receiver.post(body, "/v1/metrics", content_type=JSON)
    partial = response.json()["partialSuccess"]
    assert (response.status_code, partial["rejectedDataPoints"]) == (200, "1")
    assert partial["errorMessage"] == f"1 data points: {NO_TIME}"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/traces", 405), ("POST", "/v1/profiles", 404)])
def test_other_paths_and_methods_say_where_to_send(receiver: Receiver, method: str, path: str, status: int) -> None:
    response = httpx.request(method, receiver.url + path, headers={"content-type": JSON})
    assert response.status_code == status
    assert "/v1/traces, /v1/logs, /v1/metrics" in response.json()["message"]
    assert response.headers.get("allow") == ("POST" if status == 405 else None)
    in_protobuf = httpx.request(method, receiver.url + path, headers={"content-type": PROTOBUF})
    assert "OTLP" in Status.FromString(in_protobuf.content).message
    assert receiver.count("watchkeeper_rejected_requests_total", transport="http", reason=str(status)) == 2


def test_bodies_that_fill_the_budget_together_are_put_off_and_not_kept_in_memory(receiver: Receiver) -> None:
    holder = receiver.exports.budget.reservation()
    with holder:
        holder.take(10)
        response = receiver.post(an_export(1))
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        status = Status.FromString(response.content)
        assert "of other requests are in hand" in status.message
        info = RetryInfo()
        assert status.details[0].Unpack(info)
        assert info.retry_delay.seconds == 1
    assert receiver.post(an_export(1)).status_code == 200
    assert receiver.exports.budget.n_bytes == 0


def test_what_a_body_unpacks_to_counts_against_the_budget(receiver: Receiver) -> None:
    body = gzip.compress(an_export(1, model="x" * 90_000))
    receiver.exports.budget.max_bytes = 50_000
    with receiver.exports.budget.reservation() as holder:
        holder.take(1)
        assert len(body) < 50_000
        assert receiver.post(body, content_encoding="gzip").status_code == 503
    assert receiver.post(body, content_encoding="gzip").status_code == 200


def test_a_body_that_arrives_too_slowly_is_put_off_and_gives_its_memory_back(receiver: Receiver) -> None:
    host, port = receiver.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        head = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 1000\r\n\r\n"
        slow.sendall(head.encode() + b"x" * 10)
        answer = slow.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in answer
    assert b"10 bytes of the body came within 0.5 s" in answer
    assert receiver.exports.budget.n_bytes == 0


def test_a_sender_that_hangs_up_half_way_leaves_nothing_behind(receiver: Receiver) -> None:
    host, port = receiver.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as gone:
        head = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 1000\r\n\r\n"
        gone.sendall(head.encode() + b"x" * 10)
    deadline_s = time.monotonic() + 10
    while not receiver.count("watchkeeper_rejected_requests_total", transport="http", reason="disconnected"):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert receiver.exports.budget.n_bytes == 0
    assert receiver.post(an_export(1)).status_code == 200


def test_the_key_decides_before_the_body_is_read(tmp_path: Path, engine: Engine) -> None:
    registry = CollectorRegistry()
    metrics = CollectorMetrics(registry)
    book = ProjectBook(engine, time.time_ns, actor="ops")
    book.create_project("shop")
    key = book.create_key(project="shop", scopes=["ingest"], rate_limit_spans_per_s=0.01, burst_spans=3).secret
    reading = book.create_key(project="shop", scopes=["read"]).secret
    gate, store = Gate(engine, auth="required"), open_store(tmp_path)
    ingest = Ingest(store, metrics)
    server, thread, url = served(Exports(ingest, metrics, limits=LIMITS, gate=gate))
    receiver = Receiver(url, store, registry, Exports(ingest, metrics))
    try:
        nobody = receiver.post(b"not protobuf")
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="watchkeeper"')
        assert "API key" in Status.FromString(nobody.content).message
        assert receiver.post(an_export(1), authorization=f"Bearer {reading}").status_code == 403
        assert receiver.post(an_export(1, 2), authorization=f"Bearer {key}").status_code == 200
        assert [call.project for call in store.calls(ALL).items] == ["shop", "shop"]
        too_fast = receiver.post(an_export(3, 4, 5), authorization=f"Bearer {key}")
        assert too_fast.status_code == 429
        assert int(too_fast.headers["retry-after"]) >= 1
        assert Status.FromString(too_fast.content).details
    finally:
        server.should_exit = True
        thread.join()
        ingest.close()
        store.close()
        gate.close()
        engine.dispose()


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
    server, thread, url = served(Exports(ingest, metrics, limits=LIMITS))
    # One is in the writer's hands, one is understood, one in between and one waits: the fifth is refused at the latest.
    with ThreadPoolExecutor(8) as pool:
        posts = [
            pool.submit(
                httpx.post, f"{url}/v1/traces", content=an_export(n), headers={"content-type": PROTOBUF}, timeout=30
            )
            for n in range(1, 9)
        ]
        wait(posts, timeout=20, return_when=FIRST_COMPLETED)  # the one that is refused while another is in hand
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
