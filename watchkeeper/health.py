"""/healthz: the process answers. /readyz: it can take and store telemetry. /metrics: Prometheus."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from collector.api.answers import json_answer
from collector.health import Check


def health_router(
    checks: Mapping[str, Check], registry: CollectorRegistry, *, settled: Callable[[], None] = lambda: None
) -> APIRouter:
    """
    Args:
        settled: called before metrics are told, so that they count as stored what was acknowledged.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return json_answer({"status": "ok"})

    @router.get("/readyz")
    def readyz() -> Response:
        problems = {name: check() for name, check in checks.items()}
        ready = not any(problems.values())
        body = {
            "status": "ready" if ready else "not ready",
            "checks": {name: problem or "ok" for name, problem in problems.items()},
        }
        return json_answer(body, status_code=200 if ready else 503)

    @router.get("/metrics")
    def metrics() -> Response:
        settled()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
