"""What REST takes in: request/response logs and the scores of people. Answered after the commit."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from collector.api.answers import json_answer
from collector.api.errors import status_of
from collector.api.guard import Guard
from collector.api.queries import PostQuery, only
from collector.api.shapes import Accepted, CallShape, ScoreShape
from collector.api.targets import first_call
from collector.body import UnsupportedMediaType, media_type, read_body
from collector.budget import ByteBudget
from collector.call import Call
from collector.calllog import call_of
from collector.documents import read_documents
from collector.errors import BadRequest, StoreUnavailable, TooLarge, TooManyRequests
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.otlp.columns import refuse_many_days
from collector.projects.access import Access
from collector.projects.reader import reader_of
from collector.projects.sampling import is_kept
from collector.rows import batch_of_calls
from collector.score import Score
from collector.scorelog import ScoreDocument, score_document, score_of
from collector.store.base import TelemetryStore

MAX_SCORES = 1000
JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")


def writing_router(
    guard: Guard,
    store: TelemetryStore,
    ingest: Ingest,
    clock: Callable[[], int],
    metrics: CollectorMetrics,
    *,
    max_body_bytes: int,
    budget: ByteBudget,
) -> APIRouter:
    @contextmanager
    def refusals_counted() -> Iterator[None]:
        try:
            yield
        except (BadRequest, StoreUnavailable, TooManyRequests) as error:
            metrics.rejected_requests.labels("rest", str(status_of(error)[0])).inc()
            raise

    async def enters(request: Request) -> Access:
        with refusals_counted():
            return await guard.ingests(request)

    # Before a body is read: who is refused need not send it.
    router = APIRouter(tags=["telemetry"], dependencies=[Depends(enters)])
    access_of_key = Depends(enters)

    @router.post("/calls", response_model=Accepted, dependencies=[only(PostQuery)], openapi_extra=_body_of(CallShape))
    async def post_calls(
        request: Request, query: Annotated[PostQuery, Query()], access: Access = access_of_key
    ) -> Response:
        """Store model calls: an object, a list, or one object per line as application/x-ndjson.

        `start_time` is needed, the rest may be left out. Messages may also be texts or have OpenAI's form. Without a
        `call_id` one is made from the content, so that a retry is stored once. One bad call refuses all of the body.
        The project is that of the key; a body that names another is refused.
        """
        with refusals_counted():
            lines = _is_lines(request)
            with budget.reservation() as held:
                body = await read_body(request, max_bytes=max_body_bytes, on_bytes=held.take)
                calls = await run_in_threadpool(read_documents, body, partial(_call_of, access), lines=lines)
            access.admit(len(calls))
            kept = _sampled(calls, access)
            n_new: int | None = 0
            if kept:
                refuse_many_days(np.array([call.start_ns for call in kept], np.int64))
                batch = await run_in_threadpool(batch_of_calls, kept)
                committed = await asyncio.wrap_future(ingest.submit(batch, alone=query.count))
                # A call without telemetry of its own has one span.
                n_new = committed.result.n_spans if query.count else None
        metrics.accepted_spans.labels("rest").inc(len(kept))
        metrics.sampled_out_spans.inc(len(calls) - len(kept))
        return _accepted([call.call_id for call in calls], stored=n_new, n_sampled_out=len(calls) - len(kept))

    @router.post("/scores", response_model=Accepted, dependencies=[only()], openapi_extra=_body_of(ScoreShape))
    async def post_scores(request: Request, access: Access = access_of_key) -> Response:
        """Store what people (`source` human) or end users (`source` user) say of a call, trace or session.

        One with the target, evaluator, version, source and author of an older score replaces it.
        """
        with refusals_counted():
            lines = _is_lines(request)
            with budget.reservation() as held:
                body = await read_body(request, max_bytes=max_body_bytes, on_bytes=held.take)
                documents = await run_in_threadpool(read_documents, body, score_document, lines=lines)
            if len(documents) > MAX_SCORES:
                raise TooLarge(f"{len(documents)} scores in one request; send at most {MAX_SCORES}")
            access.admit(len(documents))
            scores = await run_in_threadpool(_write_scores, store, ingest, access, documents, now_ns=clock())
        return _accepted([score.score_id for score in scores], stored=None)

    return router


def _call_of(access: Access, document: object) -> Call:
    """The call in its project, which is part of its identity: it goes before the ids that are made from the content."""
    if not isinstance(document, Mapping) or access.project is None:
        return call_of(document)
    named = document.get("project")
    return call_of({**document, "project": access.project_of(named if isinstance(named, str) else None)})


def _sampled(calls: Sequence[Call], access: Access) -> Sequence[Call]:
    rate = access.sample_rate
    return calls if rate is None else [call for call in calls if is_kept(call.trace_id, rate)]


def _write_scores(
    store: TelemetryStore, ingest: Ingest, access: Access, documents: Sequence[ScoreDocument], *, now_ns: int
) -> list[Score]:
    for document in documents:
        access.project_of(document.project if isinstance(document.project, str) else None)
    reader = reader_of(store, access.project)
    firsts = {key: first_call(reader, *key) for key in {(d.target_kind, d.target_id) for d in documents}}
    scores = [score_of(d, firsts[d.target_kind, d.target_id], now_ns=now_ns) for d in documents]
    if scores:
        ingest.write_scores(scores)
    return scores


def _is_lines(request: Request) -> bool:
    given = media_type(request)
    if given not in (JSON, *JSON_LINES):
        raise UnsupportedMediaType(f"Content-Type must be {JSON} or {JSON_LINES[0]}, got {given or 'none'}")
    return given in JSON_LINES


def _accepted(ids: list[str], *, stored: int | None, n_sampled_out: int = 0) -> Response:
    return json_answer(
        {"accepted": len(ids) - n_sampled_out, "sampled_out": n_sampled_out, "stored": stored, "ids": ids}
    )


def _body_of(shape: type[Any]) -> dict[str, Any]:
    """For OpenAPI: the body is read by us, so the framework cannot know it."""
    one = {"$ref": f"#/components/schemas/{shape.__name__}"}
    many = {"oneOf": [one, {"type": "array", "items": one}]}
    content = {JSON: {"schema": many}, JSON_LINES[0]: {"schema": one}}
    return {"requestBody": {"required": True, "content": content}}
