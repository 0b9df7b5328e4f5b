"""Bodies of REST count against the same budget as those of the OTLP receivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from collector.api import install_error_answers, telemetry_router
from collector.budget import ByteBudget
from collector.documents import MAX_DOCUMENTS
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.otlp.columns import MAX_DAYS
from collector.projects.gate import Gate
from collector.state import open_state, state_url
from collector.store import open_store
from collector.times import parse_rfc3339

CALL = {"start_time": "2026-11-21T11:00:00Z", "request_model": "m"}
SCORE = {"call_id": "c", "evaluator": "e", "value": 1.0, "source": "user"}


@pytest.fixture
def budget() -> ByteBudget:
    return ByteBudget(10)


@pytest.fixture
def api(tmp_path: Path, budget: ByteBudget) -> Iterator[TestClient]:
    store, engine = open_store(tmp_path), open_state(state_url(tmp_path))
    metrics = CollectorMetrics(CollectorRegistry())
    ingest = Ingest(store, metrics)
    app = FastAPI()
    install_error_answers(app)
    now_ns = parse_rfc3339("2026-11-21T12:00:00Z")
    router = telemetry_router(
        store, ingest, lambda: now_ns, metrics, gate=Gate(engine), max_body_bytes=2**22, budget=budget
    )
    app.include_router(router)
    with TestClient(app) as client:
        yield client
    ingest.close()
    engine.dispose()
    store.close()


@pytest.mark.parametrize(("path", "document"), [("calls", CALL), ("scores", SCORE)])
def test_a_body_is_put_off_while_those_of_others_fill_the_budget(
    api: TestClient, budget: ByteBudget, path: str, document: dict[str, object]
) -> None:
    with budget.reservation() as others:
        others.take(1)
        response = api.post(f"/api/v1/{path}", json=document)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert "1 bytes of other requests are in hand" in response.json()["error"]["message"]


def test_what_a_body_took_is_given_back(api: TestClient, budget: ByteBudget) -> None:
    assert api.post("/api/v1/calls", json=CALL).status_code == 200
    assert api.post("/api/v1/calls", json={"start_time": 7}).status_code == 400
    assert budget.n_bytes == 0


def test_more_calls_than_are_taken_at_once_are_refused(api: TestClient) -> None:
    response = api.post("/api/v1/calls", json=[{}] * (MAX_DOCUMENTS + 1))
    assert response.status_code == 413
    assert f"more than {MAX_DOCUMENTS} documents" in response.json()["error"]["message"]


def test_calls_of_more_days_than_are_written_at_once_are_refused(api: TestClient) -> None:
    days = [CALL | {"start_time": f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}T11:00:00Z"} for n in range(MAX_DAYS + 1)]
    assert api.post("/api/v1/calls", json=days[:-1]).status_code == 200
    response = api.post("/api/v1/calls", json=days)
    assert response.status_code == 413
    assert f"of at most {MAX_DAYS} days at a time" in response.json()["error"]["message"]
