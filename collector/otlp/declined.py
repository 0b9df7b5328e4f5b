"""Logs and metrics: read, counted and refused in the answer, so that no sender believes them stored."""

from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from collector.errors import BadRequest

M = TypeVar("M", bound=Message)

_REASON = "this collector stores traces only; message content belongs on the spans"


def decline_logs(body: bytes, *, is_json: bool) -> ExportLogsServiceResponse:
    """The answer to a log export: every record rejected, with the reason.

    Raises:
        BadRequest: if the body is no log export.
    """
    request = _parse(ExportLogsServiceRequest(), body, is_json=is_json)
    response = ExportLogsServiceResponse()
    n_records = sum(len(scope.log_records) for group in request.resource_logs for scope in group.scope_logs)
    if n_records:
        response.partial_success.rejected_log_records = n_records
        response.partial_success.error_message = _REASON
    return response


def decline_metrics(body: bytes, *, is_json: bool) -> ExportMetricsServiceResponse:
    """The answer to a metric export: every data point rejected, with the reason.

    Raises:
        BadRequest: if the body is no metric export.
    """
    request = _parse(ExportMetricsServiceRequest(), body, is_json=is_json)
    response = ExportMetricsServiceResponse()
    metrics = [m for group in request.resource_metrics for scope in group.scope_metrics for m in scope.metrics]
    n_points = sum(len(getattr(m, kind).data_points) for m in metrics if (kind := m.WhichOneof("data")))
    if n_points:
        response.partial_success.rejected_data_points = n_points
        response.partial_success.error_message = _REASON
    return response


def _parse(message: M, body: bytes, *, is_json: bool) -> M:
    try:
        if is_json:
            json_format.Parse(body, message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (json_format.ParseError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is not an OTLP {message.DESCRIPTOR.name}: {error}") from error
    return message
