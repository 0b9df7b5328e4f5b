"""One ASGI middleware around everything the UI port serves."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_COOKIE, CSRF_HEADER = "_csrf_token", "X-CSRFToken"
NAME_COOKIE = "watchkeeper_name"
_SHAPE_OF_TOKEN = re.compile(r"[\w-]{32,64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_NAME_LENGTH = 80

DEFAULT_AUTHOR = "operator"
author: ContextVar[str] = ContextVar("author", default=DEFAULT_AUTHOR)
"""Who asks: labels and acknowledgements are kept by this name. It is what people say of themselves, no login."""


class Security:
    """Refuses hosts that are not this machine's, and changes that did not begin on our pages; sets the policy.

    A page of another site can send requests to a loopback address, and by a name that it points there it could read
    the answers. The first is stopped by a token that only our pages can read, the second by the Host header.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], policy: str) -> None:
        self._app = app
        self._hosts = frozenset((*_LOOPBACK, *hosts))
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here needs one, and it would pass by the checks below
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _host(headers.get("host", "")) not in self._hosts:
            refusal = "This host name is not served here: open the page by 127.0.0.1 or localhost."
            await PlainTextResponse(refusal, 421)(scope, receive, send)
            return
        cookies = _cookies(headers.get("cookie", ""))
        token = cookies.get(CSRF_COOKIE, "")
        is_ours = bool(_SHAPE_OF_TOKEN.fullmatch(token))
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
                        cookie = f"{CSRF_COOKIE}={secrets.token_urlsafe(32)}; Path=/; SameSite=Strict"
                        answer.append("set-cookie", cookie)
            await send(message)

        name = " ".join(unquote(cookies.get(NAME_COOKIE, "")).split())[:_MAX_NAME_LENGTH]
        reset = author.set(name or DEFAULT_AUTHOR)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            author.reset(reset)


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
