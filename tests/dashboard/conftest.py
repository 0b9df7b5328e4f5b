"""A real dashboard on a real store behind a real socket, looked at by a real browser."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright
from sqlalchemy import Engine

from collector.api import install_error_answers, unknown_paths_router
from collector.projects.gate import Gate
from collector.state import open_state, state_url
from collector.store import open_store
from collector.store.base import TelemetryStore
from dashboard.app import build
from dashboard.services import Services
from tests.dashboard.seed import World, seed, world

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
NOW_NS = 1_781_622_000_000_000_000  # 16 June 2026, 15:00 UTC
HOURS = 6
READY_TIMEOUT_MS = 15_000


@dataclass(frozen=True, kw_only=True)
class Site:
    """A served dashboard, and the parts behind it."""

    url: str
    world: World


def serve(services: Services, gate: Gate) -> tuple[str, uvicorn.Server, threading.Thread, FastAPI]:
    """The dashboard on a free port, on a thread of its own."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install_error_answers(app)
    app.include_router(unknown_paths_router())
    build(services, app, gate=gate)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline_s = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline_s, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://127.0.0.1:{port}", server, thread, app


@pytest.fixture(scope="session")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Callable[[World], None]], Site]]:
    """`open_site(fill)` serves a store that `fill` has written to."""
    stops: list[Callable[[], None]] = []

    def open_one(fill: Callable[[World], None]) -> Site:
        data_dir: Path = tmp_path_factory.mktemp("site")
        store: TelemetryStore = open_store(data_dir)
        engine: Engine = open_state(state_url(data_dir))
        made = world(store, engine, NOW_NS, n_reference=100, n_window=25)
        fill(made)
        url, server, thread, app = serve(made.services, Gate(engine, auth="off"))

        def stop() -> None:
            app.state.close_streams()
            server.should_exit = True
            thread.join(10)
            store.close()
            engine.dispose()

        stops.append(stop)
        return Site(url=url, world=made)

    yield open_one
    for stop in reversed(stops):
        stop()


@pytest.fixture(scope="session")
def site(open_site: Callable[[Callable[[World], None]], Site]) -> Site:
    """Some hours of traffic, at the end of which the model behind `gpt-4` has changed."""
    return open_site(lambda made: seed(made, hours=HOURS, calls_per_hour=120))


@pytest.fixture(scope="session")
def empty_site(open_site: Callable[[Callable[[World], None]], Site]) -> Site:
    return open_site(lambda made: None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: while it lives, Playwright's event loop keeps all others from the main thread."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> BrowserContext:
    """Somebody who has been here before: scripts are in the cache."""
    return browser.new_context()


@dataclass(kw_only=True)
class Tab:
    """One open page, and everything that went wrong in it."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def open(self, path: str) -> "Tab":
        self.page.goto(self.url + path)
        return self.shown(path)

    def shown(self, path: str) -> "Tab":
        """Wait until the answer of this address is on the page, its callbacks are done and its charts stand."""
        self.page.wait_for_selector(f'html[data-shown="/_ui/answer{path}"]', timeout=READY_TIMEOUT_MS)
        self.page.wait_for_timeout(50)
        deadline_s = time.monotonic() + READY_TIMEOUT_MS / 1000
        while self.page.evaluate(_IS_BUSY):
            assert time.monotonic() < deadline_s, f"{path} is still busy"
            self.page.wait_for_timeout(50)
        return self

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def text(self, selector: str = "main") -> str:
        return self.page.locator(selector).first.inner_text()


_IS_BUSY = """() => {
  const state = window.store && window.store.getState();
  if (!state || state.isLoading) return true;
  const waiting = Object.entries(state.callbacks).some(
    ([name, list]) => Array.isArray(list) && list.length && name !== "stored" && name !== "completed");
  const drawn = [...document.querySelectorAll("[data-widget=chart]")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0;
  }).every((e) => e.classList.contains("stands"));
  return waiting || !drawn;
}"""


@pytest.fixture
def open_tab(browser: Browser, visitor: BrowserContext) -> Iterator[Callable[..., Tab]]:
    """A new page, with `first_visit` of somebody unknown; the test fails in the end if a script complained, an answer
    was an error, or another host was asked."""
    tabs: list[Tab] = []
    visitor.clear_cookies()

    def open_one(
        site: Site,
        *,
        theme: Literal["light", "dark"] = "light",
        width: int = 1440,
        height: int = 900,
        first_visit: bool = False,
    ) -> Tab:
        context = browser.new_context() if first_visit else visitor
        tab = Tab(page=context.new_page(), url=site.url)
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.emulate_media(color_scheme=theme)

        def on_request(request: Request) -> None:
            if not request.url.startswith((site.url, "data:", "blob:")):
                tab.problems.append(f"asked another host: {request.url}")

        def on_response(response: Response) -> None:
            if response.status >= 400:
                tab.problems.append(f"{response.status} {response.url}")

        tab.page.on("request", on_request)
        tab.page.on("response", on_response)
        tab.page.on("pageerror", lambda error: tab.problems.append(f"script: {error}"))
        tab.page.on(
            "console",
            lambda m: tab.problems.append(f"console: {m.text}") if m.type in ("error", "warning") else None,
        )
        tabs.append(tab)
        return tab

    yield open_one
    problems = [problem for tab in tabs for problem in tab.problems]
    for tab in tabs:
        tab.page.close() if tab.page.context is visitor else tab.page.context.close()
    assert not problems, problems
