"""OTLP/gRPC: the same exports over gRPC. The raw request bytes go the way of OTLP/HTTP, without gRPC stubs."""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from collector.errors import BadRequest, StoreUnavailable
from collector.exports import store_export
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.otlp.declined import decline_logs, decline_metrics
from collector.receiver import ReceiverLimits

_SERVICE = "opentelemetry.proto.collector.{0}.v1.{1}Service"


def grpc_server(
    address: str, ingest: Ingest, metrics: CollectorMetrics, limits: ReceiverLimits | None = None
) -> tuple[grpc.aio.Server, int]:
    """A server bound to `address` (host:port; port 0 picks one), not yet started, and the port it got.

    Must be called in the event loop that will run it.

    Raises:
        OSError: if the address cannot be bound.
    """
    max_bytes = (limits or ReceiverLimits()).max_body_bytes

    async def traces(body: bytes, context: Any) -> Message | None:
        try:
            return await store_export(body, transport="grpc", ingest=ingest, metrics=metrics)
        except BadRequest as error:
            metrics.rejected_requests.labels("grpc", "INVALID_ARGUMENT").inc()
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except StoreUnavailable as error:
            metrics.rejected_requests.labels("grpc", "UNAVAILABLE").inc()
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        return None

    def declining(decline: Callable[..., Message]) -> Callable[[bytes, Any], Any]:
        async def answer(body: bytes, context: Any) -> Message | None:
            try:
                return decline(body, is_json=False)
            except BadRequest as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return None

        return answer

    # Two processes must not share a port by accident, which gRPC would allow.
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", max_bytes), ("grpc.so_reuseport", 0)])
    handlers = {
        ("trace", "Trace"): traces,
        ("logs", "Logs"): declining(decline_logs),
        ("metrics", "Metrics"): declining(decline_metrics),
    }
    for names, handler in handlers.items():
        method = grpc.unary_unary_rpc_method_handler(handler, response_serializer=lambda m: m.SerializeToString())
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE.format(*names), {"Export": method}),)
        )
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address} for OTLP/gRPC: {error}") from error
    return server, port
