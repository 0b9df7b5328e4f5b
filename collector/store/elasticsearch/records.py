"""Log records and data points of metrics as they are read."""

from dataclasses import replace

from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.query import Filters, Page
from collector.store.decode import log_of, point_of
from collector.store.duckdb.filters import LOG_FIELDS, POINT_FIELDS
from collector.store.elasticsearch import words
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.filters import conditions, equal
from collector.store.elasticsearch.kinds import LOGS, POINTS
from collector.store.elasticsearch.paging import page


def find_logs(
    cluster: Cluster, filters: Filters, *, event_name: str | None, severity: str | None, limit: int, cursor: str | None
) -> Page[LogRecord]:
    clauses = conditions(replace(filters, text=None), time=LOGS.time, allowed=LOG_FIELDS, kind="logs")
    clauses += equal({"event_name": event_name, "severity": severity})
    text = filters.text or ""
    return page(
        cluster, LOGS, filters, clauses + words.clauses(text), limit=limit, cursor=cursor,
        make=lambda found: [log_of(row) for row in found],
        holds=(lambda row: words.contains([row["body"] or ""], text)) if text else None,
    )  # fmt: skip


def find_points(
    cluster: Cluster, filters: Filters, *, name: str | None, limit: int, cursor: str | None
) -> Page[MetricPoint]:
    clauses = conditions(filters, time=POINTS.time, allowed=POINT_FIELDS, kind="metric points")
    return page(
        cluster, POINTS, filters, clauses + equal({"name": name}), limit=limit, cursor=cursor,
        make=lambda found: [point_of(row) for row in found],
    )  # fmt: skip
