"""The questions of the REST API. Handlers are plain functions: the framework runs them off the event loop."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from collector.api import shapes
from collector.api.answers import json_answer, list_answer
from collector.api.errors import NotFound
from collector.api.guard import Guard
from collector.api.queries import CallQuery, ScoreQuery, SeriesQuery, SessionQuery, VerdictQuery, only
from collector.query import Columns
from collector.store.base import TelemetryReader
from collector.times import format_rfc3339


def reading_router(guard: Guard, clock: Callable[[], int]) -> APIRouter:
    """Ids that a sender chose may hold a slash, hence the path parameters."""
    # Also of the whole router, so that who may not ask is told so before anything else.
    router = APIRouter(tags=["telemetry"], dependencies=[Depends(guard.reader)])
    reader_of_key = Depends(guard.reader)

    @router.get("/calls", response_model=shapes.CallList, dependencies=[only(CallQuery)])
    def list_calls(query: Annotated[CallQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """Model calls, newest first."""
        page = reader.calls(query.filters(clock()), limit=query.limit, cursor=query.cursor)
        return list_answer((call.to_json() for call in page.items), page.next_cursor)

    @router.get("/calls/{call_id:path}", response_model=shapes.CallShape, dependencies=[only()])
    def one_call(call_id: str, reader: TelemetryReader = reader_of_key) -> Response:
        call = reader.call(call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id!r}")
        return json_answer(call.to_json())

    @router.get("/traces/{trace_id}", response_model=shapes.TraceShape, dependencies=[only()])
    def one_trace(trace_id: str, reader: TelemetryReader = reader_of_key) -> Response:
        """All spans of a trace, oldest first, with the calls and scores that stand on them."""
        trace = reader.trace(trace_id.lower())
        if trace is None:
            raise NotFound(f"there is no trace {trace_id!r}")
        return json_answer(
            {
                "trace_id": trace.trace_id,
                "spans": [shapes.span_json(span) for span in trace.spans],
                "calls": [call.to_json() for call in trace.calls],
                "scores": [score.to_json() for score in trace.scores],
            }
        )

    @router.get("/sessions/{session_id:path}", response_model=shapes.CallList, dependencies=[only(SessionQuery)])
    def session_calls(
        session_id: str, query: Annotated[SessionQuery, Query()], reader: TelemetryReader = reader_of_key
    ) -> Response:
        """The calls of one session, newest first, of all time unless `since` or `until` says otherwise."""
        page = reader.calls(query.filters_of(session_id), limit=query.limit, cursor=query.cursor)
        if not page.items and query.cursor is None:
            raise NotFound(f"there is no call of a session {session_id!r} in this range")
        return list_answer((call.to_json() for call in page.items), page.next_cursor)

    @router.get("/timeseries", response_model=shapes.SeriesList, dependencies=[only(SeriesQuery)])
    def timeseries(query: Annotated[SeriesQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """Metrics of calls and scores over time. A step without calls has no row."""
        return list_answer(rows_of(reader.aggregate(query.aggregation(clock()))))

    @router.get("/scores", response_model=shapes.ScoreList, dependencies=[only(ScoreQuery)])
    def list_scores(query: Annotated[ScoreQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """What evaluators, judges and people said, newest target first."""
        page = reader.scores(
            query.filters(clock()),
            evaluator=query.evaluator,
            target_id=query.target_id,
            source=query.source,
            limit=query.limit,
            cursor=query.cursor,
        )
        return list_answer((score.to_json() for score in page.items), page.next_cursor)

    @router.get("/verdicts", response_model=shapes.VerdictList, dependencies=[only(VerdictQuery)])
    def list_verdicts(query: Annotated[VerdictQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """Decisions of the drift monitors, newest first."""
        page = reader.verdicts(query.filters(clock()), limit=query.limit, cursor=query.cursor)
        return list_answer((verdict.to_json() for verdict in page.items), page.next_cursor)

    return router


def rows_of(columns: Columns) -> list[dict[str, object]]:
    """One object per row; `time_ns` becomes the RFC 3339 `time`."""
    times = {"time": [format_rfc3339(time_ns) for time_ns in columns["time_ns"]]} if "time_ns" in columns else {}
    named = times | {name: values for name, values in columns.items() if name != "time_ns"}
    return [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
