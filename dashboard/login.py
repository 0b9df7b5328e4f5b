"""The way in for a browser where keys are needed: a page that takes a key and gives a session for it."""

import re
import secrets
from html import escape
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from collector.errors import BadRequest, Forbidden, Unauthenticated
from collector.projects.gate import Gate
from collector.projects.sessions import SESSION_COOKIE, SESSION_S
from dashboard.security import LOGIN, csrf

_MAX_FORM_BYTES = 8192
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\\]*")


def add_login(server: FastAPI, gate: Gate, *, static: str) -> None:
    """`static` is the address of the assets."""

    @server.get(LOGIN, include_in_schema=False)
    async def login(request: Request) -> Response:
        wanted = _own(request.query_params.get("next", ""))
        if not gate.is_required:
            return RedirectResponse(wanted or "/", 303)
        try:
            access = gate.read_access(request.headers)
        except BadRequest:
            return _page(static, _form(wanted or "/"))
        if wanted is not None:
            return RedirectResponse(wanted, 303)
        whose = "all projects" if access.project is None else f"project {access.project}"
        return _page(static, _signed_in(gate.key_name(access), whose))

    @server.post(LOGIN, include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        fields = await _fields(request)
        if not _is_ours(fields):
            return _page(static, _form("/", "This form was too old. Try again."), 403)
        wanted = _own(fields.get("next", "")) or "/"
        try:
            cookie = gate.sign_in(fields.get("key", ""))
        except (Unauthenticated, Forbidden) as error:
            return _page(static, _form(wanted, f"{str(error)[:1].upper()}{str(error)[1:]}."), 401)
        answer = RedirectResponse(wanted, 303)
        answer.set_cookie(
            SESSION_COOKIE,
            cookie,
            max_age=SESSION_S,
            path="/",
            httponly=True,
            samesite="strict",
            secure=_is_https(request),
        )
        return answer

    @server.post("/logout", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        if not _is_ours(await _fields(request)):
            return _page(static, _form("/", "This form was too old. Try again."), 403)
        answer = RedirectResponse(LOGIN, 303)
        answer.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict", secure=_is_https(request))
        return answer


def _own(path: str) -> str | None:
    """`path` when it leads to a page of ours, and not by a trick elsewhere or back to this one."""
    if not _OWN_PATH.fullmatch(path) or urlsplit(path).netloc or urlsplit(path).path in (LOGIN, "/logout"):
        return None
    return path


def _is_ours(fields: dict[str, str]) -> bool:
    """Whether a page of ours sent the form: no other can read the cookie that is repeated in it."""
    return secrets.compare_digest(fields.get("csrf", "").encode(), csrf.get().encode())


def _is_https(request: Request) -> bool:
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))


async def _fields(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return {}
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _form(wanted: str, problem: str = "") -> str:
    said = f'<p class="login-problem" role="alert">{escape(problem)}</p>' if problem else ""
    return f"""<h1>Sign in</h1>
<p>This Watchkeeper asks for an API key with scope read. Who runs it makes one with
<code>watchkeeper key create --scope read</code>.</p>
{said}<form method="post" action="{LOGIN}">
<input type="hidden" name="csrf" value="{escape(csrf.get())}"><input type="hidden" name="next" value="{escape(wanted)}">
<label><span>API key</span><input type="password" name="key" autocomplete="current-password" required autofocus></label>
<button class="button" type="submit">Sign in</button>
</form>"""


def _signed_in(name: str, whose: str) -> str:
    return f"""<h1>Signed in</h1>
<p>With the key <b>{escape(name)}</b>, for {escape(whose)}. <a href="/">Go to the overview</a>.</p>
<form method="post" action="/logout">
<input type="hidden" name="csrf" value="{escape(csrf.get())}">
<button class="button" type="submit">Sign out</button>
</form>"""


def _page(static: str, body: str, status: int = 200) -> Response:
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Watchkeeper</title>
<link rel="icon" type="image/svg+xml" href="{static}/favicon.svg">
<link rel="stylesheet" href="{static}/style.css"><link rel="stylesheet" href="{static}/login.css">
</head>
<body><main class="login"><section class="card padded">
{body}
</section></main></body>
</html>"""
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})
