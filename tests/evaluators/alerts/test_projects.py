"""Each project has its own alerts, and sees no others."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.api import install_error_answers
from collector.api.guard import Guard
from collector.errors import BadRequest, Forbidden
from collector.projects.access import OPEN, Access
from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
from collector.store.base import TelemetryStore
from collector.times import NS_PER_S
from collector.verdict import Verdict
from evaluators.alerts import Alert, AlertBook
from evaluators.alerts.evaluate import evaluate
from evaluators.alerts.rule import MetricRule, VerdictRule
from evaluators.api import alerts_router

RULE = MetricRule(rule_id="errors", name="Calls fail", metric="error_rate", comparison="above", threshold=0.05)
CHANGED = VerdictRule(rule_id="changed", name="The model changed")


def of(project: str | None, *scopes: Any) -> Access:
    return Access(project=project, scopes=frozenset(scopes or ("read",)))


@pytest.fixture
def raised(store: TelemetryStore, book: AlertBook, write_calls: Callable[..., None], now_ns: int) -> dict[str, Alert]:
    """Calls fail in `shop` and in `default`, not in `bank`; the open alerts by project."""
    for project, n_errors in (("default", 20), ("shop", 30), ("bank", 0)):
        write_calls(store, now_ns - 60 * NS_PER_S, n=100, n_errors=n_errors, project=project)
    book.save_rule(RULE, now_ns)
    evaluate([RULE], store, book, now_ns)
    return {alert.project: alert for alert in book.open_alerts()}


def test_one_rule_watches_each_project_by_itself(raised: dict[str, Alert]) -> None:
    assert {project: alert.value for project, alert in raised.items()} == {"default": 0.2, "shop": 0.3}
    assert raised["shop"].labels == {"service": "shop", "request_model": "gpt-4", "project": "shop"}
    assert "project" not in raised["default"].labels
    assert "project=shop" in raised["shop"].links["calls"]


def test_a_rule_for_one_project_looks_at_no_other(
    raised: dict[str, Alert], store: TelemetryStore, book: AlertBook, now_ns: int
) -> None:
    """And the alerts that the rule had of others end with the change."""
    narrowed = RULE.model_copy(update={"project": "shop"})
    book.save_rule(narrowed, now_ns)
    evaluate([narrowed], store, book, now_ns + 1)
    assert [alert.project for alert in book.open_alerts()] == ["shop"]


def test_verdicts_of_two_projects_are_two_alerts(
    store: TelemetryStore, book: AlertBook, a_verdict: Callable[..., Verdict], now_ns: int
) -> None:
    store.write_verdicts([a_verdict(-2), a_verdict(-1, project="shop")])
    evaluate([CHANGED], store, book, now_ns)
    assert sorted(alert.project for alert in book.open_alerts()) == ["default", "shop"]
    assert [alert.project for alert in book.of(of("shop")).open_alerts()] == ["shop"]


def test_alerts_of_others_are_not_there(raised: dict[str, Alert], book: AlertBook, now_ns: int) -> None:
    seen = book.of(of("shop"))
    own, other = raised["shop"], raised["default"]
    assert seen.open_alerts() == [own]
    assert seen.alerts(since_ns=0, until_ns=now_ns + 1).items == [own]
    assert seen.alert(own.alert_id) == own
    assert seen.alert(other.alert_id) is None
    assert seen.deliveries([own.alert_id, other.alert_id]).keys() == {own.alert_id}
    with pytest.raises(BadRequest, match="there is no alert"):
        seen.acknowledge(other.alert_id, "eve", now_ns)
    with pytest.raises(Forbidden):
        seen.open_alerts(project="default")
    with pytest.raises(Forbidden):
        seen.alerts(since_ns=0, until_ns=1, project="default")
    assert book.alert(other.alert_id) == other
    assert seen.acknowledge(own.alert_id, "ann", now_ns).acknowledged_by == "ann"


def test_who_may_change_which_rules(book: AlertBook, now_ns: int) -> None:
    mine = RULE.model_copy(update={"rule_id": "mine", "name": "Mine", "project": "shop"})
    theirs = RULE.model_copy(update={"rule_id": "theirs", "name": "Theirs", "project": "bank"})
    for rule in (RULE, theirs):
        book.of(OPEN).save_rule(rule, now_ns)
    with pytest.raises(Forbidden, match="no scope admin"):
        book.of(of("shop")).save_rule(mine, now_ns)
    admin = book.of(of("shop", "admin"))
    admin.save_rule(mine, now_ns)
    assert [rule.rule_id for rule in admin.rules()] == ["errors", "mine"]
    with pytest.raises(Forbidden, match="is for every project"):
        admin.save_rule(RULE.model_copy(update={"enabled": False}), now_ns)
    with pytest.raises(Forbidden, match="is for another project"):
        admin.save_rule(theirs.model_copy(update={"project": "shop", "name": "Taken over"}), now_ns)
    with pytest.raises(Forbidden, match="is for every project"):
        admin.save_rule(mine.model_copy(update={"project": None}), now_ns)
    assert {rule.rule_id: rule.project for rule in book.rules()} == {"errors": None, "theirs": "bank", "mine": "shop"}


@pytest.fixture
def rest(book: AlertBook, engine: Engine, store: TelemetryStore, now_ns: int) -> Iterator[Callable[..., Any]]:
    """`rest("shop", "read", method, path, ...)`: one request with a key of its own."""
    gate, projects = Gate(engine), ProjectBook(engine, lambda: now_ns, actor="test")
    for name in ("shop", "bank"):
        projects.create_project(name)
    app = FastAPI()
    install_error_answers(app)
    app.include_router(alerts_router(book, Guard(gate, store), lambda: now_ns + 1))
    with TestClient(app, raise_server_exceptions=False) as client:

        def ask(project: str | None, scope: Any, method: str, path: str, **given: Any) -> Any:
            secret = projects.create_key(project=project, scopes=[scope]).secret
            gate.refresh()
            return client.request(method, f"/api/v1{path}", headers={"x-api-key": secret}, **given)

        yield ask


def test_rest_shows_each_project_its_own(raised: dict[str, Alert], rest: Callable[..., Any]) -> None:
    own, other = raised["shop"].alert_id, raised["default"].alert_id
    assert [a["alert_id"] for a in rest("shop", "read", "GET", "/alerts").json()["items"]] == [own]
    assert rest("bank", "read", "GET", "/alerts").json()["items"] == []
    assert len(rest(None, "admin", "GET", "/alerts").json()["items"]) == 2
    assert len(rest(None, "admin", "GET", "/alerts?project=shop").json()["items"]) == 1
    assert rest("shop", "read", "GET", "/alerts?project=default").status_code == 403
    assert rest("shop", "read", "GET", f"/alerts/{other}").status_code == 404
    assert rest("shop", "read", "POST", f"/alerts/{other}/acknowledge", json={"author": "eve"}).status_code == 404
    assert rest("shop", "read", "POST", f"/alerts/{own}/acknowledge", json={"author": "ann"}).status_code == 200
    assert rest("shop", "ingest", "GET", "/alerts").status_code == 403


def test_rest_lets_admins_write_rules_of_their_project(raised: dict[str, Alert], rest: Callable[..., Any]) -> None:
    document = {"kind": "metric", "name": "Slow", "metric": "latency_p95_s", "comparison": "above", "threshold": 10}
    assert rest("shop", "read", "PUT", "/rules/slow", json=document).status_code == 403
    made = rest("shop", "admin", "PUT", "/rules/slow", json=document)
    assert (made.status_code, made.json()["project"]) == (200, "shop")
    assert rest("shop", "admin", "PUT", "/rules/errors", json=document | {"name": "Mine now"}).status_code == 403
    assert rest("shop", "admin", "PUT", "/rules/x", json=document | {"project": "bank"}).status_code == 403
    assert [r["rule_id"] for r in rest("bank", "read", "GET", "/rules").json()["items"]] == ["errors"]
    assert [r["rule_id"] for r in rest("shop", "read", "GET", "/rules").json()["items"]] == ["errors", "slow"]
