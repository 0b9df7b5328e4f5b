"""OTLP/HTTP: trace exports in protobuf or JSON, acknowledged after the commit.

Source: OpenTelemetry Protocol specification, "OTLP/HTTP". A refusal is a google.rpc.Status in the request's encoding.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.body import UnsupportedMediaType, media_type, read_body
from collector.errors import BadRequest, StoreUnavailable, TooLarge
from collector.exports import store_export
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.otlp.declined import decline_logs, decline_metrics

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

Handler = Callable[[bytes, bool], Awaitable[Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLimits:
    """What one request may bring; `max_body_bytes` holds before and after decompression."""

    max_body_bytes: int = 32 * 2**20


def receiver_app(ingest: Ingest, metrics: CollectorMetrics, limits: ReceiverLimits | None = None) -> Starlette:
    """The ASGI application behind port 4318; any path may stand before /v1/traces."""
    max_bytes = (limits or ReceiverLimits()).max_body_bytes

    async def traces(body: bytes, is_json: bool) -> Message:
        return await store_export(body, is_json=is_json, transport="http", ingest=ingest, metrics=metrics)

    async def logs(body: bytes, is_json: bool) -> Message:
        return await run_in_threadpool(decline_logs, body, is_json=is_json)

    async def other_metrics(body: bytes, is_json: bool) -> Message:
        return await run_in_threadpool(decline_metrics, body, is_json=is_json)

    def endpoint(handle: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            is_json = media_type(request) == JSON
            try:
                body = await _read(request, max_bytes)
                return _encoded(await handle(body, is_json), 200, is_json)
            except (BadRequest, StoreUnavailable) as error:
                status = _http_status(error)
                metrics.rejected_requests.labels("http", str(status)).inc()
                response = _encoded(Status(message=str(error)), status, is_json)
                if isinstance(error, StoreUnavailable):
                    response.headers["retry-after"] = str(math.ceil(error.retry_after_s))
                return response

        return answer

    handlers = {"traces": traces, "logs": logs, "metrics": other_metrics}
    return Starlette(
        routes=[
            Route(f"{prefix}/v1/{signal}", endpoint(handle), methods=["POST"])
            for signal, handle in handlers.items()
            for prefix in ("", "/{prefix:path}")
        ]
    )


async def _read(request: Request, max_bytes: int) -> bytes:
    """Raises UnsupportedMediaType, TooLarge or BadRequest, saying what to send instead."""
    if media_type(request) not in (PROTOBUF, JSON):
        got = request.headers.get("content-type", "nothing")
        raise UnsupportedMediaType(f"Content-Type must be {PROTOBUF} or {JSON}, got {got}")
    return await read_body(request, max_bytes=max_bytes)


def _http_status(error: BadRequest | StoreUnavailable) -> int:
    match error:
        case StoreUnavailable():
            return 503
        case TooLarge():
            return 413
        case UnsupportedMediaType():
            return 415
        case _:
            return 400


def _encoded(message: Message, status: int, is_json: bool) -> Response:
    if is_json:
        return Response(json_format.MessageToJson(message, indent=None), status, media_type=JSON)
    return Response(message.SerializeToString(), status, media_type=PROTOBUF)
