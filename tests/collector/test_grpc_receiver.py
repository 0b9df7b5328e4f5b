"""OTLP/gRPC with a real client over a real socket."""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from collector.batch import Batch
from collector.budget import ByteBudget
from collector.errors import StoreUnavailable
from collector.exports import Exports, ReceiverLimits
from collector.grpc_receiver import grpc_server
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
from collector.store import open_store
from collector.store.base import TelemetryStore, WriteResult

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS_METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS_METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
START_NS = 1_790_000_000_000_000_000


def an_export(number: int) -> bytes:
    """One span of one and the same trace."""
    export = ExportTraceServiceRequest()
    span = export.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=bytes([number] * 8))
    span.start_time_unix_nano = span.end_time_unix_nano = START_NS
    return export.SerializeToString()


async def exports(store_path: Path, *bodies: bytes) -> list[bytes | grpc.StatusCode]:
    """The answer to each body, or the status it failed with."""
    metrics = CollectorMetrics(CollectorRegistry())
    store = open_store(store_path)
    ingest = Ingest(store, metrics)
    server, port = grpc_server("127.0.0.1:0", Exports(ingest, metrics))
    await server.start()
    answers: list[bytes | grpc.StatusCode] = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for body in bodies:
            try:
                answers.append(await channel.unary_unary(METHOD)(body, timeout=20))
            except grpc.aio.AioRpcError as error:
                answers.append(error.code())
    await server.stop(1)
    ingest.close()
    store.close()
    return answers


def test_an_export_is_stored_and_a_broken_one_is_refused_for_good(tmp_path: Path) -> None:
    good, broken = asyncio.run(exports(tmp_path, an_export(1), b"not protobuf"))
    assert isinstance(good, bytes)
    assert not ExportTraceServiceResponse.FromString(good).HasField("partial_success")
    assert broken is grpc.StatusCode.INVALID_ARGUMENT
    store = open_store(tmp_path)
    trace = store.trace((b"t" * 16).hex())
    store.close()
    assert trace is not None
    assert len(trace.spans) == 1


async def refusal(exports: Exports, body: bytes, **options: Any) -> tuple[grpc.StatusCode, Status]:
    """The code that `body` is refused with, and the details that come with it."""
    server, port = grpc_server("127.0.0.1:0", exports)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await channel.unary_unary(METHOD)(body, timeout=20, **options)
    except grpc.aio.AioRpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        return error.code(), Status.FromString(trailers.get("grpc-status-details-bin", b""))
    finally:
        await server.stop(1)
    raise AssertionError("it was taken")


def test_logs_and_metrics_and_packed_messages_are_taken(tmp_path: Path) -> None:
    async def send() -> list[Any]:
        metrics = CollectorMetrics(CollectorRegistry())
        store = open_store(tmp_path)
        ingest = Ingest(store, metrics)
        server, port = grpc_server("127.0.0.1:0", Exports(ingest, metrics))
        await server.start()
        logs, points = ExportLogsServiceRequest(), ExportMetricsServiceRequest()
        records = logs.resource_logs.add().scope_logs.add().log_records
        records.add(time_unix_nano=START_NS)
        records.add(time_unix_nano=1)
        gauge = points.resource_metrics.add().scope_metrics.add().metrics.add(name="g").gauge
        gauge.data_points.add(time_unix_nano=START_NS, as_int=1)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            answers = [
                await channel.unary_unary(LOGS_METHOD)(logs.SerializeToString(), timeout=20),
                await channel.unary_unary(METRICS_METHOD)(points.SerializeToString(), timeout=20),
                await channel.unary_unary(METHOD)(an_export(1), timeout=20, compression=grpc.Compression.Gzip),
            ]
        await server.stop(1)
        ingest.close()
        answers.append(store.trace((b"t" * 16).hex()))
        store.close()
        return answers

    logs, metrics, traces, trace = asyncio.run(send())
    partial = ExportLogsServiceResponse.FromString(logs).partial_success
    assert (partial.rejected_log_records, partial.error_message) == (
        1,
        "1 log records: the time is missing or before the year 2000",
    )
    assert (metrics, traces) == (b"", b"")
    assert len(trace.spans) == 1


class FullDisk:
    def write(self, batches: Sequence[Batch]) -> WriteResult:
        raise StoreUnavailable("the disk is full; nothing of this write was kept", retry_after_s=2.5)


def test_a_store_that_cannot_take_it_now_is_unavailable_with_the_time_of_the_next_try() -> None:
    metrics = CollectorMetrics(CollectorRegistry())
    ingest = Ingest(FullDisk(), metrics)
    code, status = asyncio.run(refusal(Exports(ingest, metrics), an_export(1)))
    ingest.close()
    assert (code, status.code) == (grpc.StatusCode.UNAVAILABLE, Code.UNAVAILABLE)
    assert "disk is full" in status.message
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    assert (info.retry_delay.seconds, info.retry_delay.nanos) == (2, 500_000_000)


def test_what_is_in_hand_already_bounds_what_may_come() -> None:
    budget = ByteBudget(100)
    with budget.reservation() as other:
        other.take(100)
        code, status = asyncio.run(refusal(Exports(*not_reached(), budget=budget), an_export(1)))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert len(status.details) == 1
    assert budget.n_bytes == 0


def test_broken_bytes_and_too_large_ones_are_refused_for_good(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        metrics = CollectorMetrics(CollectorRegistry())
        ingest = Ingest(store, metrics)
        code, status = asyncio.run(refusal(Exports(ingest, metrics), b"not protobuf"))
        ingest.close()
    assert (code, status.code, len(status.details)) == (grpc.StatusCode.INVALID_ARGUMENT, Code.INVALID_ARGUMENT, 0)
    small = Exports(*not_reached(), limits=ReceiverLimits(max_body_bytes=1000))
    for options in ({}, {"compression": grpc.Compression.Gzip}):  # 1 MB of zeros packs to 1 kB
        code, status = asyncio.run(refusal(small, bytes(1_000_000), **options))
        assert (code, len(status.details)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 0)  # without RetryInfo: for good


def test_the_key_decides_and_a_fast_sender_is_told_when_to_go_on(engine: Engine) -> None:
    book = ProjectBook(engine, time.time_ns, actor="ops")
    book.create_project("shop")
    key = book.create_key(project="shop", scopes=["ingest"], rate_limit_spans_per_s=0.01, burst_spans=1).secret
    reading = book.create_key(project="shop", scopes=["read"]).secret
    gate = Gate(engine, auth="required")
    exports = Exports(*not_reached(), gate=gate)
    assert asyncio.run(refusal(exports, b""))[0] is grpc.StatusCode.UNAUTHENTICATED
    metadata = (("authorization", f"Bearer {reading}"),)
    assert asyncio.run(refusal(exports, b"", metadata=metadata))[0] is grpc.StatusCode.PERMISSION_DENIED
    gate.ingest_access({"authorization": f"Bearer {key}"}).admit(1)
    code, status = asyncio.run(refusal(exports, an_export(1), metadata=(("authorization", f"Bearer {key}"),)))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(status.details) == 1
    gate.close()


class NotReached:
    def submit(self, *_: object) -> None:
        raise AssertionError("what is refused must not come here")


def not_reached() -> tuple[Any, CollectorMetrics]:
    return NotReached(), CollectorMetrics(CollectorRegistry())


class SlowDisk:
    """A real store that begins to write when it is let go."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self.released = threading.Event()

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        self.released.wait(20)
        return self._store.write(batches)


def test_a_sender_that_hangs_up_does_not_stop_the_ingest_of_others(tmp_path: Path) -> None:
    async def hang_up_and_send_again() -> bytes:
        metrics = CollectorMetrics(CollectorRegistry())
        store = open_store(tmp_path)
        disk = SlowDisk(store)
        ingest = Ingest(disk, metrics)
        server, port = grpc_server("127.0.0.1:0", Exports(ingest, metrics))
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            # The first write takes one batch; the others are still in the queue when their senders give up.
            calls = [channel.unary_unary(METHOD)(an_export(number), timeout=0.5) for number in (1, 2, 3)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(end, grpc.aio.AioRpcError) for end in ends)
            await asyncio.sleep(0.2)  # the server hears of it
            disk.released.set()
            answer = await channel.unary_unary(METHOD)(an_export(4), timeout=20)
        await server.stop(1)
        ingest.close()
        store.close()
        assert isinstance(answer, bytes)
        return answer

    assert not ExportTraceServiceResponse.FromString(asyncio.run(hang_up_and_send_again())).HasField("partial_success")
    store = open_store(tmp_path)
    trace = store.trace((b"t" * 16).hex())
    store.close()
    assert trace is not None
    assert len(trace.spans) == 4


def test_an_address_in_use_is_an_os_error(tmp_path: Path) -> None:
    async def twice() -> None:
        metrics = CollectorMetrics(CollectorRegistry())
        store = open_store(tmp_path)
        ingest = Ingest(store, metrics)
        first, port = grpc_server("127.0.0.1:0", Exports(ingest, metrics))
        await first.start()
        try:
            grpc_server(f"127.0.0.1:{port}", Exports(ingest, metrics))
        finally:
            await first.stop(0)
            ingest.close()
            store.close()

    with pytest.raises(OSError, match="cannot listen"):
        asyncio.run(twice())
