"""`GET /logs` and `GET /metrics/points`, on the real store: what came over OTLP is read as it was sent."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from collector.api import install_error_answers, telemetry_router
from collector.api.shapes import LogRecordShape, MetricPointShape
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.prepared import prepared
from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.times import parse_rfc3339
from collector.understanding import understood
from tests.collector.records import batch_of_logs, batch_of_points

NOW_NS = parse_rfc3339("2026-11-21T12:00:00Z")
S = 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def key(engine: Engine) -> Callable[..., str]:
    book = ProjectBook(engine, lambda: NOW_NS, actor="test")

    def make(project: str) -> str:
        book.create_project(project)
        return f"Bearer {book.create_key(project=project, scopes=('read',)).secret}"

    return make


@pytest.fixture
def api(store: TelemetryStore, engine: Engine) -> Iterator[Callable[[], TestClient]]:
    """`api()` serves the keys that there are by then."""
    metrics = CollectorMetrics(CollectorRegistry())
    ingest = Ingest(store, metrics)

    def serve() -> TestClient:
        app = FastAPI()
        install_error_answers(app)
        gate = Gate(engine)
        app.include_router(telemetry_router(store, ingest, lambda: NOW_NS, metrics, gate=gate, max_body_bytes=100_000))
        return TestClient(app, raise_server_exceptions=False)

    yield serve
    ingest.close()
    engine.dispose()


def ids(response: Any, name: str) -> list[str]:
    assert response.status_code == 200, response.text
    return [item[name] for item in response.json()["items"]]


def test_a_log_record_over_otlp_is_read_back(api: Callable[[], TestClient], store: TelemetryStore) -> None:
    export = ExportLogsServiceRequest()
    logs = export.resource_logs.add()
    logs.resource.attributes.add(key="service.name").value.string_value = "shop"
    record = logs.scope_logs.add(scope={"name": "checkout"}).log_records.add(
        time_unix_nano=NOW_NS - S, severity_number=13, trace_id=b"\xab" * 16, span_id=b"\xcd" * 8
    )
    record.body.string_value = "slow answer"
    record.attributes.add(key="attempt").value.int_value = 2
    store.write(understood([prepared("logs", export.SerializeToString()).load]))
    [item] = api().get("/api/v1/logs", params={"trace_id": "AB" * 16}).json()["items"]
    LogRecordShape.model_validate(item)
    assert item == item | {
        "time": "2026-11-21T11:59:59Z", "trace_id": "ab" * 16, "span_id": "cd" * 8, "project": "default",
        "service": "shop", "scope": "checkout", "severity": "WARN", "body": "slow answer", "event_name": None,
        "attributes": {"attempt": 2},
    }  # fmt: skip


def test_a_data_point_over_otlp_is_read_back(api: Callable[[], TestClient], store: TelemetryStore) -> None:
    export = ExportMetricsServiceRequest()
    metric = export.resource_metrics.add().scope_metrics.add().metrics.add(name="queue.size", unit="{item}")
    metric.gauge.data_points.add(time_unix_nano=NOW_NS - S, as_double=2.5)
    store.write(understood([prepared("metrics", export.SerializeToString()).load]))
    [item] = api().get("/api/v1/metrics/points", params={"name": "queue.size"}).json()["items"]
    MetricPointShape.model_validate(item)
    assert (item["value"], item["unit"], item["kind"], item["start_time"]) == (2.5, "{item}", "gauge", None)


def test_a_number_that_is_none_is_null(api: Callable[[], TestClient], store: TelemetryStore) -> None:
    store.write([batch_of_points([{"point_id": "p", "time_ns": NOW_NS - S, "value": float("nan")}])])
    response = api().get("/api/v1/metrics/points")
    assert json.loads(response.text, parse_constant=pytest.fail)["items"][0]["value"] is None


def test_lists_have_pages_and_filters(api: Callable[[], TestClient], store: TelemetryStore) -> None:
    times = [NOW_NS - i * S for i in range(1, 4)]
    store.write([batch_of_logs([{"log_id": str(i), "time_ns": t, "body": f"n {i}"} for i, t in enumerate(times)])])
    store.write([batch_of_logs([{"log_id": "old", "time_ns": NOW_NS - 25 * 3600 * S, "severity": "INFO"}])])
    client = api()
    first = client.get("/api/v1/logs", params={"limit": 2})
    assert ids(first, "log_id") == ["0", "1"]
    cursor = first.json()["next_cursor"]
    assert ids(client.get("/api/v1/logs", params={"limit": 2, "cursor": cursor}), "log_id") == ["2"]
    assert ids(client.get("/api/v1/logs", params={"text": "N 1"}), "log_id") == ["1"]
    since = {"since": "2026-01-01T00:00:00Z"}
    assert ids(client.get("/api/v1/logs", params=since | {"severity": "INFO"}), "log_id") == ["old"]
    assert ids(client.get("/api/v1/logs", params=since | {"event_name": "e"}), "log_id") == []


@pytest.mark.parametrize(
    ("path", "said"),
    [("logs?name=x", "name: unknown parameter"), ("metrics/points?text=x", "text: unknown parameter"),
     ("logs?cursor=x", "not a cursor"), ("metrics/points?limit=0", "limit")],
)  # fmt: skip
def test_a_wrong_question_is_refused_with_what_to_write(api: Callable[[], TestClient], path: str, said: str) -> None:
    response = api().get(f"/api/v1/{path}")
    assert response.status_code == 400
    assert said in response.json()["error"]["message"]


def test_what_others_sent_is_not_there_and_asking_for_it_is_refused(
    api: Callable[[], TestClient], store: TelemetryStore, key: Callable[..., str]
) -> None:
    for project in ("mine", "theirs"):
        row = {"time_ns": NOW_NS - S, "project": project}
        store.write([batch_of_logs([row | {"log_id": project}]), batch_of_points([row | {"point_id": project}])])
    mine = {"Authorization": key("mine")}
    client = api()
    for path, name in (("logs", "log_id"), ("metrics/points", "point_id")):
        assert client.get(f"/api/v1/{path}").status_code == 401
        assert ids(client.get(f"/api/v1/{path}", headers=mine), name) == ["mine"]
        assert client.get(f"/api/v1/{path}?project=theirs", headers=mine).status_code == 403
