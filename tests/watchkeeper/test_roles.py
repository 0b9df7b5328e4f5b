"""Collectors, evaluators and a dashboard as processes of their own, on a real Elasticsearch and a real PostgreSQL: they
are loaded, some are killed, and everything is counted."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import create_engine, text

from collector.state import open_state
from collector.state.secrets import kept_secret
from tests.watchkeeper.cluster import SPANS_PER_EXPORT, Hook, Part, an_export, items, until

Run = Callable[..., subprocess.CompletedProcess[str]]
TAKEN_OVER_WITHIN_S = 20.0  # a lease of 15 s and a round of 3 s


def send(collectors: list[Part], numbers: range) -> None:
    """Each export to one of the collectors, and to another one where that does not answer, until one takes it."""
    for number in numbers:
        body, place = an_export(number), number
        while True:
            try:
                answer = httpx.post(
                    f"{collectors[place % len(collectors)].ready['otlp_http']}/v1/traces",
                    content=body, headers={"content-type": "application/x-protobuf"}, timeout=30,
                )  # fmt: skip
                if answer.status_code == 200:
                    break
            except httpx.TransportError:
                pass
            place += 1
            time.sleep(0.05)


def watch_only(part: Part, *rule_ids: str) -> None:
    """Rules by which the calls of this test fire at once, and none of those that an installation begins with."""
    rules = f"{part.url}/api/v1/rules"
    for rule in httpx.get(rules, timeout=30).raise_for_status().json()["items"]:
        if rule["rule_id"] not in rule_ids:
            httpx.put(f"{rules}/{rule['rule_id']}", json=rule | {"enabled": False}, timeout=30).raise_for_status()
    for rule_id in rule_ids:
        rule = {"kind": "metric", "metric": "error_rate", "comparison": "above", "threshold": 0.05, "window_s": 3600}
        httpx.put(f"{rules}/{rule_id}", json=rule | {"name": rule_id}, timeout=30).raise_for_status()


def holders(url: str) -> dict[str, str]:
    """The process (its id) that holds each lease."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, holder FROM leases WHERE until_ns > 0")).all()
    engine.dispose()
    return {row.name: row.holder.split(":")[1] for row in rows}


@pytest.mark.timeout(600)
def test_a_cluster_of_which_parts_are_killed_loses_and_repeats_nothing(
    start_role: Callable[..., Part], hook: Hook, postgresql_url: str
) -> None:
    collectors = [start_role("collect", "a"), start_role("collect", "b")]
    evaluators = {part.process.pid: part for part in (start_role("evaluate"), start_role("evaluate"))}
    dashboard = start_role("dashboard", "c")
    until(lambda: {name for name in holders(postgresql_url) if ":" in name} >= {"evaluate:text", "evaluate:drift"}, 60)

    watch_only(dashboard, "first")
    send(collectors, range(50))
    until(lambda: len(items(dashboard, "scores", evaluator="injection")) > 0, 60)
    before = holders(postgresql_url)
    assert before["alerting"] == before["evaluate:text"] != before["evaluate:drift"]
    until(lambda: len(hook.deliveries) == 1, 60)
    victim = evaluators.pop(int(before["evaluate:text"]))
    victim.kill()
    killed_s = time.monotonic()
    collectors[1].kill()
    send(collectors, range(50, 100))
    collectors[1] = start_role("collect", "b")  # drains what its spool had taken
    send(collectors, range(100, 120))

    [survivor] = evaluators
    until(lambda: holders(postgresql_url)["evaluate:text"] == str(survivor), TAKEN_OVER_WITHIN_S + 20)
    assert time.monotonic() - killed_s >= 5, "nobody may take over from one who was alive a moment ago"
    n_calls = 120 * SPANS_PER_EXPORT
    until(lambda: len(items(dashboard, "calls")) == n_calls, 120)
    ids = [call["call_id"] for call in items(dashboard, "calls")]
    assert len(set(ids)) == n_calls

    def scored() -> Counter[str]:
        return Counter(score["target_id"] for score in items(dashboard, "scores", evaluator="injection"))

    until(lambda: scored().keys() == set(ids), 120)
    assert set(scored().values()) == {1}
    watch_only(dashboard, "first", "second")
    until(lambda: len(hook.deliveries) == 2, 60)
    time.sleep(5)
    told = items(dashboard, "alerts")
    assert {alert["state"] for alert in told} <= {"pending", "firing"}
    assert Counter(hook.deliveries) == dict.fromkeys(hook.deliveries, 1)
    firing = [alert for alert in told if alert["state"] == "firing"]
    assert len(hook.deliveries) == len(firing)
    assert len({json.dumps([a["rule_id"], a["labels"]], sort_keys=True) for a in firing}) == len(firing)
    assert all(part.process.poll() is None for part in (*collectors, *evaluators.values(), dashboard))
    for part in (*collectors, *evaluators.values(), dashboard):
        part.process.send_signal(signal.SIGTERM)
    assert [part.process.wait(60) for part in (*collectors, *evaluators.values(), dashboard)] == [0] * 4


def test_replicas_agree_on_keys_cookies_and_redaction(
    start_role: Callable[..., Part], postgresql_url: str, run_watchkeeper: Run
) -> None:
    """A key that is made anywhere opens both dashboards, and a session that one has opened is good at the other."""
    first, second = start_role("dashboard", "a"), start_role("dashboard", "b")
    made = run_watchkeeper(
        "key", "create", "--scope", "read", "--scope", "ingest", WATCHKEEPER_SERVER__STATE_URL=postgresql_url
    )
    key = made.stdout.strip()
    for part in (first, second):
        until(lambda part=part: httpx.get(f"{part.url}/api/v1/calls").status_code == 401, 10)  # type: ignore[misc]
        assert httpx.get(f"{part.url}/api/v1/calls", headers={"authorization": f"Bearer {key}"}).status_code == 200
    engines = [open_state(postgresql_url) for _ in range(2)]
    for name in ("session_secret", "redaction_key", "sampling_key"):
        assert len({kept_secret(engine, name) for engine in engines}) == 1
    with httpx.Client(base_url=first.url, follow_redirects=False) as client:
        client.get("/login")
        token = client.cookies.get("_csrf_token") or ""
        answer = client.post("/login", data={"key": key, "csrf": token})
        cookies = {cookie.name: cookie.value for cookie in client.cookies.jar}
    assert answer.status_code in (200, 303), answer.text
    assert httpx.get(f"{second.url}/api/v1/calls", cookies=cookies).status_code == 200
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize("role", ["collect", "evaluate", "dashboard"])
def test_a_role_needs_a_store_that_can_be_shared(run_watchkeeper: Run, role: str) -> None:
    ended = run_watchkeeper(role, "--port", "0")
    assert ended.returncode == 2
    assert f"`watchkeeper {role}` shares its telemetry" in ended.stderr
    assert "set store.kind to 'elasticsearch'" in ended.stderr


def test_a_role_needs_a_state_database_that_can_be_shared(run_watchkeeper: Run) -> None:
    store = {
        "WATCHKEEPER_STORE__KIND": "elasticsearch",
        "WATCHKEEPER_STORE__ELASTICSEARCH__URL": "http://127.0.0.1:9200",
    }
    ended = run_watchkeeper("evaluate", "--port", "0", **store)
    assert ended.returncode == 2
    assert "set server.state_url to a PostgreSQL database" in ended.stderr
