"""One ASGI middleware around everything the UI port serves: which host, whose change, and who may see a page."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.errors import Forbidden, Unauthenticated
from collector.projects.access import Access
from collector.projects.gate import Gate

CSRF_COOKIE, CSRF_HEADER = "_csrf_token", "X-CSRFToken"
NAME_COOKIE = "watchkeeper_name"
_SHAPE_OF_TOKEN = re.compile(r"[\w-]{32,64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_NAME_LENGTH = 80

DEFAULT_AUTHOR = "operator"
author: ContextVar[str] = ContextVar("author", default=DEFAULT_AUTHOR)
"""Who asks: labels and acknowledgements are kept by this name. It is what people say of themselves, no login."""

access: ContextVar[Access] = ContextVar("access")
"""What the key of who asks for a page opens."""

csrf: ContextVar[str] = ContextVar("csrf")
"""The token that only our pages can read; this answer sets it where the browser had none."""

LOGIN = "/login"
_OPEN = frozenset(("/healthz", "/readyz", "/metrics", LOGIN, "/logout"))
_OPEN_BELOW = ("/_ui/static/", "/_dash-component-suites/", "/api/", "/v1/")
"""What holds nothing of anybody, and REST, which asks for keys itself. All else needs a signed-in visitor."""


class Security:
    """Refuses hosts that are not this machine's, changes that did not begin on our pages, and where keys are needed
    visitors without one; sets the policy. `hosts` None: any will do, since others may reach us and need a key.

    A page of another site can send requests to a loopback address, and by a name that it points there it could read
    the answers. The first is stopped by a token that only our pages can read, the second by the Host header.
    """

    def __init__(self, app: ASGIApp, *, gate: Gate, hosts: Iterable[str] | None, policy: str) -> None:
        self._app = app
        self._gate = gate
        self._hosts = None if hosts is None else frozenset((*_LOOPBACK, *hosts))
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here needs one, and it would pass by the checks below
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            refusal = "This host name is not served here: open the page by 127.0.0.1 or localhost."
            await PlainTextResponse(refusal, 421)(scope, receive, send)
            return
        cookies = _cookies(headers.get("cookie", ""))
        token = cookies.get(CSRF_COOKIE, "")
        is_ours = bool(_SHAPE_OF_TOKEN.fullmatch(token))
        fresh = token if is_ours else secrets.token_urlsafe(32)
        if _is_change(scope) and not (is_ours and secrets.compare_digest(token, headers.get(CSRF_HEADER, ""))):
            refusal = "This change did not come from a page of Watchkeeper, so it was not made. Reload and try again."
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["X-Content-Type-Options"] = "nosniff"
                answer["Referrer-Policy"] = "same-origin"
                if answer.get("content-type", "").startswith("text/html"):
                    answer["Content-Security-Policy"] = self._policy
                    if not is_ours:
                        cookie = f"{CSRF_COOKIE}={fresh}; Path=/; SameSite=Strict"
                        answer.append("set-cookie", cookie)
            await send(message)

        name = " ".join(unquote(cookies.get(NAME_COOKIE, "")).split())[:_MAX_NAME_LENGTH]
        author.set(name or DEFAULT_AUTHOR)
        csrf.set(fresh)
        refused = self._refused(scope, headers)
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """What is answered to who may not see this; None: they may."""
        path = scope["path"]
        if path in _OPEN or path.startswith(_OPEN_BELOW):
            return None
        try:
            access.set(self._gate.read_access(headers))
        except Forbidden as error:
            return PlainTextResponse(str(error), 403)
        except Unauthenticated as error:
            if path.startswith("/_") or scope["method"] not in ("GET", "HEAD"):
                return JSONResponse({"login": LOGIN, "message": str(error)}, 401)
            return _to_login(login_address(path, scope["query_string"].decode(errors="replace")), headers)
        return None


def login_address(path: str, query: str) -> str:
    """Where to sign in, and come back to the page that was asked for."""
    return f"{LOGIN}?next={quote(path + (f'?{query}' if query else ''), safe='/')}"


def _to_login(address: str, headers: Headers) -> Response:
    """To the login, which knows who is signed in already.

    A link in a message of another site comes without the session, which is SameSite=Strict. So that it need not be
    typed again, the browser takes the next step from a page of ours.
    """
    if headers.get("sec-fetch-site") == "cross-site":
        go_on = f'<meta http-equiv="refresh" content="0;url={escape(address)}">'
        return HTMLResponse(f'<!DOCTYPE html><html lang="en"><title>Watchkeeper</title>{go_on}</html>', 200)
    return RedirectResponse(address, 303)


def _is_change(scope: Scope) -> bool:
    """Dash's callbacks. REST takes JSON and OTLP from programs, which have no cookies to be misused."""
    return scope["method"] not in ("GET", "HEAD", "OPTIONS") and scope["path"].startswith("/_dash-")


def _host(header: str) -> str:
    """Without the port, and an IPv6 address without its brackets."""
    return header.rsplit("]", 1)[0].lstrip("[") if header.startswith("[") else header.split(":", 1)[0].lower()


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
