"""The question for spans as a list, which copies all telemetry out: whoever looks at one trace asks for the trace."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from collector.api.answers import list_answer
from collector.api.guard import Guard
from collector.api.queries import SpanQuery, only
from collector.api.shapes import SpanShape, list_of, span_json
from collector.store.base import TelemetryReader

SpanList = list_of(SpanShape, "SpanList")


def spans_router(guard: Guard, clock: Callable[[], int]) -> APIRouter:
    router = APIRouter(tags=["telemetry"], dependencies=[Depends(guard.reader)])
    reader_of_key = Depends(guard.reader)

    @router.get("/spans", response_model=SpanList, dependencies=[only(SpanQuery)])
    def list_spans(query: Annotated[SpanQuery, Query()], reader: TelemetryReader = reader_of_key) -> Response:
        """Spans, newest first. The texts of a model call stand on its call."""
        page = reader.spans(query.filters(clock()), limit=query.limit, cursor=query.cursor)
        return list_answer((span_json(span) for span in page.items), page.next_cursor)

    return router
