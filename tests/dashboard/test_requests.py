"""What the UI port answers, without a browser."""

import inspect
import json
import re
import threading
import time
from collections.abc import Callable

import dash
import httpx
import pytest
from fastapi import FastAPI

from collector.projects.gate import Gate
from dashboard.app import build
from dashboard.pages import PAGES
from tests.dashboard.conftest import Site
from tests.dashboard.seed import World, seed


@pytest.fixture(scope="module")
def client(site: Site) -> httpx.Client:
    return httpx.Client(base_url=site.url, timeout=20)


def change(client: httpx.Client, order: dict[str, object], **headers: str) -> httpx.Response:
    """What a page of ours sends when a button is pressed."""
    body = {
        "output": "outcome.data", "outputs": {"id": "outcome", "property": "data"}, "changedPropIds": ["command.data"],
        "inputs": [{"id": "command", "property": "data", "value": order}],
    }  # fmt: skip
    return client.post("/_dash-update-component", json=body, headers=headers)


def test_every_callback_is_async(site: Site) -> None:
    app: dash.Dash = build(site.world.services, FastAPI(), gate=Gate(site.world.engine))
    callbacks = [entry["callback"] for entry in app.callback_map.values() if entry.get("callback") is not None]
    assert callbacks
    assert all(inspect.iscoroutinefunction(inspect.unwrap(callback)) for callback in callbacks)


def test_html_carries_a_policy_without_inline_scripts_of_others(client: httpx.Client) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert '<html lang="en">' in answer.text
    assert not re.search(r'(?:src|href)="https?://', answer.text)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]"])
def test_a_name_that_is_not_ours_is_refused(client: httpx.Client, host: str) -> None:
    assert client.get("/_ui/answer/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8600", "[::1]:8600", "LOCALHOST:1"])
def test_loopback_names_are_served(client: httpx.Client, host: str) -> None:
    assert client.get("/_ui/answer/", headers={"Host": host}).status_code == 200


def test_a_change_needs_the_token_of_our_page(site: Site) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        order = {"name": "report_false", "verdict_id": "none", "id": 1}
        assert change(client, order).status_code == 403
        client.get("/")
        token = client.cookies["_csrf_token"]
        assert change(client, order).status_code == 403
        assert change(client, order, **{"X-CSRFToken": "x" * 43}).status_code == 403
        answer = change(client, order, **{"X-CSRFToken": token})
        assert answer.status_code == 200
        outcome = answer.json()["response"]["outcome"]["data"]
        assert outcome["failed"]
        assert "there is no such verdict" in outcome["text"]


def test_an_empty_token_is_no_token(site: Site) -> None:
    with httpx.Client(base_url=site.url, cookies={"_csrf_token": ""}, timeout=20) as client:
        assert change(client, {"name": "accept"}, **{"X-CSRFToken": ""}).status_code == 403


def test_scripts_are_packed_once_and_kept_for_ever(client: httpx.Client) -> None:
    html = client.get("/").text
    for src in re.findall(r'<script src="([^"]+)"', html):
        answer = client.get(src)
        assert answer.status_code == 200, src
        assert answer.headers.get("content-encoding") == "gzip" or len(answer.content) < 500
        assert "immutable" in answer.headers["cache-control"]


def test_a_script_is_also_served_as_it_is(client: httpx.Client) -> None:
    src = re.findall(r'<script src="(/_ui/static/[^"]+)"', client.get("/").text)[0]
    plain = client.get(src, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == client.get(src).text


def test_an_unknown_address_is_not_found(client: httpx.Client) -> None:
    assert client.get("/nothing/here").status_code == 404
    assert client.get("/api/v1/nothing").headers["content-type"] == "application/json"
    assert client.get("/_ui/answer/nothing").status_code == 404
    assert client.get("/_ui/static/x/nothing.js").status_code == 404


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_texts_of_calls_never_become_markup(client: httpx.Client, page: object) -> None:
    """Answers are component trees: no page may hand HTML to the browser."""
    path = page.path if not page.path.endswith("/") or page.path == "/" else None  # type: ignore[attr-defined]
    if path is None:
        path = "/traces/unknown"
    text = client.get(f"/_ui/answer{path}").text
    assert "dangerously" not in text
    assert not re.search(r'"type":"(?:Iframe|Script|Markdown|DangerouslySetInnerHTML)"', text)


def test_answers_are_small(client: httpx.Client) -> None:
    answer = client.get("/_ui/answer/?range=6h")
    n_bytes = int(answer.headers["content-length"])
    assert answer.headers["content-encoding"] == "gzip"
    assert n_bytes < 40_000


def test_a_store_that_is_away_is_said_in_words(open_site: Callable[[Callable[[World], None]], Site]) -> None:
    gone = open_site(lambda made: None)
    gone.world.store.close()
    answer = httpx.get(f"{gone.url}/_ui/answer/", timeout=20)
    assert answer.status_code == 503
    assert "The store does not answer now" in json.dumps(answer.json()["page"])
    assert "Overview" in json.dumps(answer.json()["nav"])


def test_pages_hear_of_news_and_streams_end_with_the_server(
    open_site: Callable[[Callable[[World], None]], Site],
) -> None:
    live = open_site(lambda made: None)
    heard: list[str] = []
    began, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{live.url}/_ui/events", timeout=20) as stream:
            for line in stream.iter_lines():
                began.set()
                if line.startswith("event:"):
                    heard.append(line)
                    ended.set()
                    return

    threading.Thread(target=listen, daemon=True).start()
    assert began.wait(10)
    time.sleep(0.3)
    seed(live.world, hours=0.1, calls_per_hour=60, changed_hours=0)
    assert ended.wait(10)
    assert heard == ["event: changed"]
