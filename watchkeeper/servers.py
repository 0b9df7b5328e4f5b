"""Servers, each on a thread and event loop of its own, so that a slow page cannot hold up ingest."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import grpc
import uvicorn
import uvloop

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0

Serve = Callable[[Callable[[], None], asyncio.Event], Awaitable[None]]
"""Serve until the event is set; call the first argument once connections are answered."""


class ServerThread:
    """Runs one `Serve` on its own event loop."""

    def __init__(self, name: str, serve: Serve) -> None:
        self.name = name
        self._serve = serve
        self._ready: Future[None] = Future()
        self._loop = uvloop.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Return when connections are answered; raise what kept the server from it."""
        self._thread.start()
        self._ready.result(START_TIMEOUT_S)

    def stop(self) -> None:
        """Ask the server to take no more and to finish what it has; does not wait."""
        if self.is_alive:
            with contextlib.suppress(RuntimeError):  # it may end of itself just now
                self._loop.call_soon_threadsafe(self._stop.set)

    def join(self) -> None:
        if self._thread.ident is not None:  # a thread that never started cannot be joined
            self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main())
        except BaseException as error:
            if self._ready.done():
                log.exception("the %s server failed", self.name)
            else:
                self._ready.set_exception(error)

    async def _main(self) -> None:
        await self._serve(lambda: self._ready.set_result(None), self._stop)


def http(app: Any, listener: socket.socket, *, drain_timeout_s: int) -> Serve:
    """Serve the ASGI application on an already bound socket."""

    async def serve(ready: Callable[[], None], stop: asyncio.Event) -> None:
        config = uvicorn.Config(
            app, http="httptools", log_config=None, access_log=False, timeout_graceful_shutdown=drain_timeout_s
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if running.done():
                running.result()
                raise RuntimeError("the server ended before it began; its log says why")
            await asyncio.sleep(0.01)
        ready()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
        await running

    return serve


def grpc_endpoint(open_server: Callable[[], grpc.aio.Server], *, drain_timeout_s: int) -> Serve:
    """Serve what `open_server`, called in the event loop, returns."""

    async def serve(ready: Callable[[], None], stop: asyncio.Event) -> None:
        server = open_server()
        await server.start()
        ready()
        await stop.wait()
        await server.stop(grace=drain_timeout_s)

    return serve
