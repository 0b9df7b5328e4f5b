"""The REST API of the collector, below /api/v1."""

from collections.abc import Callable

from fastapi import APIRouter

from collector.api.errors import NotFound, install_error_answers, unknown_paths_router
from collector.api.reading import reading_router
from collector.api.shapes import ERRORS
from collector.api.writing import writing_router
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.store.base import TelemetryStore

__all__ = ["NotFound", "install_error_answers", "telemetry_router", "unknown_paths_router"]


def telemetry_router(
    store: TelemetryStore,
    ingest: Ingest,
    clock: Callable[[], int],
    metrics: CollectorMetrics,
    *,
    max_body_bytes: int,
) -> APIRouter:
    """Questions and additions to `store`. `clock` gives Unix nanoseconds.

    The app it is included in needs `install_error_answers`, and `unknown_paths_router` after its last API router.
    """
    router = APIRouter(prefix="/api/v1", responses=ERRORS)
    router.include_router(reading_router(store, clock))
    router.include_router(writing_router(store, ingest, clock, metrics, max_body_bytes=max_body_bytes))
    return router
