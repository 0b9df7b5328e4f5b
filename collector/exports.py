"""One trace export from its bytes to the disk, whatever transport brought it."""

import asyncio
from collections.abc import Mapping

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.concurrency import run_in_threadpool

from collector.batch import Batch
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.normalise import normalise
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.table import read_export


def response_of(rejected: Mapping[str, int]) -> ExportTraceServiceResponse:
    """What the sender is told: all is on disk, but for the `rejected` spans, counted by reason."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = sum(rejected.values())
        response.partial_success.error_message = "; ".join(f"{n} spans: {why}" for why, n in rejected.items())
    return response


def prepare(body: bytes, *, is_json: bool = False) -> tuple[Batch, dict[str, int]]:
    """Decode and normalise one trace export: the batch to store and the rejected spans by reason.

    Raises:
        BadRequest: if the body cannot be decoded.
    """
    table = read_export(protobuf_of_json(body) if is_json else body)
    return normalise(table), dict(table.rejected)


async def store_export(
    body: bytes, *, is_json: bool = False, transport: str, ingest: Ingest, metrics: CollectorMetrics
) -> ExportTraceServiceResponse:
    """Decode, normalise and store one trace export; it is on disk when this returns.

    Raises:
        BadRequest: if the body cannot be decoded.
        StoreUnavailable: if it could not be stored; sending it again may help.
    """
    # Decoding takes milliseconds; in a thread, the loop goes on reading other requests.
    batch, rejected = await run_in_threadpool(prepare, body, is_json=is_json)
    if batch.spans.num_rows:
        await asyncio.wrap_future(ingest.submit(batch))
    metrics.accepted_spans.labels(transport).inc(batch.spans.num_rows)
    for reason, n_spans in rejected.items():
        metrics.rejected_spans.labels(reason).inc(n_spans)
    return response_of(rejected)
