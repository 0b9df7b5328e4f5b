"""Collectors, evaluators and a dashboard as processes of their own, on a real Elasticsearch and a real PostgreSQL: they
are loaded, some are killed, and everything is counted."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import create_engine, text

from collector.state import open_state
from collector.state.secrets import kept_secret
from collector.store.elasticsearch.config import ElasticsearchConfig

Run = Callable[..., subprocess.CompletedProcess[str]]
FOREVER = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "limit": "1000"}
SPANS_PER_EXPORT = 20
TAKEN_OVER_WITHIN_S = 20.0  # a lease of 15 s and a round of 3 s


@dataclass
class Part:
    """One running process."""

    process: subprocess.Popen[str]
    ready: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.ready.get("ui") or self.ready["http"]

    def metric(self, name: str) -> float:
        for line in httpx.get(f"{self.url}/metrics", timeout=30).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        return 0.0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


@dataclass
class Hook:
    """Who is told of alerts: a real HTTP server that notes the delivery ids."""

    url: str
    deliveries: list[str]


@pytest.fixture
def hook() -> Iterator[Hook]:
    deliveries: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            deliveries.append(self.headers["X-Watchkeeper-Delivery"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield Hook(f"http://127.0.0.1:{server.server_port}/hook", deliveries)
    server.shutdown()
    server.server_close()


@pytest.fixture
def start(
    postgresql_url: str, elasticsearch: ElasticsearchConfig, tmp_path: Path, hook: Hook, watchkeeper: Any
) -> Iterator[Callable[..., Part]]:
    """`start(role, data_dir="a")`: a process of this role on the shared databases."""
    receivers = [{"name": "oncall", "url": hook.url, "secret": "a secret of this test"}]
    environment = os.environ | {
        "WATCHKEEPER_SERVER__STATE_URL": postgresql_url,
        "WATCHKEEPER_STORE__KIND": "elasticsearch",
        "WATCHKEEPER_STORE__ELASTICSEARCH__URL": elasticsearch.url,
        "WATCHKEEPER_STORE__ELASTICSEARCH__PREFIX": elasticsearch.prefix,
        "WATCHKEEPER_STORE__ELASTICSEARCH__REPLICAS": "0",
        "WATCHKEEPER_EVALUATORS__EMBED__ENABLED": "false",
        "WATCHKEEPER_EVALUATORS__ALERTS__INTERVAL_S": "1",
        "WATCHKEEPER_EVALUATORS__ALERTS__RECEIVERS": json.dumps(receivers),
    }
    started: list[subprocess.Popen[str]] = []

    def one(role: str, data_dir: str = "data") -> Part:
        options = ["--port", "0"]
        if role != "evaluate":
            options += ["--data-dir", str(tmp_path / data_dir)]
        if role == "collect":
            options += ["--otlp-http-port", "0", "--otlp-grpc-port", "0"]
        process = subprocess.Popen(
            watchkeeper(role, *options), env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{role}: no ready line; exit status {process.wait(30)}"
        return Part(process, json.loads(line))

    yield one
    for process in started:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def an_export(number: int) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add().scope_spans.add()
    for place in range(SPANS_PER_EXPORT):
        span = group.spans.add()
        span.trace_id, span.span_id = (number + 1).to_bytes(16), (number * SPANS_PER_EXPORT + place + 1).to_bytes(8)
        span.name, span.kind = "chat m", 3
        span.start_time_unix_nano = time.time_ns() - 10**9
        span.end_time_unix_nano = span.start_time_unix_nano + 10**9
        answer = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": f"answer {number}"}]}])
        question = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"question {place}"}]}])
        for key, value in (
            ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("error.type", "timeout"),
            ("gen_ai.input.messages", question), ("gen_ai.output.messages", answer),
        ):  # fmt: skip
            span.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


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


def items(part: Part, kind: str, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asked = FOREVER | params
    while True:
        page = httpx.get(f"{part.url}/api/v1/{kind}", params=asked, timeout=60).raise_for_status().json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        asked = asked | {"cursor": page["next_cursor"]}


def until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s"
        time.sleep(0.3)


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
    start: Callable[..., Part], hook: Hook, postgresql_url: str
) -> None:
    collectors = [start("collect", "a"), start("collect", "b")]
    evaluators = {part.process.pid: part for part in (start("evaluate"), start("evaluate"))}
    dashboard = start("dashboard", "c")
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
    collectors[1] = start("collect", "b")  # drains what its spool had taken
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
    start: Callable[..., Part], postgresql_url: str, run_watchkeeper: Run
) -> None:
    """A key that is made anywhere opens both dashboards, and a session that one has opened is good at the other."""
    first, second = start("dashboard", "a"), start("dashboard", "b")
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
