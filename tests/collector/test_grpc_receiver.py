"""OTLP/gRPC with a real client over a real socket."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prometheus_client import CollectorRegistry

from collector.batch import Batch
from collector.exports import Exports
from collector.grpc_receiver import grpc_server
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.store import open_store
from collector.store.base import TelemetryStore, WriteResult

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def an_export(number: int) -> bytes:
    """One span of one and the same trace."""
    export = ExportTraceServiceRequest()
    span = export.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=bytes([number] * 8))
    span.start_time_unix_nano = span.end_time_unix_nano = 1_790_000_000_000_000_000
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
