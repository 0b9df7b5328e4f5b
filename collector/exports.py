"""One export from its bytes to the disk, whatever it carries and whatever transport brought it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.concurrency import run_in_threadpool

from collector.batch import Batch
from collector.body import BODY_TIMEOUT_S
from collector.budget import ByteBudget
from collector.dialects.events import event_parts
from collector.dialects.opinions import opinions_of_logs
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.limits import Limits
from collector.otlp.logs import read_logs
from collector.otlp.metrics import read_metrics
from collector.otlp.signal import Signal
from collector.otlp.table import SpanTable, read_export
from collector.projects.access import OPEN, Access
from collector.projects.gate import Gate
from collector.retention import Retention, n_before
from collector.understanding import Load, understood


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLimits:
    """What one request may bring; `max_body_bytes` holds before and after decompression."""

    max_body_bytes: int = 16 * 2**20
    body_timeout_s: float = BODY_TIMEOUT_S
    records: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One decoded export: what to store, the records that were left out and those that were changed, by reason."""

    signal: Signal
    load: Load
    n_kept: int
    rejected: Mapping[str, int]
    noted: Mapping[str, int]


def prepared(
    signal: Signal,
    body: bytes,
    *,
    is_json: bool = False,
    limits: Limits | None = None,
    access: Access = OPEN,
    now_ns: int | None = None,
) -> Prepared:
    """Decode one export. Spans are understood later, those of several requests at once (`collector.understanding`).

    Raises:
        BadRequest: if the body cannot be decoded, or is over a limit.
        TooManyRequests: if it holds more than the key may send now.
    """
    protobuf = protobuf_of_json(body, signal) if is_json else body
    if signal == "traces":
        spans = read_export(protobuf, limits, access=access, now_ns=now_ns)
        return Prepared(signal=signal, load=spans, n_kept=len(spans), rejected=spans.rejected, noted=spans.noted)
    if signal == "logs":
        logs = read_logs(protobuf, limits, access=access, now_ns=now_ns)
        batch = Batch(logs=logs.table, parts=event_parts(logs.table), opinions=opinions_of_logs(logs.table))
        n_kept = logs.table.num_rows
        return Prepared(signal=signal, load=batch, n_kept=n_kept, rejected=logs.rejected, noted=logs.noted)
    points = read_metrics(protobuf, limits, access=access, now_ns=now_ns)
    batch, n_kept = Batch(points=points.table), points.table.num_rows
    return Prepared(signal=signal, load=batch, n_kept=n_kept, rejected=points.rejected, noted=points.noted)


def _places(done: Prepared) -> tuple[pa.Array, pa.Array]:
    """The projects and the times of the records."""
    if isinstance(done.load, SpanTable):
        return done.load.project, done.load.start_ns
    table = done.load.logs if done.signal == "logs" else done.load.points
    return table["project"], table["time_ns"]


def prepare(body: bytes, *, is_json: bool = False) -> tuple[Batch, dict[str, int]]:
    """The batch of a trace export and the rejected spans by reason. Raises BadRequest."""
    return _pair(prepared("traces", body, is_json=is_json))


def prepare_logs(body: bytes, *, is_json: bool = False) -> tuple[Batch, dict[str, int]]:
    """The batch of a log export and the rejected records by reason. Raises BadRequest."""
    return _pair(prepared("logs", body, is_json=is_json))


def prepare_metrics(body: bytes, *, is_json: bool = False) -> tuple[Batch, dict[str, int]]:
    """The batch of a metric export and the rejected points by reason. Raises BadRequest."""
    return _pair(prepared("metrics", body, is_json=is_json))


def _pair(done: Prepared) -> tuple[Batch, dict[str, int]]:
    return understood([done.load])[0], dict(done.rejected)


def response_of(signal: Signal, rejected: Mapping[str, int]) -> Message:
    """What the sender is told: all is on disk, but for the `rejected` records, counted by reason."""
    n, text = sum(rejected.values()), "; ".join(f"{n} {_RECORDS[signal]}: {why}" for why, n in rejected.items())
    if signal == "traces":
        traces = ExportTraceServiceResponse()
        if n:
            traces.partial_success.rejected_spans, traces.partial_success.error_message = n, text
        return traces
    if signal == "logs":
        logs = ExportLogsServiceResponse()
        if n:
            logs.partial_success.rejected_log_records, logs.partial_success.error_message = n, text
        return logs
    metrics = ExportMetricsServiceResponse()
    if n:
        metrics.partial_success.rejected_data_points, metrics.partial_success.error_message = n, text
    return metrics


_RECORDS: dict[Signal, str] = {"traces": "spans", "logs": "log records", "metrics": "data points"}


class Exports:
    """Takes the exports of all transports: who may send, how much at once, and the way to the disk."""

    def __init__(
        self,
        ingest: Ingest,
        metrics: CollectorMetrics,
        *,
        limits: ReceiverLimits | None = None,
        budget: ByteBudget | None = None,
        gate: Gate | None = None,
        retention: Callable[[], Retention] = Retention,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        Args:
            retention: what holds now; records that come too late for it are stored and counted.
        """
        self.limits = limits or ReceiverLimits()
        self.budget = budget or ByteBudget()
        self._ingest = ingest
        self._metrics = metrics
        self._gate = gate
        self._retention = retention
        self._clock = clock

    def enter(self, headers: Mapping[str, str]) -> Access:
        """Before a body is read: what its sender may do.

        Args:
            headers: by lower-case name, or by any where the mapping does not mind.
        Raises:
            Unauthenticated, Forbidden, TooManyRequests
        """
        return OPEN if self._gate is None else self._gate.ingest_access(headers)

    async def read(self, signal: Signal, body: bytes, access: Access, *, is_json: bool = False) -> Prepared:
        """Decode off the event loop, which goes on reading other requests.

        Raises:
            BadRequest, TooManyRequests
        """
        with self._ingest.coming():
            return await run_in_threadpool(self._read, signal, body, access, is_json)

    def _read(self, signal: Signal, body: bytes, access: Access, is_json: bool) -> Prepared:
        now_ns = self._clock()
        done = prepared(signal, body, is_json=is_json, limits=self.limits.records, access=access, now_ns=now_ns)
        n_late = n_before(self._retention(), *_places(done), now_ns=now_ns)
        return replace(done, noted={**done.noted, "before_retention": n_late}) if n_late else done

    async def store(self, export: Prepared, *, transport: str) -> Message:
        """Store what was read; it is on disk when this returns the answer.

        Raises:
            StoreUnavailable: if it could not be stored; sending it again may help.
        """
        if export.n_kept:
            await asyncio.wrap_future(self._ingest.submit(export.load))
        self._metrics.took(export.signal, transport, export.n_kept, rejected=export.rejected, noted=export.noted)
        return response_of(export.signal, export.rejected)

    def refused(self, transport: str, reason: str) -> None:
        self._metrics.rejected_requests.labels(transport, reason).inc()
