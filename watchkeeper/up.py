"""Every process of the platform: the parts of its roles, joined here, started in order and stopped in the reverse."""

import gc
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack
from types import FrameType

from fastapi import FastAPI

from collector.errors import WatchkeeperError
from collector.memory import keep_freed_blocks
from watchkeeper.base import Base, open_base
from watchkeeper.config import Config
from watchkeeper.datadir import note_url
from watchkeeper.evaluation import lags_of, start_evaluation
from watchkeeper.findings import findings_of
from watchkeeper.logs import log_to_stderr
from watchkeeper.otlp import add_receivers
from watchkeeper.roles import ALL, Role
from watchkeeper.servers import ServerThread, http
from watchkeeper.taking import start_health, start_taking
from watchkeeper.web import add_pages, rest_of, web_app

DEFAULT_OTLP_URL = "http://127.0.0.1:4318"

log = logging.getLogger(__name__)


def run(config: Config, roles: Collection[Role] = ALL) -> None:
    """Run until SIGTERM or SIGINT; a second signal ends the process at once.

    Raises:
        WatchkeeperError: what keeps it from starting, or a part that failed.
    """
    log_to_stderr()
    keep_freed_blocks()
    stop = _stop_on_signals()
    with ExitStack() as stack:
        base = open_base(config, roles, stack)
        ready = _start(base)
        # What was made until now stays to the end, and of what comes little stands in circles: looking for those in all
        # that joining remembers would hold up commits.
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)
        print(json.dumps(ready), flush=True)
        while not stop.wait(1.0):
            if failed := [server.name for server in base.servers if not server.is_alive]:
                raise WatchkeeperError(f"the {failed[0]} server ended by itself; the log above says why")
        log.info("stopping: what is in hand is finished first")
    log.info("stopped")


def _start(base: Base) -> dict[str, str]:
    """Start every part of the roles. Returns the ready line, for whoever started the process."""
    findings = findings_of(base, ticks="evaluate" in base.roles)
    if "evaluate" in base.roles:
        start_evaluation(base, findings)
    if base.storage is None:
        app = web_app(base)
        base.start_duties()
        _serve(base, app)
        return {"event": "ready", "http": base.url}
    taking = start_taking(base, base.storage)
    health = start_health(base, base.storage, lags_of(base))
    app = web_app(base, rest_of(base, taking, health, findings))
    receivers = add_receivers(base, taking) if "collect" in base.roles else None
    close_streams = None
    if "dashboard" in base.roles:
        otlp_url = base.config.server.otlp_url or (receivers.http_url if receivers else DEFAULT_OTLP_URL)
        close_streams = add_pages(app, base, taking, health, findings, otlp_url=otlp_url)
    base.start_duties()
    _serve(base, app, close_streams)
    note_url(base.data_dir, base.url)
    line = {"event": "ready", "ui" if "dashboard" in base.roles else "http": base.url}
    return line | ({"otlp_http": receivers.http_url, "otlp_grpc": receivers.grpc.address} if receivers else {})


def _serve(base: Base, app: FastAPI, close_streams: Callable[[], None] | None = None) -> None:
    server = http(app, base.listener, drain_timeout_s=base.config.server.drain_timeout_s)
    base.servers.append(ServerThread("UI" if "dashboard" in base.roles else "HTTP", server))
    base.stack.callback(_stop_all, base.servers)
    if close_streams is not None:
        base.stack.callback(close_streams)
    for each in base.servers:
        each.start()


def _stop_all(servers: list[ServerThread]) -> None:
    """All refuse new work first, then each finishes its own."""
    for server in servers:
        server.stop()
    for server in servers:
        server.join()


def _stop_on_signals() -> threading.Event:
    """An event that the first SIGTERM or SIGINT sets; the second one ends the process."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop
