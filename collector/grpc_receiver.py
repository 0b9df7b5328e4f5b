"""OTLP/gRPC: the same exports over gRPC. The raw request bytes go the way of OTLP/HTTP, without gRPC stubs."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code

from collector.errors import WatchkeeperError
from collector.exports import Exports
from collector.intake.sent import Sent
from collector.otlp.refusals import refusal_of
from collector.otlp.signal import Signal

log = logging.getLogger(__name__)

_SERVICES: dict[Signal, str] = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def grpc_server(address: str, exports: Exports) -> tuple[grpc.aio.Server, int]:
    """A server bound to `address` (host:port; port 0 picks one), not yet started, and the port it got.

    Must be called in the event loop that will run it.

    Raises:
        OSError: if the address cannot be bound.
    """
    options = [
        # gRPC unpacks a message itself and holds this limit before and after.
        ("grpc.max_receive_message_length", exports.limits.max_body_bytes),
        # Two processes must not share a port by accident, which gRPC would allow.
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    for signal, service in _SERVICES.items():
        method = grpc.unary_unary_rpc_method_handler(
            _handler(exports, signal), response_serializer=lambda message: message.SerializeToString()
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address} for OTLP/gRPC: {error}") from error
    return server, port


def _handler(exports: Exports, signal: Signal) -> Callable[[bytes, Any], Awaitable[Message | None]]:
    async def export(body: bytes, context: Any) -> Message | None:
        try:
            return await exports.store(await _take(exports, signal, body, context), transport="grpc")
        except Exception as error:
            if not isinstance(error, WatchkeeperError):
                log.exception("an export of %s failed", signal)
            refusal = refusal_of(error)
            exports.refused("grpc", Code.Name(refusal.code))
            details = (("grpc-status-details-bin", refusal.status().SerializeToString()),)
            await context.abort(_CODES[refusal.code], refusal.message, details)
        return None

    return export


async def _take(exports: Exports, signal: Signal, body: bytes, context: Any) -> Sent:
    headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    access = exports.enter(headers)
    with exports.budget.reservation() as held:
        held.take(len(body))
        return await exports.take(signal, body, access)
