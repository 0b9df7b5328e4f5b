"""The application behind the UI port: health, REST, pages."""

import time
from collections.abc import Callable, Collection, Mapping

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from collector.api import install_error_answers, telemetry_router, unknown_paths_router
from collector.budget import ByteBudget
from collector.health import Check, Health
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.gate import Gate
from collector.redactions import Redactions
from collector.store.base import TelemetryStore
from dashboard.app import build
from dashboard.colours import SeriesColours
from dashboard.services import Services
from watchkeeper.evaluation import Evaluation
from watchkeeper.health import health_router


def web_app(
    *,
    store: TelemetryStore,
    ingest: Ingest,
    metrics: CollectorMetrics,
    gate: Gate,
    max_body_bytes: int,
    budget: ByteBudget,
    checks: Mapping[str, Check],
    registry: CollectorRegistry,
    routers: tuple[APIRouter, ...] = (),
) -> FastAPI:
    """`gate` decides who may ask, `budget` what bodies may take in memory. `routers` bring the REST of the other parts.

    Pages are added by whoever has them, after this.
    """
    app = FastAPI(title="Watchkeeper", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    install_error_answers(app)
    app.include_router(health_router(checks, registry))
    app.include_router(
        telemetry_router(store, ingest, time.time_ns, metrics, gate=gate, max_body_bytes=max_body_bytes, budget=budget)
    )
    for router in routers:
        app.include_router(router)
    app.include_router(unknown_paths_router())
    return app


def add_pages(
    app: FastAPI,
    *,
    store: TelemetryStore,
    engine: Engine,
    evaluation: Evaluation,
    health: Health,
    redactions: Redactions,
    gate: Gate,
    otlp_url: str,
    hosts: Collection[str] | None,
) -> Callable[[], None]:
    """The dashboard. Last of all: it answers every path that nothing else has. All paths answer to `hosts`, localhost
    and 127.0.0.1 and to no other name, which another site could have pointed here; None: to any, where keys are needed.

    Returns what ends the event streams of open pages, for which a server that stops would wait.
    """
    services = Services(
        store=store,
        alerts=evaluation.alerts.book,
        review=evaluation.review,
        monitors=evaluation.monitors,
        colours=SeriesColours(engine),
        health=health,
        redactions=redactions,
        clock=time.time_ns,
        otlp_url=otlp_url,
    )
    build(services, app, gate=gate, hosts=hosts)
    close_streams: Callable[[], None] = app.state.close_streams
    return close_streams
