"""The REST API of the collector, below /api/v1."""

from collections.abc import Callable

from fastapi import APIRouter

from collector.api.errors import NotFound, install_error_answers, unknown_paths_router
from collector.api.guard import Guard
from collector.api.reading import reading_router
from collector.api.records import records_router
from collector.api.shapes import ERRORS
from collector.api.spans import spans_router
from collector.api.writing import writing_router
from collector.budget import ByteBudget
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.gate import Gate
from collector.store.base import TelemetryStore

__all__ = ["NotFound", "install_error_answers", "telemetry_router", "unknown_paths_router"]


def telemetry_router(
    store: TelemetryStore,
    ingest: Ingest,
    clock: Callable[[], int],
    metrics: CollectorMetrics,
    *,
    gate: Gate,
    max_body_bytes: int,
    budget: ByteBudget | None = None,
) -> APIRouter:
    """Questions and additions to `store`, for those whom `gate` lets in. `clock` gives Unix nanoseconds.

    `budget` holds for the bodies of all requests at once, and for those of the OTLP receivers where it is theirs.

    The app it is included in needs `install_error_answers`, and `unknown_paths_router` after its last API router.
    """
    guard = Guard(gate, store)
    router = APIRouter(prefix="/api/v1", responses=ERRORS)
    router.include_router(reading_router(guard, clock))
    router.include_router(spans_router(guard, clock))
    router.include_router(records_router(guard, clock))
    router.include_router(
        writing_router(
            guard, store, ingest, clock, metrics, max_body_bytes=max_body_bytes, budget=budget or ByteBudget()
        )
    )
    return router
