"""The question how the collector fares."""

from collections.abc import Callable

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.api.answers import json_answer
from collector.api.guard import Guard
from collector.api.queries import only
from collector.api.shapes import ERRORS
from collector.system import SystemFigures


class CountShape(BaseModel):
    """`recent`: in the last `window_s` seconds. The labels stand beside: signal, transport, reason, what, kind."""

    model_config = ConfigDict(extra="allow")
    total: int = Field(description="since the start")
    recent: int = Field(description="in the last window_s seconds")


class DiskShape(BaseModel):
    bytes: int
    free_bytes: int
    days: int
    first_day: str | None
    last_day: str | None


class LagShape(BaseModel):
    evaluator: str
    calls: int = Field(description="stored and not evaluated yet")
    wait_s: float = Field(description="of the oldest of them")


class SpoolShape(BaseModel):
    entries: int = Field(description="writes that wait for the store")
    spans: int
    bytes: int = Field(description="of what waits")
    file_bytes: int = Field(description="on the disk, with the log and space that is free again")
    max_bytes: int
    oldest_age_s: float
    set_aside_spans: int = Field(description="of writes that the store does not take")
    store_problem: str | None = Field(description="why the store did not take the last write; it is tried again")
    problem: str | None = Field(description="why nothing can be taken")


class SystemShape(BaseModel):
    time: str
    started_time: str
    window_s: float
    problems: dict[str, str | None] = Field(description="the checks of /readyz; null: all is well")
    accepted: list[CountShape] = Field(description="records that are on disk, by signal and transport")
    rejected: list[CountShape] = Field(description="records of accepted requests that were not kept")
    refused: list[CountShape] = Field(description="requests of which nothing was kept; the reason is the status")
    adapted: list[CountShape] = Field(description="what was kept otherwise than sent")
    redactions: list[CountShape]
    stored_spans: CountShape
    stored_calls: CountShape
    duplicate_spans: CountShape
    sampled_out_spans: CountShape
    overridden_project_spans: CountShape
    unpriced_calls: CountShape
    commits: CountShape
    commit_p50_s: float | None
    commit_p99_s: float | None
    queue_bytes: int
    max_queue_bytes: int
    load: float = Field(description="share of the last seconds in which requests waited for the disk")
    disk: DiskShape | None
    spool: SpoolShape | None = Field(description="what was acknowledged and waits on the local disk for the store")
    lags: list[LagShape] | None


def system_router(guard: Guard, figures: Callable[[], SystemFigures]) -> APIRouter:
    """The figures are those of the whole installation, as on /metrics: there is nothing of any project in them."""
    router = APIRouter(prefix="/api/v1", tags=["system"], responses=ERRORS, dependencies=[Depends(guard.reads)])

    @router.get("/system", response_model=SystemShape, dependencies=[only()])
    def system() -> Response:
        """What was accepted, refused, changed and stored, since the start and in the last minutes."""
        return json_answer(figures().to_json())

    return router
