"""The pages, the requests behind them, and what guards them, on the server that REST runs on."""

import base64
import gzip
import hashlib
import json
import logging
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output
from dash.backends._fastapi import reset_current_request, set_current_request
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from collector.errors import BadRequest, StoreUnavailable, WatchkeeperError
from collector.projects.gate import Gate
from collector.times import NS_PER_S
from dashboard import packing, shell
from dashboard.filters import Filters, parse, search
from dashboard.live import Live
from dashboard.login import add_login
from dashboard.memo import Memo
from dashboard.pages import PAGES, find_page
from dashboard.pages.base import Content, Outcome, Page, View
from dashboard.security import CSRF_COOKIE, CSRF_HEADER, Security, access, author
from dashboard.services import Services

BUCKET_NS = 5 * NS_PER_S
"""Answers are the same for so long: twenty people who look at one page cost as much as one."""

log = logging.getLogger(__name__)


def build(services: Services, server: FastAPI, *, gate: Gate, hosts: Iterable[str] | None = ()) -> dash.Dash:
    """Add the pages to `server`, after its other routes, for those whom `gate` lets in.

    `hosts` are names it may be reached by besides loopback; None: any.

    `server.state.close_streams()` ends the event streams of open pages: call it before the server is stopped.
    """
    assets = packing.read_assets()
    static = f"/_ui/static/{packing.version_of(assets)}"
    memo, slow = Memo(), Memo(max_entries=16, max_running=1)

    def forget() -> None:
        memo.clear()
        slow.clear()

    live = Live(lambda: fingerprint(services), on_change=forget)
    server.state.close_streams = live.close

    # These stand before Dash's own routes, which answer every address with 200.
    index = shell.index_string(static=static, assets=assets)

    @server.get("/_ui/static/{version}/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        return packing.asset_response(assets, name)

    @server.get("/_ui/answer{path:path}", include_in_schema=False)
    async def answer(request: Request, path: str) -> Response:
        return await _answer(services.of(access.get()), memo, slow, path, request.url.query)

    @server.get("/_ui/events", include_in_schema=False)
    async def events() -> Response:
        return live.response()

    add_login(server, gate, static=static)

    async def page_html(request: Request) -> Response:
        page, _place = find_page(request.url.path)
        return HTMLResponse(html.replace("<!--skeleton-->", shell.skeleton(_in_nav(), page)))

    for page in PAGES:
        path = page.path + ("{place}" if page.path.endswith("/") and page.path != "/" else "")
        server.add_api_route(path, page_html, methods=["GET"], include_in_schema=False)

    app = dash.Dash(
        __name__, server=server, assets_folder="", index_string=index, title="Watchkeeper", update_title=None,
        csrf_token_name=CSRF_COOKIE, csrf_header_name=CSRF_HEADER, suppress_callback_exceptions=True,
    )  # fmt: skip
    # Nothing here calls back over a websocket, so no page shall try to open one.
    app.backend.websocket_capability = False
    app.layout = shell.layout()
    _add_callbacks(app, services, memo)

    @server.get("/{path:path}", include_in_schema=False)
    async def no_such_page(path: str) -> Response:
        link = '<p>There is no such page. <a href="/">Go to the overview</a>.</p>'
        return HTMLResponse(
            f'<!DOCTYPE html><html lang="en"><title>Not found</title><h1>Not found</h1>{link}</html>', 404
        )

    boot = shell.boot_script(assets)
    boot_hash = base64.b64encode(hashlib.sha256(boot.encode()).digest()).decode()
    html = _index(app)
    policy = (
        f"default-src 'self'; script-src 'self' 'sha256-{boot_hash}' {' '.join(app.csp_hashes())}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
    )
    server.add_middleware(packing.PackOnce, prefixes=("/_dash-component-suites/", "/_ui/static/"))
    server.add_middleware(Security, gate=gate, hosts=None if hosts is None else tuple(hosts), policy=policy)
    return app


def fingerprint(services: Services) -> Hashable:
    """Changes when a page would look different."""
    return (
        services.store.last_seq(),
        tuple((alert.alert_id, alert.state, alert.acknowledged_ns) for alert in services.alerts.open_alerts()),
        services.monitors.newest(),
        services.review.counts().open,
        services.health.n_refused(),
    )


def _index(app: dash.Dash) -> str:
    """The HTML of every page, the same for all requests; Dash only makes it while it answers one."""
    token = set_current_request(
        Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
    )
    try:
        return str(app.index())
    finally:
        reset_current_request(token)


def _in_nav() -> list[Page]:
    return [page for page in PAGES if page.group is not None or page.path == "/"]


async def _answer(services: Services, memo: Memo, slow: Memo, path: str, query: str) -> Response:
    try:
        page, place = find_page(path)
    except KeyError:
        return Response(status_code=404)
    now_ns = -(-services.clock() // BUCKET_NS) * BUCKET_NS
    status = 200
    try:
        filters = parse(query)
        view = View(services=services, filters=filters, now_ns=now_ns, path=path, place=place, author=author.get())
        seen = (access.get().project, services.is_signed_in, services.may_administer)
        if page.slow:
            body = await slow.get((seen, path, search(filters)), lambda: _compute(page, view))
        elif page.shared:
            # Relative ranges move with the step of time, absolute ones do not: the newest call may still arrive.
            body = await memo.get((seen, filters.project, path, search(filters), now_ns), lambda: _compute(page, view))
        else:
            body = await memo.run(lambda: _compute(page, view))
    except StoreUnavailable as error:
        status, content = (
            503,
            shell.error_page(
                "The store does not answer now",
                f"{error}. What was acknowledged is kept. The page asks again by itself.",
            ),
        )
        body = _bare(page, content)
    except BadRequest as error:
        status, content = 400, shell.error_page("This address cannot be shown", f"{error}.")
        body = _bare(page, content)
    except WatchkeeperError as error:
        status, content = 500, shell.error_page("This page cannot be shown", f"{error}.")
        body = _bare(page, content)
    except Exception:
        log.exception("the page %s failed", path)
        status, content = (
            500,
            shell.error_page(
                "This page failed", "It is a fault of Watchkeeper; its log says where. Other pages still work."
            ),
        )
        body = _bare(page, content)
    headers = {"Content-Encoding": "gzip", "Cache-Control": "no-store"}
    return Response(body, status, headers, media_type="application/json")


def _compute(page: Page, view: View) -> bytes:
    content = page.answer(view)
    return _packed(
        page, view.filters, content, [p.badge(view.services) for p in _in_nav()], shell.bar(page, view, content)
    )


def _bare(page: Page, content: Content) -> bytes:
    """An answer that asks nothing of a store that may be away."""
    return _packed(page, Filters(), content, [None] * len(_in_nav()), [])


def _packed(page: Page, filters: Filters, content: Content, badges: list[Any], bar: list[Any]) -> bytes:
    name = page.name if page.group is not None or page.path == "/" else page.name.removesuffix("-detail")
    answer = {
        "title": f"{content.title} · Watchkeeper",
        "nav": shell.nav(_in_nav(), badges, name, filters),
        "bar": bar,
        "page": content.body,
        "live": page.live and not filters.is_absolute,
    }
    text = json.dumps(
        answer, default=lambda component: component.to_plotly_json(), ensure_ascii=False, separators=(",", ":")
    )
    return gzip.compress(text.encode(errors="replace"), 4, mtime=0)  # half of a surrogate pair is no UTF-8


def _add_callbacks(app: dash.Dash, services: Services, memo: Memo) -> None:
    app.clientside_callback(
        ClientsideFunction("watchkeeper", "load"),
        Output("nav", "children"), Output("bar", "children"), Output("page", "children"),
        Input("url", "pathname"), Input("url", "search"), Input("tick", "data"),
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("watchkeeper", "finish"),
        Output("tick", "data"),
        Input("outcome", "data"),
        prevent_initial_call=True,
    )

    @app.callback(Output("outcome", "data"), Input("command", "data"), prevent_initial_call=True)  # type: ignore[untyped-decorator]
    async def command(order: Mapping[str, Any]) -> dict[str, Any]:
        outcome, failed = await _run(services.of(access.get()), order)
        memo.clear()
        # `id` makes two equal outcomes two events.
        return {"id": order.get("id"), "text": outcome.text, "href": outcome.href, "failed": failed}


async def _run(services: Services, order: Mapping[str, Any]) -> tuple[Outcome, bool]:
    commands = {name: command for page in PAGES for name, command in page.commands.items()}
    found = commands.get(str(order.get("name")))
    if found is None:
        return Outcome(text="This page is older than the server; reload it."), True
    try:
        return await run_in_threadpool(found, services, author.get(), order), False
    except WatchkeeperError as error:
        return Outcome(text=f"Nothing was changed: {error}."), True
    except Exception:
        log.exception("the command %s failed", order.get("name"))
        return Outcome(
            text="Nothing is known to have changed: this failed by a fault of Watchkeeper; its log says where."
        ), True
