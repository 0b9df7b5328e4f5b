"""OTLP/HTTP: exports in protobuf or JSON, acknowledged after the commit.

Source: OpenTelemetry Protocol specification, "OTLP/HTTP". A refusal is a google.rpc.Status in the request's encoding.
"""

import logging
from collections.abc import Awaitable, Callable

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from collector.body import UnsupportedMediaType, media_type, read_body
from collector.errors import WatchkeeperError
from collector.exports import Exports
from collector.intake.sent import Sent
from collector.otlp.refusals import Refusal, refusal_of
from collector.otlp.signal import SIGNALS, Signal
from collector.projects.access import Access

log = logging.getLogger(__name__)

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_PATHS = ", ".join(f"/v1/{signal}" for signal in SIGNALS)


def receiver_app(exports: Exports) -> Starlette:
    """The ASGI application behind port 4318; any path may stand before /v1/traces, /v1/logs and /v1/metrics."""
    return Starlette(
        routes=[
            Route(f"{prefix}/v1/{signal}", _endpoint(exports, signal), methods=["POST"])
            for signal in SIGNALS
            for prefix in ("", "/{prefix:path}")
        ],
        exception_handlers={HTTPException: _no_such_path(exports)},
    )


def _endpoint(exports: Exports, signal: Signal) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            access = exports.enter(request.headers)
            sent = await _take(request, exports, signal, access)
            return _encoded(request, await exports.store(sent, transport="http"), 200)
        except ClientDisconnect:
            exports.refused("http", "disconnected")
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:
            if not isinstance(error, WatchkeeperError):
                log.exception("an export of %s failed", signal)
            refusal = refusal_of(error)
            exports.refused("http", str(refusal.http_status))
            return _refused(request, refusal)

    return answer


async def _take(request: Request, exports: Exports, signal: Signal, access: Access) -> Sent:
    """The export. Its body counts against the budget until all of it is here, and from then on as one that waits.

    Raises:
        BadRequest, TooManyRequests, StoreUnavailable: saying what to send instead, or when.
    """
    if media_type(request) not in (PROTOBUF, JSON):
        got = request.headers.get("content-type", "nothing")
        raise UnsupportedMediaType(f"Content-Type must be {PROTOBUF} or {JSON}, got {got}")
    limits = exports.limits
    with exports.budget.reservation() as held:
        body = await read_body(
            request, max_bytes=limits.max_body_bytes, timeout_s=limits.body_timeout_s, on_bytes=held.take
        )
        return await exports.take(signal, body, access, is_json=media_type(request) == JSON)


def _no_such_path(exports: Exports) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        exports.refused("http", str(status))
        code, text = Code.UNIMPLEMENTED, f"{request.method} {request.url.path}: OTLP is taken by POST on {_PATHS}"
        response = _refused(request, Refusal(http_status=status, code=code, message=text))
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    return answer


def _refused(request: Request, refusal: Refusal) -> Response:
    response = _encoded(request, refusal.status(), refusal.http_status)
    response.headers.update(refusal.headers())
    return response


def _encoded(request: Request, message: Message, status: int) -> Response:
    """In the encoding of the request; in JSON, which people can read, where that is neither of the two."""
    if media_type(request) == PROTOBUF:
        return Response(message.SerializeToString(), status, media_type=PROTOBUF)
    return Response(json_format.MessageToJson(message, indent=None), status, media_type=JSON)
