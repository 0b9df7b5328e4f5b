"""OTLP/gRPC with a real client over a real socket."""

import asyncio
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prometheus_client import CollectorRegistry

from collector.grpc_receiver import grpc_server
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.store import open_store

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


async def exports(store_path: Path, *bodies: bytes) -> list[bytes | grpc.StatusCode]:
    """The answer to each body, or the status it failed with."""
    metrics = CollectorMetrics(CollectorRegistry())
    store = open_store(store_path)
    ingest = Ingest(store, metrics)
    server, port = grpc_server("127.0.0.1:0", ingest, metrics)
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
    export = ExportTraceServiceRequest()
    span = export.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    span.start_time_unix_nano = span.end_time_unix_nano = 1_790_000_000_000_000_000
    good, broken = asyncio.run(exports(tmp_path, export.SerializeToString(), b"not protobuf"))
    assert isinstance(good, bytes)
    assert not ExportTraceServiceResponse.FromString(good).HasField("partial_success")
    assert broken is grpc.StatusCode.INVALID_ARGUMENT
    store = open_store(tmp_path)
    trace = store.trace((b"t" * 16).hex())
    store.close()
    assert trace is not None
    assert len(trace.spans) == 1


def test_an_address_in_use_is_an_os_error(tmp_path: Path) -> None:
    async def twice() -> None:
        metrics = CollectorMetrics(CollectorRegistry())
        store = open_store(tmp_path)
        ingest = Ingest(store, metrics)
        first, port = grpc_server("127.0.0.1:0", ingest, metrics)
        await first.start()
        try:
            grpc_server(f"127.0.0.1:{port}", ingest, metrics)
        finally:
            await first.stop(0)
            ingest.close()
            store.close()

    with pytest.raises(OSError, match="cannot listen"):
        asyncio.run(twice())
