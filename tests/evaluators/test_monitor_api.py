"""Drift monitors over REST."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.api import install_error_answers
from collector.api.guard import Guard
from collector.call import Call
from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
from collector.store.base import TelemetryStore
from evaluators.drift.monitors.monitors import Monitors
from evaluators.monitors_api import monitors_router
from tests.evaluators.monitoring import JUNE, MARCH

Featured = Callable[[Sequence[Call]], None]
Answers = Callable[..., list[Call]]
SHOP = {"name": "Shop", "service": "shop", "n_reference": 40, "n_window": 20}


@pytest.fixture
def gate(engine: Engine) -> Gate:
    return Gate(engine)


@pytest.fixture
def client(monitors: Monitors, gate: Gate, store: TelemetryStore) -> Iterator[TestClient]:
    app = FastAPI()
    install_error_answers(app)
    app.include_router(monitors_router(monitors, Guard(gate, store)))
    with TestClient(app) as client:
        yield client


def error_of(response: Any) -> str:
    return str(response.json()["error"]["message"])


def test_a_monitor_is_made_read_changed_and_deleted(client: TestClient) -> None:
    made = client.post("/api/v1/monitors", json=SHOP)
    assert made.status_code == 201, made.text
    monitor = made.json()
    assert monitor["state"]["phase"] == "collecting"
    assert monitor["state"]["n_missing"] == 40
    assert (monitor["project"], monitor["automatic"]) == ("default", False)
    path = f"/api/v1/monitors/{monitor['monitor_id']}"
    assert client.get("/api/v1/monitors").json()["items"] == [monitor]
    assert client.get(path).json() == monitor | {"evidence": []}
    changed = client.put(path, json=monitor | {"paused": True})
    assert changed.json()["state"]["phase"] == "paused"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get("/api/v1/monitors").json()["items"] == []


def test_its_state_says_what_it_found(
    client: TestClient, monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    [verdict] = monitors.tick()
    [monitor] = client.get("/api/v1/monitors").json()["items"]
    state = monitor["state"]
    assert (state["phase"], state["alarm_verdict_id"], state["n_alarms"]) == ("alarm", verdict.verdict_id, 1)
    assert state["onset_time"] is not None
    assert state["guarantee"].startswith(
        "At most 1 false alarm in 100 windows in which nothing changed; people are told of at most 0.1 false alarms a"
    )
    assert state["sparkline"][0][1] > 1
    one = client.get(f"/api/v1/monitors/{monitor['monitor_id']}").json()
    assert one["evidence"][0]["verdict_id"] == verdict.verdict_id


def test_a_replay_comes_before_saving(client: TestClient, featured: Featured, answers: Answers) -> None:
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    asked = {"monitor": SHOP, "since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
    found = client.post("/api/v1/monitors/replay", json=asked)
    assert found.status_code == 200, found.text
    body = found.json()
    assert (body["n_alarms"], body["n_sessions"], body["is_complete"]) == (1, 60, True)
    assert body["windows"][0]["outcome"] == "model_changed"
    assert client.get("/api/v1/monitors").json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("post", "/monitors", SHOP | {"n_windows": 3}, 400, "unknown, did you mean n_window?"),
        ("post", "/monitors", SHOP | {"alpha": 7}, 400, "alpha"),
        ("put", "/monitors/monitor:none", SHOP, 404, "GET /api/v1/monitors lists them"),
        ("delete", "/monitors/monitor:none", None, 404, "there is no monitor"),
        ("post", "/monitors/replay", {}, 400, "either monitor or monitor_id"),
        ("post", "/monitors/replay", {"monitor_id": "monitor:none"}, 404, "there is no monitor"),
    ],
)
def test_what_cannot_be_is_refused(
    client: TestClient, method: str, path: str, body: Any, status: int, said: str
) -> None:
    answer = client.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code == status
    assert said in error_of(answer)


def test_a_key_sees_and_changes_the_monitors_of_its_project_with_its_scopes(
    client: TestClient, gate: Gate, engine: Engine
) -> None:
    book = ProjectBook(engine, lambda: 1, actor="test")
    for name in ("shop", "bank"):
        book.create_project(name)
    keys = {
        "all": book.create_key(scopes=["admin"], project=None).secret,
        "shop": book.create_key(scopes=["admin"], project="shop").secret,
        "reader": book.create_key(scopes=["read"], project="shop").secret,
    }

    gate.refresh()

    def ask(method: str, path: str, key: str | None, body: Any = None) -> Any:
        headers = {} if key is None else {"x-api-key": keys[key]}
        return client.request(method, f"/api/v1/monitors{path}", json=body, headers=headers)

    bank = ask("POST", "", "all", SHOP | {"project": "bank"}).json()["monitor_id"]
    shop = ask("POST", "", "shop", SHOP).json()
    assert shop["project"] == "shop"
    assert [m["project"] for m in ask("GET", "", "reader").json()["items"]] == ["shop"]
    assert ask("GET", "", None).status_code == 401
    assert ask("POST", "", "reader", SHOP | {"name": "Other"}).status_code == 403
    assert ask("DELETE", f"/{shop['monitor_id']}", "reader").status_code == 403
    assert ask("POST", "", "shop", SHOP | {"project": "bank"}).status_code == 403
    for method in ("GET", "DELETE"):
        assert ask(method, f"/{bank}", "shop").status_code == 404
    assert ask("POST", "/replay", "reader", {"monitor_id": bank}).status_code == 404
