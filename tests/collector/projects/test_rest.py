"""REST with keys: every path, asked by one project about another's data."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.api import install_error_answers, telemetry_router, unknown_paths_router
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.book import ProjectBook
from collector.projects.gate import Gate
from collector.projects.sampling import is_kept
from collector.projects.sessions import SESSION_COOKIE
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.times import format_rfc3339

Headers = dict[str, str]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def gate(open_gate: Callable[..., Gate]) -> Gate:
    return open_gate()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def api(store: TelemetryStore, gate: Gate, clock: Any, registry: CollectorRegistry) -> Iterator[TestClient]:
    metrics = CollectorMetrics(registry)
    ingest = Ingest(store, metrics)
    app = FastAPI(openapi_url="/api/v1/openapi.json")
    install_error_answers(app)
    app.include_router(telemetry_router(store, ingest, clock, metrics, gate=gate, max_body_bytes=100_000))
    app.include_router(unknown_paths_router())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    ingest.close()


@pytest.fixture
def key(book: ProjectBook, gate: Gate) -> Callable[..., Headers]:
    """`key("shop", "read")`: headers with a new key; the project is made where there is none."""

    def make(project: str | None, *scopes: Any, **fields: Any) -> Headers:
        if project is not None and project not in [known.name for known in book.projects()]:
            book.create_project(project)
        secret = book.create_key(project=project, scopes=scopes, **fields).secret
        gate.refresh()
        return {"Authorization": f"Bearer {secret}"}

    return make


def a_call(clock: Any, **fields: Any) -> dict[str, Any]:
    return {"start_time": format_rfc3339(clock() - 10**9), "request_model": "m", "output_messages": "hi"} | fields


def error_of(response: Any) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["type"], error["message"]


def test_every_path_asks_for_a_key(api: TestClient, key: Callable[..., Headers]) -> None:
    key("shop", "admin")
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    routes = [(method, path) for path, methods in paths.items() for method in methods]
    assert len(routes) >= 9
    for method, template in routes:
        path = re.sub(r"\{[^}]*\}", "1", template)
        for headers in ({}, {"Authorization": "Bearer wk_" + "x" * 43}, {"Cookie": f"{SESSION_COOKIE}=a.1.b"}):
            response = api.request(method, path, headers=headers)
            assert error_of(response)[:2] == (401, "unauthenticated"), (method, path)
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_without_the_scope_is_forbidden(api: TestClient, key: Callable[..., Headers], clock: Any) -> None:
    reads, ingests = key("shop", "read"), key("shop", "ingest")
    assert error_of(api.post("/api/v1/calls", json=a_call(clock), headers=reads))[:2] == (403, "forbidden")
    assert error_of(api.post("/api/v1/scores", json=[], headers=reads))[:2] == (403, "forbidden")
    assert error_of(api.get("/api/v1/calls", headers=ingests))[:2] == (403, "forbidden")
    assert api.post("/api/v1/calls", json=a_call(clock), headers=ingests).status_code == 200
    assert len(api.get("/api/v1/calls", headers=reads).json()["items"]) == 1


def test_who_is_refused_is_told_so_before_anything_else(api: TestClient, key: Callable[..., Headers]) -> None:
    reads = key("shop", "read")
    assert api.get("/api/v1/calls?nonsense=1").status_code == 401
    assert api.get("/api/v1/calls?nonsense=1", headers=reads).status_code == 400
    assert api.post("/api/v1/calls", content=b"\xff" * 200_000).status_code == 401


@pytest.fixture
def two(api: TestClient, key: Callable[..., Headers], clock: Any) -> tuple[Headers, Headers, dict[str, Any]]:
    """Keys of two projects, and a call of the second with a score, a trace and a session."""
    mine, theirs = key("mine", "ingest", "read"), key("theirs", "ingest", "read")
    sent = a_call(clock, call_id="their-call", session_id="their-session", trace_id="ab" * 16, span_id="cd" * 8)
    [call_id] = api.post("/api/v1/calls", json=sent, headers=theirs).json()["ids"]
    score = {"target_id": call_id, "evaluator": "user:stars", "source": "user", "value": 1}
    assert api.post("/api/v1/scores", json=score, headers=theirs).status_code == 200
    return mine, theirs, api.get(f"/api/v1/calls/{call_id}", headers=theirs).json()


@pytest.mark.parametrize("path", ["calls/their-call", f"traces/{'ab' * 16}", "sessions/their-session"])
def test_what_another_project_has_is_not_there(api: TestClient, two: Any, path: str) -> None:
    mine, theirs, _ = two
    assert api.get(f"/api/v1/{path}", headers=theirs).status_code == 200
    assert error_of(api.get(f"/api/v1/{path}", headers=mine))[:2] == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "calls", "calls?session_id=their-session", f"calls?trace_id={'ab' * 16}", "scores",
        "scores?target_id=their-call", "verdicts", "spans", f"spans?trace_id={'ab' * 16}",
        "timeseries?metric=requests&by=project",
        "timeseries?metric=score:user:stars:n&by=project",
    ],
)  # fmt: skip
def test_no_list_shows_it_and_asking_for_it_by_name_is_refused(api: TestClient, two: Any, path: str) -> None:
    mine, theirs, _ = two
    own = api.get(f"/api/v1/{path}", headers=theirs).json()["items"]
    assert own or path == "verdicts"
    assert own == api.get(f"/api/v1/{path}{'&' if '?' in path else '?'}project=theirs", headers=theirs).json()["items"]
    assert not [row for row in api.get(f"/api/v1/{path}", headers=mine).json()["items"] if row.get("requests") != 0]
    refused = api.get(f"/api/v1/{path}{'&' if '?' in path else '?'}project=theirs", headers=mine)
    assert error_of(refused)[:2] == (403, "forbidden")


def test_a_cursor_of_another_project_leads_to_nothing_of_it(api: TestClient, two: Any, clock: Any) -> None:
    mine, theirs, _ = two
    api.post("/api/v1/calls", json=[a_call(clock, call_id=f"c{i}") for i in range(3)], headers=theirs)
    cursor = api.get("/api/v1/calls?limit=1", headers=theirs).json()["next_cursor"]
    assert api.get(f"/api/v1/calls?cursor={cursor}", headers=mine).json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "target_id"), [("call", "their-call"), ("trace", "ab" * 16), ("session", "their-session")]
)
def test_nobody_scores_what_is_not_theirs(api: TestClient, two: Any, kind: str, target_id: str) -> None:
    mine, theirs, _ = two
    score = {"target_kind": kind, "target_id": target_id, "evaluator": "user:stars", "source": "user", "value": 0}
    assert error_of(api.post("/api/v1/scores", json=score, headers=mine))[:2] == (404, "not_found")
    assert api.post("/api/v1/scores", json=score, headers=theirs).status_code == 200


def test_the_project_comes_from_the_key(api: TestClient, two: Any, clock: Any) -> None:
    mine, theirs, theirs_call = two
    assert theirs_call["project"] == "theirs"
    refused = api.post("/api/v1/calls", json=[a_call(clock, project="theirs")], headers=mine)
    status, kind, message = error_of(refused)
    assert (status, kind) == (403, "forbidden")
    assert "this key is for 'mine', the body says 'theirs'" in message
    sent_back = {k: v for k, v in theirs_call.items() if v is not None}
    assert api.post("/api/v1/calls", json=sent_back, headers=theirs).status_code == 200
    score = {"target_id": "their-call", "evaluator": "user:x", "source": "user", "value": 1, "project": "mine"}
    assert error_of(api.post("/api/v1/scores", json=score, headers=theirs))[0] == 403


def test_two_projects_may_use_the_same_ids(api: TestClient, two: Any, clock: Any) -> None:
    mine, theirs, _ = two
    for headers, text in ((mine, "of mine"), (theirs, "of theirs")):
        sent = a_call(clock, call_id="1", output_messages=text)
        assert api.post("/api/v1/calls?count=true", json=sent, headers=headers).json()["stored"] == 1
        score = {"target_id": "1", "evaluator": "user:x", "source": "user", "value": 1}
        assert api.post("/api/v1/scores", json=score, headers=headers).status_code == 200
    for headers, text in ((mine, "of mine"), (theirs, "of theirs")):
        found = api.get("/api/v1/calls/1", headers=headers).json()
        assert found["output_messages"][0]["parts"][0]["content"] == text
        assert len(api.get("/api/v1/scores?evaluator=user:x", headers=headers).json()["items"]) == 1


def test_a_key_for_all_projects_sees_and_names_them_all(
    api: TestClient, two: Any, key: Callable[..., Headers], clock: Any
) -> None:
    admin = key(None, "admin")
    assert api.get("/api/v1/calls/their-call", headers=admin).status_code == 200
    api.post("/api/v1/calls", json=[a_call(clock, project="mine"), a_call(clock)], headers=admin)
    projects = [call["project"] for call in api.get("/api/v1/calls", headers=admin).json()["items"]]
    assert sorted(projects) == ["default", "mine", "theirs"]


def test_over_the_rate_it_is_429_with_the_time_to_wait(
    api: TestClient, key: Callable[..., Headers], clock: Any, registry: CollectorRegistry
) -> None:
    ingests = key("shop", "ingest", rate_limit_spans_per_s=1, burst_spans=2)
    assert api.post("/api/v1/calls", json=[a_call(clock, call_id=str(i)) for i in range(2)], headers=ingests).is_success
    refused = api.post("/api/v1/calls", json=a_call(clock, call_id="3"), headers=ingests)
    assert error_of(refused)[:2] == (429, "too_many_requests")
    assert refused.headers["Retry-After"] == "1"
    labels = {"transport": "rest", "reason": "429"}
    assert registry.get_sample_value("watchkeeper_rejected_requests_total", labels) == 1
    clock.move(1)
    assert api.post("/api/v1/calls", json=a_call(clock, call_id="3"), headers=ingests).is_success


def test_of_a_sampled_key_whole_traces_are_kept_and_the_rest_is_said(
    api: TestClient, key: Callable[..., Headers], clock: Any
) -> None:
    ingests, reads = key("shop", "ingest", sample_rate=0.5), key("shop", "read")
    calls = [a_call(clock, trace_id=f"{i // 2:032x}", span_id=f"{i + 1:016x}") for i in range(40)]
    answer = api.post("/api/v1/calls", json=calls, headers=ingests).json()
    kept = {call["trace_id"] for call in calls if is_kept(call["trace_id"], 0.5)}
    assert 0 < len(kept) < 20
    assert (answer["accepted"], answer["sampled_out"]) == (2 * len(kept), 40 - 2 * len(kept))
    assert len(answer["ids"]) == 40
    stored = api.get("/api/v1/calls?limit=100", headers=reads).json()["items"]
    assert len(stored) == 2 * len(kept)
    assert {call["trace_id"] for call in stored} == kept


def test_a_signed_in_browser_reads_and_changes_nothing(
    api: TestClient, key: Callable[..., Headers], gate: Gate, clock: Any
) -> None:
    secret = key("shop", "admin")["Authorization"].removeprefix("Bearer ")
    cookie = {"Cookie": f"{SESSION_COOKIE}={gate.sign_in(secret)}"}
    assert api.get("/api/v1/calls", headers=cookie).status_code == 200
    assert error_of(api.post("/api/v1/calls", json=a_call(clock), headers=cookie))[0] == 401
    assert error_of(api.post("/api/v1/scores", json=[], headers=cookie))[0] == 401
