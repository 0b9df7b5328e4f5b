"""Alerts and rules over REST."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.api import install_error_answers
from collector.api.guard import Guard
from collector.projects.gate import Gate
from collector.store.base import TelemetryStore
from evaluators.alerts import Alert, AlertBook, Outbox
from evaluators.alerts.alert import Change
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.step import Phase
from evaluators.api import alerts_router

RULE = {"kind": "metric", "name": "Slow", "metric": "latency_p95_s", "comparison": "above", "threshold": 10}


@pytest.fixture
def client(book: AlertBook, engine: Engine, store: TelemetryStore, now_ns: int) -> Iterator[TestClient]:
    app = FastAPI()
    install_error_answers(app)
    app.include_router(alerts_router(book, Guard(Gate(engine), store), lambda: now_ns))
    with TestClient(app) as client:
        yield client


@pytest.fixture
def raise_alert(book: AlertBook, now_ns: int) -> Callable[..., Alert]:
    def make(place: int, minutes_ago: int = 5, **given: Any) -> Alert:
        since_ns = now_ns - minutes_ago * 60 * 10**9
        fields: dict[str, Any] = {
            "alert_id": f"{place:032x}",
            "rule_id": "errors",
            "rule_name": "Calls fail",
            "fingerprint": f"{place:032x}",
            "labels": {"service": "shop"},
            "state": Phase.FIRING,
            "severity": "critical",
            "value": 0.2,
            "summary": "20 % failed",
            "links": {"calls": "/traces?service=shop"},
            "since_ns": since_ns,
            "fired_ns": since_ns,
        }
        alert = Alert(**fields | given)
        book.commit([Change(before=Phase.OK, alert=alert)], since_ns)
        return alert

    return make


def error_of(response: Any) -> str:
    return str(response.json()["error"]["message"])


def test_an_alert_is_listed_with_its_notifications(
    client: TestClient, raise_alert: Callable[..., Alert], engine: Engine, now_ns: int
) -> None:
    alert = raise_alert(1)
    outbox = Outbox(engine)
    outbox.failed(outbox.due(now_ns)[0], "answered 500", next_attempt_ns=now_ns)
    listed = {
        "alert_id": alert.alert_id,
        "rule_id": "errors",
        "rule_name": "Calls fail",
        "fingerprint": alert.fingerprint,
        "labels": {"service": "shop"},
        "state": "firing",
        "severity": "critical",
        "value": 0.2,
        "summary": "20 % failed",
        "links": {"calls": "/traces?service=shop"},
        "since_time": "2026-11-21T11:55:00Z",
        "fired_time": "2026-11-21T11:55:00Z",
        "resolved_time": None,
        "acknowledged_time": None,
        "acknowledged_by": None,
        "deliveries": [
            {
                "delivery_id": f"{alert.alert_id}-firing-oncall",
                "receiver": "oncall",
                "state": "waiting",
                "time": "2026-11-21T12:00:00Z",
                "n_attempts": 1,
                "last_error": "answered 500",
            }
        ],
    }
    assert client.get("/api/v1/alerts").json() == {"items": [listed], "next_cursor": None}
    assert client.get(f"/api/v1/alerts/{alert.alert_id}").json() == listed


def test_the_range_state_and_pages(client: TestClient, raise_alert: Callable[..., Alert], now_ns: int) -> None:
    for place in range(5):
        raise_alert(place, minutes_ago=10 + place)
    raise_alert(9, minutes_ago=3000, state=Phase.RESOLVED, resolved_ns=now_ns - 2900 * 60 * 10**9)

    seen, cursor = [], None
    while True:
        given = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/alerts", params=given).json()
        seen += [int(item["alert_id"], 16) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [0, 1, 2, 3, 4]

    def listed(**params: str) -> list[int]:
        return [int(item["alert_id"], 16) for item in client.get("/api/v1/alerts", params=params).json()["items"]]

    assert listed(state="resolved") == []
    assert listed(state="resolved", since="2026-11-01T00:00:00Z") == [9]
    assert listed(until="2026-11-21T11:47:30Z") == [3, 4]


@pytest.mark.parametrize(
    ("params", "advice"),
    [
        ({"state": "open"}, "state must be one of pending, firing, resolved"),
        ({"since": "yesterday"}, "write it like 2026-11-21T14:30:00Z"),
        ({"limit": "0"}, "limit: "),
        ({"cursor": "x"}, "next_cursor"),
        ({"sate": "firing"}, "did you mean state?"),
    ],
)
def test_a_bad_question_is_refused_with_what_to_write(client: TestClient, params: dict[str, str], advice: str) -> None:
    response = client.get("/api/v1/alerts", params=params)
    assert response.status_code == 400
    assert advice in error_of(response)


def test_an_alert_is_acknowledged(client: TestClient, raise_alert: Callable[..., Alert], book: AlertBook) -> None:
    alert = raise_alert(1)
    path = f"/api/v1/alerts/{alert.alert_id}/acknowledge"
    answer = client.post(path, json={"author": "ada"}).json()
    assert (answer["acknowledged_by"], answer["acknowledged_time"]) == ("ada", "2026-11-21T12:00:00Z")
    assert client.post(path, json={"author": "bob"}).json() == answer
    stored = book.alert(alert.alert_id)
    assert stored is not None
    assert replace(stored, acknowledged_ns=None, acknowledged_by=None) == alert


def test_acknowledging_needs_an_alert_and_an_author(client: TestClient, raise_alert: Callable[..., Alert]) -> None:
    path = f"/api/v1/alerts/{raise_alert(1).alert_id}/acknowledge"
    assert client.post("/api/v1/alerts/none/acknowledge", json={"author": "ada"}).status_code == 404
    assert client.get("/api/v1/alerts/none").status_code == 404
    bodies: list[Any] = [{}, {"author": " "}, {"author": 3}, []]
    for body in bodies:
        response = client.post(path, json=body)
        assert response.status_code == 400
        assert "author" in error_of(response)


def test_rules_are_listed_written_and_switched_off(client: TestClient, book: AlertBook, now_ns: int) -> None:
    book.save_first_rules(DEFAULT_RULES, now_ns - 10**9)
    written = client.put("/api/v1/rules/slow", json=RULE)
    assert written.status_code == 200
    rules = client.get("/api/v1/rules").json()["items"]
    assert [rule["rule_id"] for rule in rules] == [*(rule.rule_id for rule in DEFAULT_RULES), "slow"]
    assert rules[-1] == written.json()
    client.put("/api/v1/rules/slow", json=rules[-1] | {"enabled": False})
    assert [rule.enabled for rule in book.rules()] == [True] * len(DEFAULT_RULES) + [False]


@pytest.mark.parametrize(
    ("rule_id", "document", "advice"),
    [
        ("slow", RULE | {"metric": "latency"}, "metric: unknown metric"),
        ("slow", RULE | {"rule_id": "fast"}, "leave it out there"),
        ("slow", {}, "kind must be one of metric, verdict"),
        ("Slow", RULE, "rule_id: "),
        ("slow", RULE | {"name": DEFAULT_RULES[0].name}, "take another name"),
        ("slow", [], "body: must be a JSON object"),
    ],
)
def test_a_bad_rule_is_refused_with_what_to_write(
    client: TestClient, book: AlertBook, now_ns: int, rule_id: str, document: Any, advice: str
) -> None:
    book.save_first_rules(DEFAULT_RULES, now_ns)
    response = client.put(f"/api/v1/rules/{rule_id}", json=document)
    assert response.status_code == 400
    assert advice in error_of(response)
    assert len(book.rules()) == len(DEFAULT_RULES)


def test_a_body_that_is_no_json_is_refused_with_what_to_send(client: TestClient) -> None:
    sent = client.put("/api/v1/rules/slow", content="{bad", headers={"content-type": "application/json"})
    assert (sent.status_code, error_of(sent).partition(" (")[0]) == (400, "body: not JSON")
    untyped = client.put("/api/v1/rules/slow", content="{}")
    assert error_of(untyped) == "body: must be a JSON object, sent with Content-Type: application/json"


def test_the_paths_are_in_openapi(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/api/v1/alerts", "/api/v1/alerts/{alert_id}/acknowledge", "/api/v1/rules/{rule_id}"} <= set(paths)


def test_alerts_can_be_asked_for_by_project(client: TestClient) -> None:
    assert client.get("/api/v1/alerts?project=default").status_code == 200
    assert client.get("/api/v1/alerts?project=acme").json()["items"] == []
