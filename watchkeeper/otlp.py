"""The two OTLP servers of the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from collector.budget import ByteBudget
from collector.config import CollectorConfig
from collector.exports import Exports, ReceiverLimits
from collector.grpc_receiver import grpc_server
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.otlp.limits import Limits
from collector.projects.gate import Gate
from collector.receiver import receiver_app
from collector.retention import Retention
from watchkeeper.base import Base
from watchkeeper.config import ServerConfig
from watchkeeper.servers import ServerThread, grpc_endpoint, http
from watchkeeper.sockets import PortUnavailable, join_address, listen
from watchkeeper.taking import Taking


def exports_of(
    config: CollectorConfig,
    ingest: Ingest,
    metrics: CollectorMetrics,
    gate: Gate,
    budget: ByteBudget,
    retention: Callable[[], Retention] = Retention,
) -> Exports:
    """What both servers hand their exports to, so that the limits hold for them together."""
    records = Limits(
        max_records=config.max_records,
        max_attributes=config.max_attributes,
        max_value_chars=config.max_value_chars,
        max_future_s=config.max_future_s,
    )
    limits = ReceiverLimits(max_body_bytes=config.max_body_bytes, body_timeout_s=config.body_timeout_s, records=records)
    return Exports(ingest, metrics, limits=limits, budget=budget, gate=gate, retention=retention)


def http_thread(exports: Exports, config: ServerConfig) -> tuple[ServerThread, str]:
    """A server that is bound but not started, and its address."""
    listener, address = listen(config.host, config.otlp_http_port, option="--otlp-http-port")
    app = receiver_app(exports)
    return ServerThread("OTLP/HTTP", http(app, listener, drain_timeout_s=config.drain_timeout_s)), address


@dataclass(frozen=True, slots=True)
class Receivers:
    http_url: str
    grpc: GrpcThread


def add_receivers(base: Base, taking: Taking) -> Receivers:
    """Both servers, bound and not started."""
    config = base.config
    exports = exports_of(
        config.collector,
        taking.storage.ingest,
        taking.storage.metrics,
        taking.gate,
        taking.budget,
        retention=lambda: taking.keepers.loop.current,
    )
    otlp_http, address = http_thread(exports, config.server)
    otlp_grpc = GrpcThread(exports, config.server)
    base.servers.extend((otlp_http, otlp_grpc))
    return Receivers(f"http://{address}", otlp_grpc)


class GrpcThread(ServerThread):
    """gRPC binds by itself, in its event loop: its address is known once it has started."""

    def __init__(self, exports: Exports, config: ServerConfig) -> None:
        super().__init__("OTLP/gRPC", grpc_endpoint(self._open, drain_timeout_s=config.drain_timeout_s))
        self._exports, self._config = exports, config
        if config.otlp_grpc_port:
            # Asked first because gRPC does not say why it cannot bind.
            listen(config.host, config.otlp_grpc_port, option="--otlp-grpc-port")[0].close()
        self.address = ""

    def _open(self) -> grpc.aio.Server:
        wanted = join_address(self._config.host, self._config.otlp_grpc_port)
        try:
            server, port = grpc_server(wanted, self._exports)
        except OSError as error:
            raise PortUnavailable(f"{error}; choose another port with --otlp-grpc-port (0 picks a free one)") from error
        self.address = join_address(self._config.host, port)
        return server
