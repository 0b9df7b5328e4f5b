"""Scripts and styles are read and compressed once, and kept by browsers for ever."""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from importlib.resources import files

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FINGERPRINT = re.compile(r"\.v\d\w*m\d+\.|^/_ui/static/")
_MIN_BYTES = 500


def read_assets() -> Mapping[str, bytes]:
    """Every file in dashboard/assets, by name."""
    return {
        entry.name: entry.read_bytes() for entry in files("dashboard").joinpath("assets").iterdir() if entry.is_file()
    }


def version_of(assets: Mapping[str, bytes]) -> str:
    """Changes with any of them, so that an address of an asset never means two contents."""
    digest = hashlib.sha256()
    for name in sorted(assets):
        digest.update(name.encode() + b"\0" + assets[name] + b"\0")
    return digest.hexdigest()[:12]


def asset_response(assets: Mapping[str, bytes], name: str) -> Response:
    content = assets.get(name)
    if content is None:
        return Response(status_code=404)
    return Response(content, media_type=mimetypes.guess_type(name)[0] or "application/octet-stream")


class PackOnce:
    """Answers for files below `prefixes` are taken from the application once, compressed, and then from memory.

    Their number is that of the files in the packages: what is not found is not kept.
    """

    def __init__(self, app: ASGIApp, *, prefixes: tuple[str, ...]) -> None:
        self._app = app
        self._prefixes = prefixes
        self._packed: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        takes_gzip = scope["type"] == "http" and "gzip" in Headers(scope=scope).get("accept-encoding", "")
        if not takes_gzip or scope["method"] != "GET" or not path.startswith(self._prefixes):
            await self._app(scope, receive, send)
            return
        packed = self._packed.get(path)
        if packed is None:
            status, content_type, body = await self._fetch(scope, receive)
            if status != 200:
                await Response(body, status, media_type=content_type)(scope, receive, send)
                return
            packed = await run_in_threadpool(_pack, path, content_type, body)
            self._packed[path] = packed
        await packed(scope, receive, send)

    async def _fetch(self, scope: Scope, receive: Receive) -> tuple[int, str, bytes]:
        status, content_type, parts = 500, "", []

        async def collect(message: Message) -> None:
            nonlocal status, content_type
            if message["type"] == "http.response.start":
                status, content_type = message["status"], Headers(raw=message["headers"]).get("content-type", "")
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, collect)
        return status, content_type, b"".join(parts)


def _pack(path: str, content_type: str, body: bytes) -> Response:
    # A fingerprint in the address changes with the content, so that a copy of it never grows old.
    age = "public, max-age=31536000, immutable" if _FINGERPRINT.search(path) else "no-cache"
    headers = {"Cache-Control": age, "Vary": "Accept-Encoding"}
    if len(body) >= _MIN_BYTES:
        body = gzip.compress(body, 6)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=content_type)
