"""How many records an export holds, without reading them."""

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.errors import BadRequest
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.signal import Signal
from collector.otlp.wire import refuse_crumbs


def n_records(signal: Signal, body: bytes, *, is_json: bool = False) -> int:
    """The spans, log records or data points in `body`.

    Raises:
        BadRequest: it is no such export, or over a limit.
    """
    protobuf = protobuf_of_json(body, signal) if is_json else body
    refuse_crumbs(protobuf)
    try:
        if signal == "traces":
            traces = ExportTraceServiceRequest.FromString(protobuf)
            return sum(len(scope.spans) for sent in traces.resource_spans for scope in sent.scope_spans)
        if signal == "logs":
            logs = ExportLogsServiceRequest.FromString(protobuf)
            return sum(len(scope.log_records) for sent in logs.resource_logs for scope in sent.scope_logs)
        metrics = ExportMetricsServiceRequest.FromString(protobuf)
        return sum(
            _n_points(metric)
            for sent in metrics.resource_metrics
            for scope in sent.scope_metrics
            for metric in scope.metrics
        )
    except DecodeError as error:
        raise BadRequest(f"the body is no OTLP export of {signal} in protobuf: {error}") from error


def _n_points(metric: Metric) -> int:
    kind = metric.WhichOneof("data")
    return 0 if kind is None else len(getattr(metric, kind).data_points)
