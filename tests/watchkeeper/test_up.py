"""`watchkeeper up`: what it promises to those who send, ask and operate."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.times import format_rfc3339

SHARED = Path(__file__).parents[3] / "shared"
FOREVER = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "limit": "1000"}


START_TIME = format_rfc3339(time.time_ns())


def a_call(call_id: str) -> dict[str, Any]:
    return {"call_id": call_id, "start_time": START_TIME, "service": "shop", "input_messages": f"question {call_id}"}


def post(platform: Any, *call_ids: str) -> None:
    httpx.post(f"{platform.api}/calls", json=[a_call(i) for i in call_ids], timeout=60).raise_for_status()


def stored_ids(platform: Any) -> list[str]:
    ids: list[str] = []
    params = dict(FOREVER)
    while True:
        page = httpx.get(f"{platform.api}/calls", params=params, timeout=60).raise_for_status().json()
        ids += [call["call_id"] for call in page["items"]]
        if not page["next_cursor"]:
            return ids
        params["cursor"] = page["next_cursor"]


def an_export(number: int) -> tuple[str, bytes]:
    """(trace id, an OTLP export of one chat span)"""
    trace_id = f"{number:032x}"
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes.fromhex(trace_id), bytes.fromhex(f"{number:016x}")
    span.name = "chat m"
    span.start_time_unix_nano = time.time_ns()
    span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000_000
    for key, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")):
        span.attributes.add(key=key).value.string_value = value
    return trace_id, request.SerializeToString()


def post_export(platform: Any, body: bytes) -> httpx.Response:
    headers = {"content-type": "application/x-protobuf"}
    return httpx.post(f"{platform.otlp_http}/v1/traces", content=body, headers=headers, timeout=60)


def test_it_is_healthy_ready_and_measured_when_the_ready_line_is_out(platform: Any) -> None:
    assert httpx.get(f"{platform.ui}/healthz").json() == {"status": "ok"}
    ready = httpx.get(f"{platform.ui}/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    post(platform, "a")
    post(platform, "a")
    assert httpx.post(f"{platform.api}/calls", json={}).status_code == 400
    metrics = httpx.get(f"{platform.ui}/metrics").text
    assert 'watchkeeper_accepted_spans_total{transport="rest"} 2.0' in metrics
    assert 'watchkeeper_rejected_requests_total{reason="400",transport="rest"} 1.0' in metrics
    assert "watchkeeper_stored_calls_total 1.0" in metrics
    assert "watchkeeper_duplicate_spans_total 1.0" in metrics
    assert "watchkeeper_commit_seconds_count 2.0" in metrics
    assert "process_resident_memory_bytes" in metrics


def test_calls_come_in_by_rest_and_by_otlp_and_are_asked_for_in_one_place(platform: Any) -> None:
    post(platform, "a")
    trace_id, body = an_export(7)
    assert post_export(platform, body).status_code == 200
    ids = set(stored_ids(platform))
    assert "a" in ids
    assert len(ids) == 2
    [call] = httpx.get(f"{platform.api}/traces/{trace_id}").json()["calls"]
    assert call["request_model"] == "m"
    assert call["latency_s"] == 1.0


def test_what_was_acknowledged_survives_a_kill(start_platform: Callable[..., Any]) -> None:
    platform = start_platform()
    post(platform, "a", "b")
    trace_id, body = an_export(7)
    assert post_export(platform, body).status_code == 200
    platform.kill()
    again = start_platform()
    assert len(stored_ids(again)) == 3
    assert {"a", "b"} < set(stored_ids(again))
    assert httpx.get(f"{again.api}/traces/{trace_id}").status_code == 200


def test_a_stop_under_load_loses_nothing_that_was_acknowledged(start_platform: Callable[..., Any]) -> None:
    platform = start_platform()
    acknowledged: list[str] = []

    def send(sender: int) -> None:
        number = 0
        while True:
            number += 1
            trace_id, body = an_export(sender * 1_000_000 + number)
            try:
                if sender % 2:
                    post(platform, f"s{sender}-{number}")
                    acknowledged.append(f"s{sender}-{number}")
                elif post_export(platform, body).status_code == 200:
                    acknowledged.append(trace_id[16:] + f"{sender * 1_000_000 + number:016x}")
            except httpx.HTTPError:
                return  # the process has stopped taking; what it did not acknowledge is ours to send again

    senders = [threading.Thread(target=send, args=(sender,)) for sender in (1, 2, 3, 4)]
    for sender in senders:
        sender.start()
    deadline_s = time.monotonic() + 60
    while len(acknowledged) < 100 and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert platform.stop() == 0
    for sender in senders:
        sender.join(60)
    assert len(acknowledged) >= 100
    assert set(acknowledged) <= set(stored_ids(start_platform()))


def test_an_unfinished_request_does_not_hold_up_a_stop_for_ever(start_platform: Callable[..., Any]) -> None:
    platform = start_platform(WATCHKEEPER_SERVER__DRAIN_TIMEOUT_S="1")
    with half_a_request(platform):
        started_s = time.monotonic()
        assert platform.stop() == 0
        assert time.monotonic() - started_s < 20


def test_an_open_page_does_not_hold_up_a_stop(start_platform: Callable[..., Any]) -> None:
    platform = start_platform(WATCHKEEPER_SERVER__DRAIN_TIMEOUT_S="600")
    with httpx.stream("GET", f"{platform.ui}/_ui/events", timeout=60) as stream:
        first = next(stream.iter_bytes())
        assert b"retry" in first
        assert platform.stop() == 0


def test_a_second_signal_ends_the_process_at_once(start_platform: Callable[..., Any]) -> None:
    platform = start_platform(WATCHKEEPER_SERVER__DRAIN_TIMEOUT_S="600")
    with half_a_request(platform):
        platform.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            platform.process.wait(2)
        platform.process.terminate()
        assert platform.process.wait(10) == 128 + 15


def half_a_request(platform: Any) -> socket.socket:
    host, port = platform.ui.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    head = (
        f"POST /api/v1/calls HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    connection.sendall(head.encode() + b"[")
    time.sleep(0.5)  # the server reads the head
    return connection


@pytest.mark.parametrize("body", [b"\x00\xff nonsense", b"\x0a\xff\xff\xff\xff\x0f"])
def test_bytes_that_are_no_export_are_refused(platform: Any, body: bytes) -> None:
    assert post_export(platform, body).status_code == 400
    assert httpx.get(f"{platform.ui}/readyz").status_code == 200


def test_a_body_over_the_configured_limit_is_refused_on_both_ports(start_platform: Callable[..., Any]) -> None:
    platform = start_platform(WATCHKEEPER_COLLECTOR__MAX_BODY_BYTES="2048")
    body = b" " * 2049
    rest = httpx.post(f"{platform.api}/calls", content=body, headers={"content-type": "application/json"})
    assert rest.status_code == 413
    assert rest.json()["error"]["type"] == "too_large"
    assert post_export(platform, body).status_code == 413


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api", "/v1/traces"])
def test_an_unknown_path_of_the_api_is_no_page(platform: Any, path: str) -> None:
    response = httpx.get(f"{platform.ui}{path}")
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found"


def test_real_captures_are_understood(platform: Any) -> None:
    captures = SHARED / "otlp-captures"
    folders = ["openinference-instrumentation-openai-0.1.66", "opentelemetry-instrumentation-genai-openai-1.3b0"]
    check = [sys.executable, str(captures / "check.py"), "--otlp-http", platform.otlp_http, "--otlp-grpc"]
    check += [platform.otlp_grpc, "--api", platform.api, *(str(captures / folder) for folder in folders)]
    result = subprocess.run(check, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_answer_is_scored_against_its_contexts(platform: Any) -> None:
    context = "The parcel left Hamburg on Monday and was scanned in Ulm on Tuesday."
    call = a_call("a") | {"output_messages": "Your parcel was scanned in Ulm on Tuesday.", "contexts": [context]}
    httpx.post(f"{platform.api}/calls", json=call).raise_for_status()
    params = {"target_id": "a", "evaluator": "groundedness"}
    deadline_s = time.monotonic() + 120
    while not (scores := httpx.get(f"{platform.api}/scores", params=params).json()["items"]):
        assert time.monotonic() < deadline_s, httpx.get(f"{platform.ui}/metrics").text
        time.sleep(0.2)
    assert scores[0]["label"] == "grounded"
    assert scores[0]["source"] == "model"
    assert scores[0]["service"] == "shop"
    assert 'watchkeeper_evaluator_scores_total{evaluator="text"}' in httpx.get(f"{platform.ui}/metrics").text


def test_the_pages_are_on_the_same_port(platform: Any) -> None:
    page = httpx.get(platform.ui)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "Watchkeeper" in page.text


def test_readiness_names_each_check(platform: Any) -> None:
    checks = httpx.get(f"{platform.ui}/readyz").json()["checks"]
    assert checks == dict.fromkeys(("servers", "state", "evaluation", "store", "ingest", "spool"), "ok")


def test_a_judge_that_cannot_be_reached_shows_in_the_metrics(start_platform: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    platform = start_platform(
        WATCHKEEPER_EVALUATORS__QUIET_S="0",
        WATCHKEEPER_EVALUATORS__JUDGE__BASE_URL=f"http://127.0.0.1:{port}/v1",
        WATCHKEEPER_EVALUATORS__JUDGE__MODEL="judge-1",
        WATCHKEEPER_EVALUATORS__JUDGE__SAMPLE_RATE="1",
    )
    call = {
        "start_time": format_rfc3339(time.time_ns()), "input_messages": "Where?", "output_messages": "In Ulm.",
        "contexts": ["Parcel 7 was scanned in Ulm."],
    }  # fmt: skip
    assert httpx.post(f"{platform.api}/calls", json=call).status_code == 200
    deadline_s = time.monotonic() + 30
    failed = 'watchkeeper_judge_verdicts_total{outcome="failed"} 1.0'
    while failed not in (metrics := httpx.get(f"{platform.ui}/metrics").text) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert failed in metrics


def test_the_time_series_counts_what_came_in(platform: Any) -> None:
    post(platform, *(f"c{i}" for i in range(5)))
    since = format_rfc3339(time.time_ns() - 3600 * 10**9)
    params = {"metric": "requests", "by": "service", "since": since}
    rows = httpx.get(f"{platform.api}/timeseries", params=params).json()["items"]
    assert rows == [{"service": "shop", "requests": 5}]
