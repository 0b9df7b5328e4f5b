"""The REST API of drift monitors, below /api/v1. Handlers are plain functions: the framework runs them off the loop."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel, create_model

from collector.api.answers import json_answer, list_answer
from collector.api.errors import NotFound
from collector.api.guard import Guard
from collector.api.queries import only
from collector.api.shapes import ERRORS, list_of
from collector.call import DEFAULT_PROJECT
from collector.errors import BadRequest
from collector.projects.access import Access
from collector.validation import TimeNs
from evaluators.drift.monitors.definition import Monitor, monitor_from_json, new_monitor_id
from evaluators.drift.monitors.monitors import Monitors
from evaluators.drift.monitors.project import ProjectMonitors
from evaluators.drift.monitors.state import MonitorState

REPLAY_DAYS = 14

MonitorShape = create_model("MonitorWithState", __base__=Monitor, state=(dict[str, Any], ...))
MonitorList = list_of(MonitorShape, "MonitorList")
Seen = Monitors | ProjectMonitors


class ReplayShape(BaseModel, extra="forbid"):
    """`monitor` as it would be saved, or `monitor_id` of one that is there; by default the last 14 days."""

    monitor: dict[str, Any] | None = None
    monitor_id: str | None = None
    since: TimeNs | None = None
    until: TimeNs | None = None


def monitors_router(monitors: Monitors, guard: Guard, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """Questions to `monitors` and changes of them, by those whom `guard` lets in. `clock` gives Unix nanoseconds."""

    def of(access: Access) -> Seen:
        return monitors if access.project is None else monitors.of_project(access.project)

    async def seen(request: Request) -> Seen:
        return of(await guard.reads(request))

    # Of the whole router, so that who may not ask is told so before anything else.
    router = APIRouter(prefix="/api/v1", tags=["monitors"], responses=ERRORS, dependencies=[Depends(seen)])
    seen_by_key, admin = Depends(seen), Depends(guard.administers)

    @router.get("/monitors", response_model=MonitorList, dependencies=[only()])
    def list_monitors(found: Seen = seen_by_key) -> Response:
        """All drift monitors with their state."""
        return list_answer(state.to_json() for state in found.states())

    @router.get("/monitors/{monitor_id}", response_model=MonitorShape, dependencies=[only()])
    def one_monitor(monitor_id: str, found: Seen = seen_by_key) -> Response:
        """One monitor with its state, and `evidence`: what each of its windows said."""
        state = _there(found, monitor_id)
        return json_answer(state.to_json() | {"evidence": [e.to_json() for e in found.evidence(monitor_id)]})

    @router.post("/monitors", response_model=MonitorShape, status_code=201, dependencies=[only()])
    def create(document: Annotated[dict[str, Any], Body()], access: Access = admin) -> Response:
        """Add a monitor; its id is made here unless it has one. Needs a key with scope admin."""
        monitor = _monitor({"monitor_id": new_monitor_id(), **document}, access)
        return json_answer(of(access).create(monitor, _author(access)).to_json(), status_code=201)

    @router.put("/monitors/{monitor_id}", response_model=MonitorShape, dependencies=[only()])
    def edit(monitor_id: str, document: Annotated[dict[str, Any], Body()], access: Access = admin) -> Response:
        """Replace a monitor. `"paused": true` lets it rest. Needs a key with scope admin."""
        _there(of(access), monitor_id)
        document = {key: value for key, value in document.items() if key != "state"}  # as GET answered it
        if document.get("monitor_id", monitor_id) != monitor_id:
            raise BadRequest(f"monitor_id: the path says {monitor_id!r}, the body another; leave it out there")
        monitor = _monitor({**document, "monitor_id": monitor_id}, access)
        return json_answer(of(access).edit(monitor, _author(access)).to_json())

    @router.delete("/monitors/{monitor_id}", status_code=204, dependencies=[only()])
    def delete(monitor_id: str, access: Access = admin) -> Response:
        """Delete a monitor; its verdicts stay. One that made itself is not made again. Needs scope admin."""
        _there(of(access), monitor_id)
        of(access).delete(monitor_id, _author(access))
        return Response(status_code=204)

    @router.post("/monitors/replay", dependencies=[only()])
    def replay(asked: Annotated[ReplayShape, Body()], found: Seen = seen_by_key) -> Response:
        """What a monitor would have decided about calls that are over; nothing is saved."""
        if (asked.monitor is None) == (asked.monitor_id is None):
            raise BadRequest("give either monitor or monitor_id")
        if asked.monitor_id is not None:
            monitor = _there(found, asked.monitor_id).monitor
        else:
            own = found.project if isinstance(found, ProjectMonitors) else None
            document = {"monitor_id": "replay", **_with_project(asked.monitor or {}, own)}
            monitor = monitor_from_json(document)
        until_ns = clock() if asked.until is None else asked.until
        since_ns = until_ns - REPLAY_DAYS * 86_400 * 10**9 if asked.since is None else asked.since
        return json_answer(found.replay(monitor, since_ns=since_ns, until_ns=until_ns).to_json())

    return router


def _monitor(document: dict[str, Any], access: Access) -> Monitor:
    return monitor_from_json({**document, "project": access.project_of(document.get("project"))})


def _with_project(document: dict[str, Any], own: str | None) -> dict[str, Any]:
    return {"project": own or DEFAULT_PROJECT, **document}


def _there(found: Seen, monitor_id: str) -> MonitorState:
    state = found.state(monitor_id)
    if state is None:
        raise NotFound(f"there is no monitor {monitor_id[:80]!r}; GET /api/v1/monitors lists them")
    return state


def _author(access: Access) -> str:
    return f"key:{access.key_id}" if access.key_id else "rest"
