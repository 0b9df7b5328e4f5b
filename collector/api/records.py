"""The questions for log records and data points of metrics, as their senders wrote them."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from collector.api.answers import list_answer
from collector.api.guard import Guard
from collector.api.queries import LogQuery, PointQuery, only
from collector.api.shapes import LogRecordShape, MetricPointShape, list_of
from collector.store.base import TelemetryReader

LogList = list_of(LogRecordShape, "LogList")
PointList = list_of(MetricPointShape, "MetricPointList")


def records_router(guard: Guard, clock: Callable[[], int]) -> APIRouter:
    router = APIRouter(tags=["telemetry"], dependencies=[Depends(guard.reader)])
    reader_of_key = Depends(guard.reader)

    @router.get("/logs", response_model=LogList, dependencies=[only(LogQuery)])
    def list_logs(query: Annotated[LogQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """Log records, newest first."""
        page = reader.logs(
            query.filters(clock()),
            event_name=query.event_name,
            severity=query.severity,
            limit=query.limit,
            cursor=query.cursor,
        )
        return list_answer((record.to_json() for record in page.items), page.next_cursor)

    @router.get("/metrics/points", response_model=PointList, dependencies=[only(PointQuery)])
    def list_points(query: Annotated[PointQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """Data points of metrics, newest first."""
        page = reader.points(query.filters(clock()), name=query.name, limit=query.limit, cursor=query.cursor)
        return list_answer((point.to_json() for point in page.items), page.next_cursor)

    return router
