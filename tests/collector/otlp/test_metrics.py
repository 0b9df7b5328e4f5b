"""Data points of every kind of metric as rows."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from collector.batch import POINT_SCHEMA
from collector.errors import BadRequest, TooLarge
from collector.otlp.limits import Limits
from collector.otlp.metrics import MAX_BUCKETS, read_metrics

ExportOf = Callable[..., bytes]
DELTA, CUMULATIVE = 1, 2


def rows(body: bytes, now_ns: int) -> list[dict[str, Any]]:
    table = read_metrics(body, now_ns=now_ns).table
    assert table.schema == POINT_SCHEMA
    result: list[dict[str, Any]] = table.to_pylist()
    return result


def test_a_gauge_and_a_sum_have_values(metric_export: ExportOf, now_ns: int, pairs: Any) -> None:
    gauge = Gauge(data_points=[NumberDataPoint(time_unix_nano=now_ns, as_double=0.5, attributes=pairs({"gpu": 0}))])
    total = Sum(
        aggregation_temporality=DELTA,
        is_monotonic=True,
        data_points=[NumberDataPoint(time_unix_nano=now_ns, start_time_unix_nano=now_ns - 10, as_int=7)],
    )
    body = metric_export(Metric(name="use", unit="1", gauge=gauge), Metric(name="requests", sum=total))
    first, second = rows(body, now_ns)
    assert json.loads(first["attributes"]) == {"gpu": 0}
    assert {name: first[name] for name in ("name", "unit", "kind", "temporality", "value", "start_ns", "time_ns")} == {
        "name": "use", "unit": "1", "kind": "gauge", "temporality": None, "value": 0.5, "start_ns": None,
        "time_ns": now_ns,
    }  # fmt: skip
    assert (second["kind"], second["temporality"], second["value"], second["unit"]) == ("sum", "delta", 7.0, None)
    assert (second["start_ns"], second["service"], second["environment"]) == (now_ns - 10, "shop", "prod")
    assert first["distribution"] is None


def test_a_histogram_keeps_its_buckets_and_only_what_was_sent(metric_export: ExportOf, now_ns: int) -> None:
    points = [
        HistogramDataPoint(
            time_unix_nano=now_ns, count=3, sum=4.5, min=0.5, max=3, explicit_bounds=[1, 2], bucket_counts=[1, 1, 1]
        ),
        HistogramDataPoint(time_unix_nano=now_ns + 1, count=2, bucket_counts=[2]),
    ]
    histogram = Histogram(aggregation_temporality=CUMULATIVE, data_points=points)
    first, second = rows(metric_export(Metric(name="latency", unit="s", histogram=histogram)), now_ns)
    assert (first["kind"], first["temporality"], first["value"]) == ("histogram", "cumulative", None)
    assert json.loads(first["distribution"]) == {
        "count": 3, "sum": 4.5, "min": 0.5, "max": 3.0, "bounds": [1.0, 2.0], "counts": [1, 1, 1],
    }  # fmt: skip
    assert json.loads(second["distribution"]) == {"count": 2, "bounds": [], "counts": [2]}


def test_an_exponential_histogram_and_a_summary_keep_their_forms(metric_export: ExportOf, now_ns: int) -> None:
    point = ExponentialHistogramDataPoint(time_unix_nano=now_ns, count=4, sum=9, scale=-1, zero_count=1)
    point.positive.offset, point.negative.offset = 2, -3
    point.positive.bucket_counts.extend([1, 2])
    quantile = SummaryDataPoint.ValueAtQuantile(quantile=0.99, value=1.5)
    body = metric_export(
        Metric(name="e", exponential_histogram=ExponentialHistogram(data_points=[point], aggregation_temporality=2)),
        Metric(
            name="s",
            summary=Summary(
                data_points=[SummaryDataPoint(time_unix_nano=now_ns, count=2, sum=3, quantile_values=[quantile])]
            ),
        ),
    )
    exponential, summary = rows(body, now_ns)
    assert json.loads(exponential["distribution"]) == {
        "count": 4, "sum": 9.0, "scale": -1, "zero_count": 1, "zero_threshold": 0.0,
        "positive": {"offset": 2, "counts": [1, 2]}, "negative": {"offset": -3, "counts": []},
    }  # fmt: skip
    assert (exponential["kind"], summary["kind"]) == ("exponential_histogram", "summary")
    quantiles = [{"quantile": 0.99, "value": 1.5}]
    assert json.loads(summary["distribution"]) == {"count": 2, "sum": 3.0, "quantiles": quantiles}


def test_a_point_that_says_nothing_was_recorded_is_left_out_and_no_error(metric_export: ExportOf, now_ns: int) -> None:
    points = [NumberDataPoint(time_unix_nano=now_ns, flags=1), NumberDataPoint(time_unix_nano=now_ns, as_int=1)]
    metrics = read_metrics(metric_export(Metric(name="g", gauge=Gauge(data_points=points))), now_ns=now_ns)
    assert (metrics.table.num_rows, metrics.rejected, metrics.noted) == (1, {}, {"no_recorded_value": 1})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_unknown(metric_export: ExportOf, now_ns: int, value: float) -> None:
    points = [NumberDataPoint(time_unix_nano=now_ns, as_double=value)]
    summary = Summary(data_points=[SummaryDataPoint(time_unix_nano=now_ns, count=1, sum=value)])
    gauge, second = rows(
        metric_export(Metric(name="g", gauge=Gauge(data_points=points)), Metric(name="s", summary=summary)), now_ns
    )
    assert gauge["value"] is None
    json.loads(second["distribution"], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_points_out_of_bounds_are_rejected_with_the_reason(metric_export: ExportOf, now_ns: int) -> None:
    points = [
        HistogramDataPoint(time_unix_nano=now_ns, bucket_counts=[0] * (MAX_BUCKETS + 1)),
        HistogramDataPoint(time_unix_nano=0),
        HistogramDataPoint(time_unix_nano=2**64 - 1),
        HistogramDataPoint(time_unix_nano=now_ns, start_time_unix_nano=2**63),
        HistogramDataPoint(time_unix_nano=now_ns, count=1),
    ]
    metrics = read_metrics(metric_export(Metric(name="h", histogram=Histogram(data_points=points))), now_ns=now_ns)
    assert metrics.table.num_rows == 1
    assert sorted(metrics.rejected.values()) == [1, 1, 1, 1]


def test_a_retry_has_the_same_ids_and_another_series_or_time_has_another(
    metric_export: ExportOf, now_ns: int, pairs: Any
) -> None:
    points = [
        NumberDataPoint(time_unix_nano=now_ns, as_int=1),
        NumberDataPoint(time_unix_nano=now_ns + 1, as_int=1),
        NumberDataPoint(time_unix_nano=now_ns, as_int=1, attributes=pairs({"a": 1})),
    ]
    body = metric_export(
        Metric(name="g", gauge=Gauge(data_points=points)), Metric(name="h", gauge=Gauge(data_points=points))
    )
    first = [row["point_id"] for row in rows(body, now_ns)]
    assert first == [row["point_id"] for row in rows(body, now_ns)]
    assert len(set(first)) == 6


def test_too_many_points_and_broken_bytes_are_refused(metric_export: ExportOf, now_ns: int) -> None:
    points = [NumberDataPoint(time_unix_nano=now_ns + n) for n in range(11)]
    with pytest.raises(TooLarge, match="at most 10"):
        read_metrics(metric_export(Metric(name="g", gauge=Gauge(data_points=points))), Limits(max_records=10))
    with pytest.raises(BadRequest, match="ExportMetricsServiceRequest"):
        read_metrics(b"not protobuf")
