"""The two OTLP servers of the process."""

from dataclasses import dataclass

import grpc

from collector.grpc_receiver import grpc_server
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.receiver import ReceiverLimits, receiver_app
from watchkeeper.config import ServerConfig
from watchkeeper.servers import ServerThread, grpc_endpoint, http
from watchkeeper.sockets import PortUnavailable, join_address, listen


@dataclass(frozen=True, slots=True, kw_only=True)
class Otlp:
    """What decoded telemetry goes to, and the limits of a request."""

    ingest: Ingest
    metrics: CollectorMetrics
    limits: ReceiverLimits


def http_thread(otlp: Otlp, config: ServerConfig) -> tuple[ServerThread, str]:
    """A server that is bound but not started, and its address."""
    listener, address = listen(config.host, config.otlp_http_port, option="--otlp-http-port")
    app = receiver_app(otlp.ingest, otlp.metrics, otlp.limits)
    return ServerThread("OTLP/HTTP", http(app, listener, drain_timeout_s=config.drain_timeout_s)), address


class GrpcThread(ServerThread):
    """gRPC binds by itself, in its event loop: its address is known once it has started."""

    def __init__(self, otlp: Otlp, config: ServerConfig) -> None:
        super().__init__("OTLP/gRPC", grpc_endpoint(self._open, drain_timeout_s=config.drain_timeout_s))
        self._otlp, self._config = otlp, config
        if config.otlp_grpc_port:
            # Asked first because gRPC does not say why it cannot bind.
            listen(config.host, config.otlp_grpc_port, option="--otlp-grpc-port")[0].close()
        self.address = ""

    def _open(self) -> grpc.aio.Server:
        wanted = join_address(self._config.host, self._config.otlp_grpc_port)
        try:
            server, port = grpc_server(wanted, self._otlp.ingest, self._otlp.metrics, self._otlp.limits)
        except OSError as error:
            raise PortUnavailable(f"{error}; choose another port with --otlp-grpc-port (0 picks a free one)") from error
        self.address = join_address(self._config.host, port)
        return server
