"""Log records and data points of metrics as they are read."""

from collections.abc import Mapping
from dataclasses import replace

from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.query import Filters, Page
from collector.store.decode import log_of, point_of
from collector.store.duckdb.days import Days
from collector.store.duckdb.filters import LOG_FIELDS, POINT_FIELDS, Where, where
from collector.store.duckdb.paging import page
from collector.store.duckdb.tables import LOGS, POINTS


def find_logs(
    days: Days, filters: Filters, *, event_name: str | None, severity: str | None, limit: int, cursor: str | None
) -> Page[LogRecord]:
    condition = where(replace(filters, text=None), time=LOGS.time, allowed=LOG_FIELDS, kind="logs")
    condition = _equal(condition, {"event_name": event_name, "severity": severity})
    if filters.text:
        sql = f"{condition.sql} AND contains(lower(body), lower($text))"
        condition = Where(sql, condition.parameters | {"text": filters.text})
    return page(
        days, LOGS, "log_id", filters, condition, limit=limit, cursor=cursor,
        make=lambda found: [log_of(row) for row in found],
    )  # fmt: skip


def find_points(days: Days, filters: Filters, *, name: str | None, limit: int, cursor: str | None) -> Page[MetricPoint]:
    condition = where(filters, time=POINTS.time, allowed=POINT_FIELDS, kind="metric points")
    return page(
        days, POINTS, "point_id", filters, _equal(condition, {"name": name}), limit=limit, cursor=cursor,
        make=lambda found: [point_of(row) for row in found],
    )  # fmt: skip


def _equal(condition: Where, chosen: Mapping[str, str | None]) -> Where:
    """`condition`, and each column of `chosen` that has a value equal to it."""
    for name, value in chosen.items():
        if value is not None:
            condition = Where(f"{condition.sql} AND {name} = ${name}", condition.parameters | {name: value})
    return condition
