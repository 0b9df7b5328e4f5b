"""Exports as senders build them."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

NOW_NS = 1_795_000_000_000_000_000


def any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value={"values": [any_value(item) for item in value]})
        case dict():
            return AnyValue(kvlist_value={"values": key_values(value)})
        case _:
            return AnyValue(string_value=value)


def key_values(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


@pytest.fixture
def now_ns() -> int:
    return NOW_NS


@pytest.fixture
def pairs() -> Callable[[dict[str, Any]], list[KeyValue]]:
    """Attributes in protobuf."""
    return key_values


@pytest.fixture
def a_log() -> Callable[..., LogRecord]:
    """`a_log(body=..., attributes={...}, **fields)`: a record of a moment ago."""

    def make(**given: Any) -> LogRecord:
        fields = {"time_unix_nano": NOW_NS - 1_000_000_000} | given
        if "body" in fields:
            fields["body"] = any_value(fields["body"])
        fields["attributes"] = key_values(fields.get("attributes", {}))
        return LogRecord(**fields)

    return make


@pytest.fixture
def log_export() -> Callable[..., bytes]:
    """`log_export(*records, resource={...}, scope="...")`"""

    def make(*records: LogRecord, resource: dict[str, Any] | None = None, scope: str = "shop.logs") -> bytes:
        export = ExportLogsServiceRequest()
        group = export.resource_logs.add()
        group.resource.attributes.extend(key_values({"service.name": "shop"} if resource is None else resource))
        scope_logs = group.scope_logs.add()
        scope_logs.scope.name = scope
        scope_logs.log_records.extend(records)
        return export.SerializeToString()

    return make


@pytest.fixture
def metric_export() -> Callable[..., bytes]:
    """`metric_export(*metrics)`"""

    def make(*metrics: Metric) -> bytes:
        export = ExportMetricsServiceRequest()
        group = export.resource_metrics.add()
        group.resource.attributes.extend(key_values({"service.name": "shop", "deployment.environment": "prod"}))
        group.scope_metrics.add().metrics.extend(metrics)
        return export.SerializeToString()

    return make
