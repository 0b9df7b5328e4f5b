"""Where keys are needed, pages show whoever has one what it opens, and nobody else anything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser

from collector.call import Call
from collector.projects.book import NewKey, ProjectBook
from collector.projects.gate import Gate
from collector.projects.sessions import SESSION_COOKIE
from collector.rows import batch_of_calls
from collector.state import open_state, state_url
from collector.store import open_store
from collector.times import NS_PER_S
from dashboard.pages import PAGES
from tests.dashboard.conftest import NOW_NS, serve
from tests.dashboard.seed import world


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A site that asks for keys: calls of `shop` and `bank`, and who may see which."""

    url: str
    gate: Gate
    book: ProjectBook
    keys: dict[str, NewKey]

    def client(self, who: str | None = None, **options: Any) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=20, **options)
        if who is not None:
            client.cookies.set(SESSION_COOKIE, self.gate.sign_in(self.keys[who].secret))
        return client


def a_call(project: str, n: int) -> Call:
    ids = f"{n:08x}{project.encode().hex():0>8}"
    return Call(
        call_id=f"{project}-{n}", trace_id=f"{project.encode().hex():0>16}{ids}", span_id=ids,
        start_ns=NOW_NS - n * NS_PER_S, project=project, service=f"service of {project}",
        request_model=f"model of {project}", operation="chat", session_id=f"session of {project}",
        output_messages=[{"role": "assistant", "parts": [{"type": "text", "content": f"secret of {project}"}]}],
    )  # fmt: skip


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    data_dir: Path = tmp_path_factory.mktemp("locked")
    store, engine = open_store(data_dir), open_state(state_url(data_dir))
    made = world(store, engine, NOW_NS)
    store.write([batch_of_calls([a_call(project, n) for project in ("shop", "bank") for n in range(1, 4)])])
    book = ProjectBook(engine, lambda: NOW_NS, actor="test")
    keys = {}
    for project in ("shop", "bank"):
        book.create_project(project)
        keys[project] = book.create_key(project=project, scopes=["read"], name=f"team {project}")
    keys["ingest"] = book.create_key(project="shop", scopes=["ingest"])
    keys["all"] = book.create_key(project=None, scopes=["admin"], name="<b>ops</b>")
    gate = Gate(engine)
    url, server, thread, app = serve(made.services, gate)
    yield Locked(url=url, gate=gate, book=book, keys=keys)
    app.state.close_streams()
    server.should_exit = True
    thread.join(10)
    store.close()
    engine.dispose()


def token_of(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found
    return found[1]


def sign_in(client: httpx.Client, secret: str, wanted: str = "/") -> httpx.Response:
    csrf = token_of(client.get("/login").text)
    return client.post("/login", data={"csrf": csrf, "key": secret, "next": wanted})


@pytest.mark.parametrize(
    "path", [*(page.path for page in PAGES), "/traces/x?range=6h", "/nothing/here", "/_dash-layout"]
)
def test_without_a_key_there_is_only_the_login(locked: Locked, path: str) -> None:
    with locked.client() as client:
        answer = client.get(path)
        if path.startswith("/_"):
            assert answer.status_code == 401
        else:
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={quote(path, safe='/')}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_ui/answer/"),
        ("GET", "/_ui/events"),
        ("POST", "/_dash-update-component"),
        ("POST", "/"),
        ("PUT", "/x"),
    ],
)
def test_nothing_is_answered_or_changed_without_a_key(locked: Locked, method: str, path: str) -> None:
    with locked.client() as client:
        client.get("/login")
        answer = client.request(method, path, headers={"X-CSRFToken": client.cookies["_csrf_token"]})
        assert answer.status_code == 401
        assert answer.json()["login"] == "/login"


@pytest.mark.parametrize("path", ["/healthz", "/login"])
def test_what_says_nothing_of_anybody_stays_open(locked: Locked, path: str) -> None:
    with locked.client() as client:
        assert client.get(path).status_code != 401
        static = re.findall(r'href="(/_ui/static/[^"]+)"', client.get("/login").text)
        assert all(client.get(asset).status_code == 200 for asset in static)
        assert len(static) == 3


def test_a_key_gives_a_session_that_scripts_cannot_read(locked: Locked) -> None:
    with locked.client() as client:
        answer = sign_in(client, f" {locked.keys['shop'].secret}\n", "/traces?range=6h")
        assert (answer.status_code, answer.headers["location"]) == (303, "/traces?range=6h")
        cookie = answer.headers["set-cookie"]
        for part in (f"{SESSION_COOKIE}=", "HttpOnly", "SameSite=strict", "Path=/", "Max-Age="):
            assert part in cookie
        assert "Secure" not in cookie
        assert locked.keys["shop"].secret not in cookie
        assert client.get("/").status_code == 200
        assert "model of shop" in client.get("/_ui/answer/traces?range=6h").text


def test_behind_tls_the_session_never_goes_without(locked: Locked) -> None:
    with locked.client(headers={"X-Forwarded-Proto": "https"}) as client:
        assert "Secure" in sign_in(client, locked.keys["shop"].secret).headers["set-cookie"]


@pytest.mark.parametrize(
    ("key", "said"),
    [("wk_" + "x" * 43, "is not known here"), ("", "is not known here"), ("<script>", "is not known here")],
)
def test_what_is_no_key_is_said_and_signs_nobody_in(locked: Locked, key: str, said: str) -> None:
    with locked.client() as client:
        answer = sign_in(client, key)
        assert answer.status_code == 401
        assert said in answer.text
        assert "<script>" not in answer.text
        assert SESSION_COOKIE not in client.cookies


def test_a_key_that_may_not_read_opens_no_page(locked: Locked) -> None:
    with locked.client() as client:
        answer = sign_in(client, locked.keys["ingest"].secret)
        assert answer.status_code == 401
        assert "no scope read" in answer.text


def test_a_form_of_another_site_signs_nobody_in_or_out(locked: Locked) -> None:
    with locked.client("shop") as client:
        for path in ("/login", "/logout"):
            for csrf in ("", "x" * 43):
                answer = client.post(path, data={"csrf": csrf, "key": locked.keys["bank"].secret})
                assert answer.status_code == 403
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "\\/e", "/login?next=/x",
               "/a\r\nSet-Cookie: x=y", "/a\\b"],
)  # fmt: skip
def test_the_login_leads_nowhere_else(locked: Locked, wanted: str) -> None:
    with locked.client() as client:
        assert sign_in(client, locked.keys["shop"].secret, wanted).headers["location"] == "/"
        assert client.get("/login", params={"next": wanted}).status_code == 200, "the page that says who is signed in"


def test_a_link_from_another_site_takes_one_step_more(locked: Locked) -> None:
    """The browser leaves the session out of the first request, and brings it with the next."""
    with locked.client("shop") as signed_in, locked.client() as first:
        step = first.get("/alerts?alert=1", headers={"Sec-Fetch-Site": "cross-site"})
        assert step.status_code == 200
        target = re.search(r'content="0;url=([^"]+)"', step.text)
        assert target
        answer = signed_in.get(target[1])
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts?alert=1")


PLACES = ["/", "/traces", "/drift", "/alerts", "/review", "/traces?project=bank", "/?project=bank"]


@pytest.mark.parametrize("place", PLACES)
def test_a_page_shows_its_project_alone(locked: Locked, place: str) -> None:
    with locked.client("shop") as client:
        answer = client.get(f"/_ui/answer{place}")
        if "project=bank" in place:
            assert answer.status_code == 400
            assert "this key is for" in answer.text
        else:
            assert answer.status_code == 200
            assert "bank" not in answer.text


def test_a_trace_of_another_project_is_not_there(locked: Locked) -> None:
    path = f"/_ui/answer/traces/{a_call('bank', 1).trace_id}"
    with locked.client("shop") as shop, locked.client("bank") as bank, locked.client("all") as everything:
        assert "model of bank" not in shop.get(path).text
        assert "model of bank" in bank.get(path).text
        assert "model of bank" in everything.get(path).text


def test_one_answer_is_never_remembered_for_another_project(locked: Locked) -> None:
    """Three visitors ask for one page within one step of time."""
    seen = {}
    for who in ("all", "shop", "bank", "all"):
        with locked.client(who) as client:
            seen[who] = client.get("/_ui/answer/traces?range=6h").text
    assert "model of bank" in seen["all"]
    assert "model of shop" in seen["all"]
    for own, other in (("shop", "bank"), ("bank", "shop")):
        assert f"model of {own}" in seen[own]
        assert other not in seen[own]


def test_a_reader_switches_no_rule(locked: Locked) -> None:
    order = {"name": "switch-rule", "rule": "failing-calls", "enabled": False, "id": 1}
    body = {
        "output": "outcome.data", "outputs": {"id": "outcome", "property": "data"}, "changedPropIds": ["command.data"],
        "inputs": [{"id": "command", "property": "data", "value": order}],
    }  # fmt: skip
    with locked.client("shop") as client:
        client.get("/")
        headers = {"X-CSRFToken": client.cookies["_csrf_token"]}
        answer = client.post("/_dash-update-component", json=body, headers=headers)
        outcome = answer.json()["response"]["outcome"]["data"]
        assert outcome["failed"]
        assert "no scope admin" in outcome["text"]


def test_a_revoked_key_ends_its_sessions(locked: Locked) -> None:
    new = locked.book.create_key(project="shop", scopes=["read"])
    locked.gate.refresh()
    with locked.client() as client:
        sign_in(client, new.secret)
        assert client.get("/_ui/answer/").status_code == 200
        locked.book.revoke_key(new.key.key_id)
        locked.gate.refresh()
        assert client.get("/_ui/answer/").status_code == 401


def test_a_program_may_show_its_key_instead(locked: Locked) -> None:
    for who, status in (("shop", 200), ("ingest", 403)):
        headers = {"Authorization": f"Bearer {locked.keys[who].secret}"}
        assert httpx.get(f"{locked.url}/_ui/answer/", headers=headers, timeout=20).status_code == status


def test_in_a_browser_one_signs_in_looks_and_signs_out(locked: Locked, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto(f"{locked.url}/traces?range=6h")
    page.wait_for_url("**/login?**")
    page.fill("input[name=key]", locked.keys["shop"].secret)
    page.click("text=Sign in >> nth=-1")
    page.wait_for_selector('html[data-shown="/_ui/answer/traces?range=6h"]')
    assert "model of shop" in page.locator("main").first.inner_text()
    page.click("text=Signed in")
    page.wait_for_selector("h1:has-text('Signed in')")
    assert "team shop" in page.inner_text("main")
    page.click("button:has-text('Sign out')")
    page.wait_for_selector("input[name=key]")
    page.goto(f"{locked.url}/traces")
    page.wait_for_url("**/login?**")
    assert problems == []
    context.close()


def test_a_page_that_is_open_when_its_key_is_revoked_goes_to_the_login(locked: Locked, browser: Browser) -> None:
    new = locked.book.create_key(project="shop", scopes=["read"])
    locked.gate.refresh()
    context = browser.new_context()
    cookie = {"name": SESSION_COOKIE, "value": locked.gate.sign_in(new.secret), "url": locked.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.goto(f"{locked.url}/traces")
    page.wait_for_selector('html[data-shown="/_ui/answer/traces"]')
    locked.book.revoke_key(new.key.key_id)
    locked.gate.refresh()
    page.evaluate("watchkeeper.reload()")
    page.wait_for_url("**/login?next=%2Ftraces")
    context.close()


def test_names_of_keys_never_become_markup(locked: Locked) -> None:
    with locked.client("all") as client:
        html = client.get("/login").text
        assert "&lt;b&gt;ops&lt;/b&gt;" in html
        assert "for all projects" in html
