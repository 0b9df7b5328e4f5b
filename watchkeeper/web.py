"""The application behind the port of a process: health for all, REST and pages for who has them."""

import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI

from collector.api import install_error_answers, telemetry_router, unknown_paths_router
from collector.api.erasing import erasing_router
from collector.api.guard import Guard
from collector.api.system import system_router
from collector.health import Health
from dashboard.app import build
from dashboard.colours import SeriesColours
from dashboard.services import Services
from evaluators.api import alerts_router
from evaluators.monitors_api import monitors_router
from watchkeeper.base import Base
from watchkeeper.findings import Findings
from watchkeeper.health import health_router
from watchkeeper.taking import Taking

METRICS_WAIT_S = 1.0


def web_app(base: Base, routers: Iterable[APIRouter] = ()) -> FastAPI:
    """Health, and `routers`. Pages are added by whoever has them, after this."""
    app = FastAPI(title="Watchkeeper", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    install_error_answers(app)
    app.include_router(health_router(base.checks, base.registry, settled=partial(_settle, base)))
    for router in routers:
        app.include_router(router)
    app.include_router(unknown_paths_router())
    return app


def _settle(base: Base) -> None:
    if base.storage is not None:
        base.storage.spool.catch_up(METRICS_WAIT_S)


def rest_of(base: Base, taking: Taking, health: Health, findings: Findings) -> list[APIRouter]:
    """The whole of /api/v1, the same on every port that has it."""
    gate, ingest, metrics = taking.gate, taking.storage.ingest, taking.storage.metrics
    guard, max_body_bytes = Guard(gate, base.store), base.config.collector.max_body_bytes
    return [
        telemetry_router(
            base.store, ingest, time.time_ns, metrics, gate=gate, max_body_bytes=max_body_bytes, budget=taking.budget
        ),
        alerts_router(findings.alerts, guard),
        monitors_router(findings.monitors, guard),
        system_router(guard, health.figures),
        erasing_router(taking.keepers.erasures, guard),
    ]


def add_pages(
    app: FastAPI, base: Base, taking: Taking, health: Health, findings: Findings, *, otlp_url: str
) -> Callable[[], None]:
    """The dashboard. Last of all: it answers every path that nothing else has.

    Returns what ends the event streams of open pages, for which a server that stops would wait.
    """
    services = Services(
        store=base.store,
        alerts=findings.alerts,
        review=findings.review,
        monitors=findings.monitors,
        colours=SeriesColours(base.engine),
        health=health,
        redactions=taking.redactions,
        clock=time.time_ns,
        otlp_url=otlp_url,
    )
    build(services, app, gate=taking.gate, hosts=_hosts(base))
    close_streams: Callable[[], None] = app.state.close_streams
    return close_streams


def _hosts(base: Base) -> Collection[str] | None:
    """All paths answer to these, localhost and 127.0.0.1 and to no other name, which another site could have pointed
    here; None: to any, where keys are needed."""
    if base.config.server.is_beyond_loopback:
        return None
    return (base.config.server.host, urlsplit(base.config.evaluators.alerts.base_url).hostname or "")
