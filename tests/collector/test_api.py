"""REST below /api/v1, on the real store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from collector.api import install_error_answers, shapes, telemetry_router, unknown_paths_router
from collector.calllog import call_of
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.gate import Gate
from collector.rows import batch_of, span_of_call
from collector.score import Score
from collector.span import Span, SpanEvent, SpanLink
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.times import parse_rfc3339
from collector.verdict import Effect, Pair, Verdict

NOW = "2026-11-21T12:00:00Z"
NOW_NS = parse_rfc3339(NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def gate(engine: Engine) -> Gate:
    return Gate(engine)


@pytest.fixture
def api(store: TelemetryStore, gate: Gate) -> Iterator[TestClient]:
    metrics = CollectorMetrics(CollectorRegistry())
    ingest = Ingest(store, metrics)
    app = FastAPI(openapi_url="/api/v1/openapi.json")
    install_error_answers(app)
    app.include_router(telemetry_router(store, ingest, lambda: NOW_NS, metrics, gate=gate, max_body_bytes=100_000))
    app.include_router(unknown_paths_router())
    app.get("/{path:path}")(lambda path: path)  # as the pages do
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    ingest.close()


def a_call(minute: int = 0, **fields: Any) -> dict[str, Any]:
    call = {"start_time": f"2026-11-21T11:{minute:02d}:00Z", "service": "shop", "request_model": "m", "latency_s": 1.0}
    return call | fields


def post_calls(api: TestClient, *calls: dict[str, Any]) -> list[str]:
    response = api.post("/api/v1/calls", json=list(calls))
    assert response.status_code == 200, response.text
    ids: list[str] = response.json()["ids"]
    return ids


def error_of(response: Any) -> tuple[int, str, str]:
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"type", "message"}
    return response.status_code, body["error"]["type"], body["error"]["message"]


def test_a_posted_call_is_read_back_as_it_was_sent(api: TestClient) -> None:
    sent = a_call(input_messages="hi", output_messages="hello", metadata={"k": [1, None]}, session_id="s", stream=False)
    [call_id] = post_calls(api, sent)
    got = api.get(f"/api/v1/calls/{call_id}").json()
    assert got == json.loads(json.dumps(call_of(sent).to_json()))
    assert api.get("/api/v1/calls").json() == {"items": [got], "next_cursor": None}


@pytest.mark.parametrize("text", ["a/b", "ü 😀", "a?b#c%", "\x00", "x" * 256, "'; DROP TABLE calls; --"])
def test_ids_and_texts_of_any_kind_come_back_and_can_be_asked_for(api: TestClient, text: str) -> None:
    post_calls(api, a_call(0, call_id=text, session_id=text, service=text, input_messages=text), a_call(1))
    quoted = quote(text, safe="")
    assert api.get(f"/api/v1/calls/{quoted}").json()["input_messages"][0]["parts"][0]["content"] == text
    for question in (f"sessions/{quoted}", f"calls?service={quoted}", f"calls?text={quoted}"):
        items = api.get(f"/api/v1/{question}").json()["items"]
        assert [item["call_id"] for item in items] == [text], question


def test_a_retry_is_stored_once(api: TestClient) -> None:
    assert post_calls(api, a_call(), a_call(1)) == post_calls(api, a_call(), a_call(1))
    assert len(api.get("/api/v1/calls").json()["items"]) == 2


def test_an_answer_of_the_api_can_be_posted_back(api: TestClient) -> None:
    post_calls(api, a_call(input_messages="hi"))
    page = api.get("/api/v1/calls").json()
    post_calls(api, *page["items"])
    assert api.get("/api/v1/calls").json() == page


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/jsonl; charset=utf-8"])
def test_json_lines_are_taken_by_their_content_type(api: TestClient, content_type: str) -> None:
    body = "\n".join(json.dumps(a_call(minute)) for minute in range(3))
    response = api.post("/api/v1/calls", content=body, headers={"content-type": content_type})
    assert response.json()["accepted"] == 3
    assert len(api.get("/api/v1/calls").json()["items"]) == 3


def test_who_asks_is_told_how_many_calls_were_new(api: TestClient) -> None:
    calls = [{"call_id": name, "start_time": "2026-11-21T10:00:00Z"} for name in ("a", "b", "a")]
    assert api.post("/api/v1/calls", params={"count": "true"}, json=calls).json()["stored"] == 2
    assert api.post("/api/v1/calls", params={"count": "true"}, json=calls).json()["stored"] == 0
    assert api.post("/api/v1/calls", json=calls).json()["stored"] is None


def test_one_bad_call_refuses_all_of_the_body_and_says_where(api: TestClient) -> None:
    response = api.post("/api/v1/calls", json=[a_call(), a_call(1, latency_s="slow")])
    status, kind, message = error_of(response)
    assert (status, kind) == (400, "bad_request")
    assert message.startswith("[1]: latency_s: ")
    assert api.get("/api/v1/calls").json()["items"] == []


def test_a_body_over_the_limit_is_too_large(api: TestClient) -> None:
    response = api.post("/api/v1/calls", json=a_call(input_messages="x" * 100_001))
    assert error_of(response)[:2] == (413, "too_large")


def test_another_content_type_is_named(api: TestClient) -> None:
    response = api.post("/api/v1/calls", content=b"a,b", headers={"content-type": "text/csv"})
    status, kind, message = error_of(response)
    assert (status, kind) == (415, "unsupported_media_type")
    assert "application/json" in message
    assert "text/csv" in message


def test_lists_cover_the_last_24_hours_unless_they_are_asked_for_more(api: TestClient) -> None:
    post_calls(api, a_call(), a_call() | {"start_time": "2026-11-20T11:59:59Z"})
    assert len(api.get("/api/v1/calls").json()["items"]) == 1
    wide = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "limit": 500}
    assert len(api.get("/api/v1/calls", params=wide).json()["items"]) == 2
    far = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert len(api.get("/api/v1/calls", params=far).json()["items"]) == 2


def test_since_is_inclusive_and_until_is_not(api: TestClient) -> None:
    post_calls(api, a_call(0), a_call(1), a_call(2))
    params = {"since": "2026-11-21T11:00:00Z", "until": "2026-11-21T11:02:00+00:00"}
    items = api.get("/api/v1/calls", params=params).json()["items"]
    assert [item["start_time"] for item in items] == ["2026-11-21T11:01:00Z", "2026-11-21T11:00:00Z"]


def test_pages_hold_every_call_once_while_new_calls_arrive(api: TestClient) -> None:
    ids = set(post_calls(api, *(a_call(minute) for minute in range(10))))
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = api.get("/api/v1/calls", params=params).json()
        seen += [item["call_id"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        post_calls(api, a_call(30 + pages))
    assert len(seen) == len(set(seen))
    assert set(seen) == ids
    assert pages == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service", "a"), ("environment", "a"), ("provider", "a"), ("request_model", "a"), ("response_model", "a"),
        ("session_id", "a"), ("user_id", "a"), ("trace_id", "ab" * 16), ("error_type", "a"),
    ],
)  # fmt: skip
def test_calls_are_filtered_by_each_field(api: TestClient, field: str, value: str) -> None:
    [wanted, _] = post_calls(api, a_call(0, **{field: value}), a_call(1))
    items = api.get("/api/v1/calls", params={field: value}).json()["items"]
    assert [item["call_id"] for item in items] == [wanted]


def test_a_trace_id_is_the_same_in_capitals(api: TestClient) -> None:
    post_calls(api, a_call(0, trace_id="ab" * 16))
    assert len(api.get("/api/v1/calls", params={"trace_id": "AB" * 16}).json()["items"]) == 1


def test_calls_are_filtered_by_error_and_by_text(api: TestClient) -> None:
    failed, other = post_calls(api, a_call(0, error_type="Timeout"), a_call(1, input_messages="Where is Ulm?"))
    for params, wanted in (({"has_error": "true"}, failed), ({"has_error": "false"}, other), ({"text": "ulm"}, other)):
        items = api.get("/api/v1/calls", params=params).json()["items"]
        assert [item["call_id"] for item in items] == [wanted], params


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("calls?servce=x", "servce: unknown parameter, did you mean service?"),
        ("calls?zzz=x", "zzz: unknown parameter, known here: cursor, environment"),
        ("calls/abc?limit=1", "limit: unknown parameter, this path takes none"),
        ("calls?service=a&service=b", "service: given 2 times"),
        ("calls?service=", "service: "),
        ("calls?limit=1001", "limit: input should be less than or equal to 1000, got '1001'"),
        ("calls?limit=0", "limit: "),
        ("calls?since=yesterday", "since: 'yesterday' is not an RFC 3339 time"),
        ("calls?since=2026-11-21T11:00:00Z&until=2026-11-21T10:00:00Z", "since (2026-11-21T11:00:00Z) is after until"),
        ("calls?cursor=nonsense", ""),
        ("calls?has_error=perhaps", "has_error: "),
        ("timeseries", "metric: missing"),
        ("timeseries?metric=latency", "metric[0]: unknown metric"),
        ("timeseries?metric=requests&by=colour", "by[0]: "),
        ("timeseries?metric=requests&step=never", "step: must be a time like 60s"),
        ("timeseries?metric=requests&step=0s", "step: must be a time like 60s"),
        ("timeseries?metric=requests&step=1s&since=2020-01-01T00:00:00Z", "step: 1 s cuts"),
        ("scores?source=robot", "source: input should be 'model', 'judge', 'human' or 'user'"),
        ("scores?session_id=x", "session_id: unknown parameter"),
        ("verdicts?provider=x", "provider: unknown parameter"),
    ],
)
def test_a_wrong_question_is_refused_with_what_to_write(api: TestClient, path: str, says: str) -> None:
    status, kind, message = error_of(api.get(f"/api/v1/{path}"))
    assert (status, kind) == (400, "bad_request")
    assert message.startswith(says)


@pytest.mark.parametrize("path", ["calls/none", "traces/none", "sessions/none"])
def test_an_unknown_id_is_not_found(api: TestClient, path: str) -> None:
    assert error_of(api.get(f"/api/v1/{path}"))[:2] == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/nothing"), ("GET", "/api"), ("POST", "/v1/traces"), ("PUT", "/api/v1/call")]
)
def test_an_unknown_path_answers_in_json(api: TestClient, method: str, path: str) -> None:
    assert error_of(api.request(method, path))[:2] == (404, "not_found")


def test_a_known_path_with_another_method_is_not_allowed(api: TestClient) -> None:
    assert error_of(api.delete("/api/v1/calls"))[:2] == (405, "method_not_allowed")


def test_a_session_lists_its_calls_of_all_time(api: TestClient) -> None:
    old = a_call(session_id="s") | {"start_time": "2026-01-01T00:00:00Z"}
    first, last, _ = post_calls(api, old, a_call(5, session_id="s"), a_call(6, session_id="t"))
    items = api.get("/api/v1/sessions/s").json()["items"]
    assert [item["call_id"] for item in items] == [last, first]


def test_a_trace_holds_its_spans_calls_and_scores(api: TestClient, store: TelemetryStore) -> None:
    call = call_of(a_call(trace_id="ab" * 16, span_id="cd" * 8))
    child = Span(
        trace_id="ab" * 16, span_id="ef" * 8, parent_span_id="cd" * 8, name="tool", kind="internal", operation=None,
        start_ns=call.start_ns, end_ns=call.start_ns + 500_000_000, status="ok", status_message=None,
        project="default", service="shop", environment=None, scope="lib",
        attributes={"a": 1, "b": [True, "x"]}, resource={"host": "h"},
        events=(SpanEvent(name="e", time_ns=call.start_ns, attributes={"k": "v"}),),
        links=(SpanLink(trace_id="12" * 16, span_id="34" * 8),),
    )  # fmt: skip
    store.write([batch_of([call], [span_of_call(call), child])])
    api.post("/api/v1/scores", json=a_score(call.call_id))
    trace = api.get(f"/api/v1/traces/{'AB' * 16}").json()
    shapes.TraceShape.model_validate(trace)
    [span] = [span for span in trace["spans"] if span["name"] == "tool"]
    assert span["duration_s"] == 0.5
    assert span["start_time"] == "2026-11-21T11:00:00Z"
    assert span["attributes"] == {"a": 1, "b": [True, "x"]}
    assert span["events"] == [{"name": "e", "time": "2026-11-21T11:00:00Z", "attributes": {"k": "v"}}]
    assert [c["call_id"] for c in trace["calls"]] == [call.call_id]
    assert [s["target_id"] for s in trace["scores"]] == [call.call_id]


def test_a_time_series_has_a_row_for_each_step_and_group(api: TestClient) -> None:
    post_calls(api, a_call(0), a_call(0, user_id="u"), a_call(1, service="bank"), a_call(10))
    params = {"metric": ["requests", "latency_p50_s"], "step": "5m", "by": "service"}
    rows = api.get("/api/v1/timeseries", params=params).json()
    assert rows == {
        "items": [
            {"time": "2026-11-21T11:00:00Z", "service": "bank", "requests": 1, "latency_p50_s": 1.0},
            {"time": "2026-11-21T11:00:00Z", "service": "shop", "requests": 2, "latency_p50_s": 1.0},
            {"time": "2026-11-21T11:10:00Z", "service": "shop", "requests": 1, "latency_p50_s": 1.0},
        ],
        "next_cursor": None,
    }
    assert api.get("/api/v1/timeseries", params={"metric": "requests"}).json()["items"] == [{"requests": 4}]


def a_score(target_id: str, **fields: Any) -> dict[str, Any]:
    return {"target_id": target_id, "evaluator": "human:groundedness", "source": "human", "value": 1.0} | fields


def test_a_posted_score_stands_on_its_call_with_the_facts_of_the_call(api: TestClient) -> None:
    [call_id] = post_calls(api, a_call(environment="prod"))
    mark = {"start": 0, "end": 4, "kind": "wrong"}
    sent = a_score(call_id, label="grounded", author="ada", explanation="why", marks=[mark])
    [score_id] = api.post("/api/v1/scores", json=sent).json()["ids"]
    [score] = api.get("/api/v1/scores").json()["items"]
    shapes.ScoreShape.model_validate(score)
    assert score["score_id"] == score_id
    assert score.items() >= sent.items()
    assert score.items() >= {
        "target_kind": "call", "target_start_time": "2026-11-21T11:00:00Z", "service": "shop", "environment": "prod",
        "request_model": "m", "time": NOW,
    }.items()  # fmt: skip


def test_a_score_again_replaces_the_first_and_another_author_adds_one(api: TestClient) -> None:
    [call_id] = post_calls(api, a_call())
    for author, value in (("ada", 1.0), ("ada", 0.0), ("bob", 1.0)):
        assert api.post("/api/v1/scores", json=a_score(call_id, author=author, value=value)).status_code == 200
    scores = api.get("/api/v1/scores", params={"target_id": call_id, "source": "human"}).json()["items"]
    assert {(score["author"], score["value"]) for score in scores} == {("ada", 0.0), ("bob", 1.0)}


def test_a_user_and_a_reviewer_without_names_write_over_their_own_scores_only(api: TestClient) -> None:
    [call_id] = post_calls(api, a_call())
    sent = [a_score(call_id, source=source, evaluator="thumbs", author=None) for source in ("user", "human", "user")]
    for score in sent:
        assert api.post("/api/v1/scores", json=score).status_code == 200
    items = api.get("/api/v1/scores", params={"evaluator": "thumbs"}).json()["items"]
    assert sorted(score["source"] for score in items) == ["human", "user"]


def test_an_answer_about_scores_can_be_posted_back(api: TestClient) -> None:
    [call_id] = post_calls(api, a_call())
    api.post("/api/v1/scores", json=a_score(call_id))
    page = api.get("/api/v1/scores").json()
    assert api.post("/api/v1/scores", json=page["items"]).status_code == 200
    assert api.get("/api/v1/scores").json() == page


def test_a_score_of_a_session_stands_at_its_first_call(api: TestClient) -> None:
    post_calls(api, a_call(3, session_id="s"), a_call(1, session_id="s"))
    sent = a_score("s", target_kind="session", source="user", evaluator="thumbs")
    assert api.post("/api/v1/scores", json=sent).status_code == 200
    [score] = api.get("/api/v1/scores", params={"evaluator": "thumbs"}).json()["items"]
    assert score["target_start_time"] == "2026-11-21T11:01:00Z"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"source": "judge"}, "source: "),
        ({"value": 1.5}, "value: "),
        ({"value": None}, "value or label must be given"),
        ({"marks": [{"start": 3, "end": 3, "kind": "x"}]}, "marks[0]: start must be below end"),
        ({"valeu": 1}, "valeu: unknown, did you mean value?"),
        ({"time": "now"}, "time: "),
        ({"evaluator": "groundedness"}, "evaluator: is computed here; choose a name of your own"),
        ({"evaluator": "judge:helpfulness"}, "evaluator: is computed here"),
    ],
)
def test_a_wrong_score_is_refused_with_what_to_write(api: TestClient, fields: dict[str, Any], says: str) -> None:
    [call_id] = post_calls(api, a_call())
    status, _, message = error_of(api.post("/api/v1/scores", json=a_score(call_id, **fields)))
    assert status == 400
    assert says in message


def test_a_score_of_nothing_is_not_found(api: TestClient) -> None:
    assert error_of(api.post("/api/v1/scores", json=a_score("none")))[:2] == (404, "not_found")


def a_verdict(**fields: Any) -> Verdict:
    effect = Effect(
        behaviour="n_words", title="Words", d=1.0, low=0.5, high=1.5, reference_mean=10.0, current_mean=float("nan")
    )
    pair = Pair(prompt_before="p", before="b", before_call_id="1", prompt_after="p", after="a", after_call_id="2")
    values = {
        "verdict_id": "v1", "monitor": "m1", "project": "default", "service": "shop", "request_model": "m",
        "outcome": "model_changed", "decided_ns": NOW_NS - 1, "reference_start_ns": NOW_NS - 100,
        "reference_end_ns": NOW_NS - 50, "current_start_ns": NOW_NS - 50, "current_end_ns": NOW_NS - 1,
        "n_reference": 200, "n_current": 50, "statistic": 12.5, "p_value": 0.005, "alpha": 0.01, "guarantee": "g",
        "explanation": "e", "effects": (effect,), "pairs": (pair,),
    }  # fmt: skip
    return Verdict(**values | fields)


def test_verdicts_are_listed_and_a_number_that_is_none_is_null(api: TestClient, store: TelemetryStore) -> None:
    store.write_verdicts([a_verdict()])
    response = api.get("/api/v1/verdicts", params={"service": "shop"})
    assert "NaN" not in response.text
    [verdict] = response.json()["items"]
    assert verdict["outcome"] == "model_changed"
    assert verdict["decided_time"] == "2026-11-21T11:59:59.999999999Z"
    assert verdict["effects"][0]["current_mean"] is None
    assert api.get("/api/v1/verdicts", params={"service": "bank"}).json()["items"] == []


def test_the_shapes_in_openapi_are_those_of_the_answers(api: TestClient, store: TelemetryStore) -> None:
    post_calls(api, a_call(input_messages="hi"))
    shapes.CallShape.model_validate(api.get("/api/v1/calls").json()["items"][0])
    effect = Effect(behaviour="b", title="t", d=1.0, low=0.5, high=1.5, reference_mean=1.0, current_mean=2.0)
    store.write_verdicts([a_verdict(effects=(effect,))])
    shapes.VerdictShape.model_validate(api.get("/api/v1/verdicts").json()["items"][0])
    document = api.get("/api/v1/openapi.json").json()
    paths = {
        "calls",
        "calls/{call_id}",
        "traces/{trace_id}",
        "sessions/{session_id}",
        "timeseries",
        "scores",
        "verdicts",
    }
    assert {f"/api/v1/{path}" for path in paths} <= set(document["paths"])
    operations = [document["paths"][f"/api/v1/{path}"]["get"] for path in paths]
    assert all(operation["responses"].keys() == {"200", "4XX", "503"} for operation in operations)
    names = {parameter["name"] for parameter in document["paths"]["/api/v1/calls"]["get"]["parameters"]}
    assert names >= {"since", "until", "limit", "cursor", "project", "service", "text"}


def test_a_score_by_an_evaluator_is_listed_with_the_others(api: TestClient, store: TelemetryStore) -> None:
    score = Score(
        target_id="c", target_start_ns=NOW_NS - 1, evaluator="groundedness", version="1", source="model", value=0.5,
        created_ns=NOW_NS,
    )  # fmt: skip
    store.write_scores([score])
    assert api.get("/api/v1/scores", params={"source": "model"}).json()["items"] == [score.to_json()]


def test_a_store_that_is_closed_is_unavailable_and_says_when_to_come_back(
    api: TestClient, store: TelemetryStore
) -> None:
    store.close()
    response = api.post("/api/v1/calls", json=a_call())
    assert error_of(response)[:2] == (503, "store_unavailable")
    assert int(response.headers["retry-after"]) >= 1
