"""`watchkeeper up`: what it tells of itself over REST and on its pages."""

import time
from typing import Any

import httpx


def test_what_was_taken_and_refused_is_told_over_rest_and_on_the_page(platform: Any) -> None:
    call = {"start_time": "2026-01-01T00:00:00Z", "request_model": "no-such-model", "input_messages": "hello"}
    httpx.post(f"{platform.api}/calls", json=call, timeout=60).raise_for_status()
    assert httpx.post(f"{platform.api}/calls", json={}, timeout=60).status_code == 400
    httpx.get(f"{platform.api}/calls", timeout=60).raise_for_status()  # then it is in the store
    system = httpx.get(f"{platform.api}/system", timeout=60).raise_for_status().json()
    assert system["accepted"] == [{"signal": "traces", "transport": "rest", "total": 1, "recent": 1}]
    assert system["refused"] == [{"transport": "rest", "reason": "400", "total": 1, "recent": 1}]
    assert system["unpriced_calls"]["total"] == 1
    assert system["disk"]["days"] == 1
    assert system["commits"]["total"] >= 1
    assert set(system["problems"].values()) == {None}
    deadline_s = time.monotonic() + 60  # how far an evaluator is, is known from its first batch on
    while "text" not in {lag["evaluator"] for lag in system["lags"]} and time.monotonic() < deadline_s:
        time.sleep(0.2)
        system = httpx.get(f"{platform.api}/system", timeout=60).raise_for_status().json()
    assert "text" in {lag["evaluator"] for lag in system["lags"]}
    page = httpx.get(f"{platform.ui}/_ui/answer/system", timeout=60).raise_for_status().text
    assert "1 request over REST refused (400)" in page
    coverage = httpx.get(f"{platform.ui}/_ui/answer/system/redaction", timeout=60).raise_for_status().text
    assert "API key" in coverage
