"""`watchkeeper serve`: one model in a process of its own."""

import asyncio
import json
import os
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from serving.config import ServingConfig
from serving.engine.base import Engine

_AFTER_THE_CUT_S = 5


def run(config: ServingConfig) -> None:
    """Load the model, print the ready line, and serve until SIGTERM or SIGINT; running answers are finished first.

    Raises:
        RuntimeError: torch is in this process already, so its threads can no longer be told to sleep while they wait.
        ValueError: `config.model_path` holds no model that can be served.
        OSError: the port is taken.
    """
    prepare_environment()
    # Only now: both read the environment when they are imported.
    from serving.api import build
    from serving.engine import transformers_engine
    from serving.telemetry import Telemetry

    with _listen(config.host, config.port) as listener:
        engine = transformers_engine.load(config)
        app = build(engine, Telemetry(config), config)
        server = _DrainingServer(app, engine, config.drain_timeout_s)
        # uvicorn drains on these, then raises them again for the handlers that stood here before.
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: None)
        # A client that connects from here on is answered: the socket listens already.
        print(json.dumps({"event": "ready", "openai": _url(listener) + "/v1"}), flush=True)
        server.run(sockets=[listener])


class _DrainingServer(uvicorn.Server):
    """Lets answers finish for a while; those that do not are ended by the engine, so that their clients are told."""

    def __init__(self, app: FastAPI, engine: Engine, drain_timeout_s: int) -> None:
        # uvicorn's own timeout only cuts the connection: it is for handlers that do not end by themselves.
        super().__init__(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=drain_timeout_s + _AFTER_THE_CUT_S)
        )
        self._engine = engine
        self._drain_timeout_s = drain_timeout_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cutting = asyncio.create_task(self._cut())
        await super().shutdown(sockets)
        cutting.cancel()

    async def _cut(self) -> None:
        await asyncio.sleep(self._drain_timeout_s)
        await asyncio.to_thread(self._engine.close)


def prepare_environment() -> None:
    """What torch and transformers must find in the environment before they are imported.

    Waiting OpenMP threads that spin take the cores from those that work: on two shared cores 44 instead of 170 tokens
    a second, and once no answer in 70 s.
    """
    if "torch" in sys.modules and os.environ.get("OMP_WAIT_POLICY") != "passive":
        raise RuntimeError("torch was imported before the server; start the server in a process of its own")
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ["HF_HUB_OFFLINE"] = "1"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
