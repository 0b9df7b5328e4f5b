"""One export from its bytes to the disk, whatever it carries and whatever transport brought it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.concurrency import run_in_threadpool

from collector.body import BODY_TIMEOUT_S
from collector.budget import ByteBudget
from collector.ingest import Ingest
from collector.intake.sent import Sent
from collector.metrics import CollectorMetrics
from collector.otlp.counting import n_records
from collector.otlp.limits import Limits
from collector.otlp.signal import Signal
from collector.projects.access import OPEN, Access
from collector.projects.gate import Gate
from collector.retention import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLimits:
    """What one request may bring; `max_body_bytes` holds before and after decompression."""

    max_body_bytes: int = 16 * 2**20
    body_timeout_s: float = BODY_TIMEOUT_S
    records: Limits = field(default_factory=Limits)


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

    async def take(self, signal: Signal, body: bytes, access: Access, *, is_json: bool = False) -> Sent:
        """What came in, ready to be stored.

        Raises:
            TooManyRequests: it holds more records than the key may send now.
            BadRequest: nobody can tell how many.
        """
        sent = Sent(
            signal=signal,
            body=body,
            is_json=is_json,
            access=replace(access, limiter=None),
            limits=self.limits.records,
            retention=self._retention(),
            now_ns=self._clock(),
        )
        if access.limiter is not None:
            access.admit(await run_in_threadpool(n_records, signal, body, is_json=is_json))
        return sent

    async def store(self, sent: Sent, *, transport: str) -> Message:
        """Understand and store what was taken; it is on disk when this returns the answer.

        Raises:
            BadRequest: it cannot be read, or is over a limit.
            StoreUnavailable: if it could not be stored; sending it again may help.
        """
        done = (await asyncio.wrap_future(self._ingest.submit(sent))).outcome
        self._metrics.took(sent.signal, transport, done.n_kept, rejected=done.rejected, noted=done.noted)
        return response_of(sent.signal, done.rejected)

    def refused(self, transport: str, reason: str) -> None:
        self._metrics.rejected_requests.labels(transport, reason).inc()
