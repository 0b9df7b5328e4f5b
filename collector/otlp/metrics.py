"""One metric export as a table of data points."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, Metric

from collector.batch import POINT_SCHEMA
from collector.errors import BadRequest, TooLarge
from collector.otlp.anyvalue import plain
from collector.otlp.columns import EARLIEST_NS, refuse_many_days
from collector.otlp.grouped import Resource, resource_chars, resource_of
from collector.otlp.jsoncolumns import dump
from collector.otlp.limits import DROPPED_KEY, MAX_NAME_CHARS, Limits, cut_text
from collector.otlp.records import Records, hashes_of
from collector.otlp.wire import refuse_crumbs
from collector.projects.access import OPEN, Access
from collector.projects.attribution import project_column
from collector.times import NS_PER_S

MAX_BUCKETS = 4096
_TEMPORALITIES = {1: "delta", 2: "cumulative"}
_MISSING = int(DataPointFlags.Value("DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK"))


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a point comes from: the group it stands in and its metric."""

    resource: Resource
    scope: str | None
    metric: Metric
    kind: str


def read_metrics(
    body: bytes, limits: Limits | None = None, *, access: Access = OPEN, now_ns: int | None = None
) -> Records:
    """Decode one OTLP/protobuf metric export. Exemplars are left out.

    Raises:
        BadRequest: if `body` is no such message, or over a limit.
    """
    limits = limits or Limits()
    now_ns = time.time_ns() if now_ns is None else now_ns
    export = _parsed(body)
    n_points = _n_points(export, limits)
    rejected: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    rows, projects = [], []
    for origin, point in _points(export, resource_chars(n_points)):
        if point.flags & _MISSING:
            noted["no_recorded_value"] += 1
        elif problem := _problem(point, limits, now_ns):
            rejected[problem] += 1
        else:
            rows.append(_row(origin, point, limits, noted))
            projects.append(origin.resource.project)
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
    project, noted["other_project"] = project_column(access, pa.array(projects, pa.string()), len(rows))
    refuse_many_days(np.array(columns.get("time_ns", ()), np.int64))
    series = pa.array([_identity(row) for row in rows], pa.string())
    made = {"project": project, "point_id": hashes_of(series)}
    arrays = [
        made[field.name] if field.name in made else pa.array(columns.get(field.name, []), field.type)
        for field in POINT_SCHEMA
    ]
    table = pa.Table.from_arrays(arrays, schema=POINT_SCHEMA)
    return Records(table=table, rejected=dict(rejected), noted=+noted)


def _parsed(body: bytes) -> ExportMetricsServiceRequest:
    refuse_crumbs(body)
    try:
        return ExportMetricsServiceRequest.FromString(body)
    except DecodeError as error:
        raise BadRequest(f"the body is not an OTLP ExportMetricsServiceRequest in protobuf: {error}") from error


def _n_points(export: ExportMetricsServiceRequest, limits: Limits) -> int:
    n_points = n_others = 0
    for group in export.resource_metrics:
        for scope in group.scope_metrics:
            n_others += 1
            for metric in scope.metrics:
                n_others += 1
                kind = metric.WhichOneof("data")
                n_points += len(getattr(metric, kind).data_points) if kind else 0
    if (n := max(n_points, n_others, len(export.resource_metrics))) > limits.max_records:
        raise TooLarge(f"{n} metrics or points in one export; send at most {limits.max_records}")
    return n_points


def _points(export: ExportMetricsServiceRequest, max_resource_chars: int) -> Iterator[tuple[_Origin, Any]]:
    for group in export.resource_metrics:
        sender = {pair.key: plain(pair.value) for pair in group.resource.attributes}
        resource = resource_of(sender, max_chars=max_resource_chars)
        for scope in group.scope_metrics:
            name = cut_text(scope.scope.name, MAX_NAME_CHARS) or None
            for metric in scope.metrics:
                if kind := metric.WhichOneof("data"):
                    origin = _Origin(resource, name, metric, kind)
                    for point in getattr(metric, kind).data_points:
                        yield origin, point


def _problem(point: Any, limits: Limits, now_ns: int) -> str | None:
    if point.time_unix_nano < EARLIEST_NS:
        return "the time is missing or before the year 2000"
    if point.time_unix_nano > now_ns + limits.max_future_s * NS_PER_S:
        return f"the time is more than {limits.max_future_s:g} s ahead of this server's clock"
    if point.start_time_unix_nano >= 2**63:
        return "start_time_unix_nano is out of range"
    name = point.DESCRIPTOR.name
    if name == "HistogramDataPoint":
        n_buckets = max(len(point.bucket_counts), len(point.explicit_bounds))
    elif name == "ExponentialHistogramDataPoint":
        n_buckets = max(len(point.positive.bucket_counts), len(point.negative.bucket_counts))
    else:
        n_buckets = len(point.quantile_values) if name == "SummaryDataPoint" else 0
    return f"a point has more than {MAX_BUCKETS} buckets or quantiles" if n_buckets > MAX_BUCKETS else None


def _row(origin: _Origin, point: Any, limits: Limits, noted: Counter[str]) -> dict[str, Any]:
    metric, kind = origin.metric, origin.kind
    value, distribution = None, None
    if kind in ("gauge", "sum"):
        value = _number(point)
        if value is not None and not math.isfinite(value):
            noted["values_not_finite"] += 1
            value = None
    else:
        distribution = dump(_DISTRIBUTIONS[kind](point))
    return {
        "time_ns": point.time_unix_nano,
        "start_ns": point.start_time_unix_nano or None,
        "service": origin.resource.service,
        "environment": origin.resource.environment,
        "scope": origin.scope,
        "name": cut_text(metric.name, MAX_NAME_CHARS),
        "unit": cut_text(metric.unit, MAX_NAME_CHARS) or None,
        "kind": kind,
        "temporality": _TEMPORALITIES.get(getattr(getattr(metric, kind), "aggregation_temporality", 0)),
        "value": value,
        "distribution": distribution,
        "attributes": dump(_attributes(point.attributes, limits, noted)),
        "resource": origin.resource.attributes_json,
    }


def _identity(row: Mapping[str, Any]) -> str:
    names = ("name", "unit", "kind", "temporality", "scope", "attributes", "resource", "start_ns", "time_ns")
    return "\x1f".join(str(row[name]) for name in names)


def _attributes(pairs: Iterator[KeyValue], limits: Limits, noted: Counter[str]) -> dict[str, Any]:
    attributes = {pair.key: plain(pair.value) for pair in pairs}
    for key, value in attributes.items():
        if isinstance(value, str) and len(value) > limits.max_value_chars:
            attributes[key] = cut_text(value, limits.max_value_chars)
            noted["attribute_values"] += 1
    if (n_missing := len(attributes) - limits.max_attributes) > 0:
        noted["attributes"] += n_missing
        attributes = dict(list(attributes.items())[: limits.max_attributes]) | {DROPPED_KEY: n_missing}
    return attributes


def _number(point: Any) -> float | None:
    match point.WhichOneof("value"):
        case "as_int":
            return float(point.as_int)
        case "as_double":
            return float(point.as_double)
    return None


def _given(point: Any, *names: str) -> dict[str, Any]:
    """Those of the optional fields that were sent."""
    return {name: getattr(point, name) for name in names if point.HasField(name)}


def _histogram(point: Any) -> dict[str, Any]:
    return {
        "count": point.count,
        **_given(point, "sum", "min", "max"),
        "bounds": list(point.explicit_bounds),
        "counts": list(point.bucket_counts),
    }


def _exponential_histogram(point: Any) -> dict[str, Any]:
    return {
        "count": point.count,
        **_given(point, "sum", "min", "max"),
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": point.zero_threshold,
        "positive": {"offset": point.positive.offset, "counts": list(point.positive.bucket_counts)},
        "negative": {"offset": point.negative.offset, "counts": list(point.negative.bucket_counts)},
    }


def _summary(point: Any) -> dict[str, Any]:
    quantiles = [{"quantile": q.quantile, "value": q.value} for q in point.quantile_values]
    return {"count": point.count, "sum": point.sum, "quantiles": quantiles}


_DISTRIBUTIONS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
    "summary": _summary,
}
