"""`watchkeeper up`: all parts in one process, joined here, started in order and stopped in the reverse order."""

import gc
import json
import logging
import os
import signal
import threading
from contextlib import ExitStack
from functools import partial
from types import FrameType
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector

from collector.api.erasing import erasing_router
from collector.api.guard import Guard
from collector.api.system import system_router
from collector.errors import WatchkeeperError
from collector.health import Check, Health
from collector.metrics import CollectorMetrics
from collector.opinions import Resolving
from collector.projects.gate import Gate
from collector.redactions import Redactions
from evaluators.api import alerts_router
from watchkeeper.config import Config
from watchkeeper.datadir import claimed, note_url, write_problem
from watchkeeper.evaluation import EvaluationMetrics, start_evaluation
from watchkeeper.keeping import start_keeping
from watchkeeper.logs import log_to_stderr
from watchkeeper.otlp import GrpcThread, exports_of, http_thread
from watchkeeper.servers import ServerThread, http
from watchkeeper.sockets import listen
from watchkeeper.storage import known_projects, open_storage
from watchkeeper.web import add_pages, web_app

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT; a second signal ends the process at once.

    Raises:
        WatchkeeperError: what keeps it from starting, or a part that failed.
    """
    log_to_stderr()
    stop = _stop_on_signals()
    with ExitStack() as parts:
        servers, ready = _start(config, parts)
        # What was made until now stays to the end, and of what comes little stands in circles: looking for those in all
        # that joining remembers would hold up commits.
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)
        print(json.dumps(ready), flush=True)
        while not stop.wait(1.0):
            if failed := [server.name for server in servers if not server.is_alive]:
                raise WatchkeeperError(f"the {failed[0]} server ended by itself; the log above says why")
        log.info("stopping: what is in hand is finished first")
    log.info("stopped")


def _start(config: Config, parts: ExitStack) -> tuple[list[ServerThread], dict[str, str]]:
    """Start every part, and leave to `parts` how to stop it. Returns the servers and the ready line."""
    data_dir = parts.enter_context(claimed(config.server.data_dir))
    ui_socket, ui_address = listen(config.server.host, config.server.port, option="--port")
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = CollectorMetrics(registry)

    storage = open_storage(config, data_dir, metrics, parts)
    engine, store, ingest = storage.engine, storage.store, storage.ingest
    gate = Gate(engine, auth=config.server.auth, beyond_loopback=config.server.is_beyond_loopback)
    gate.start()
    parts.callback(gate.close)
    if gate.lets_nobody_in:
        log.warning("no API key is valid, so nobody can send or read: make one with `watchkeeper key create`")
    parts.callback(Resolving(store).close)
    keepers = start_keeping(storage, config.collector, data_dir, parts)

    ui_url = f"http://{ui_address}"
    evaluation = start_evaluation(
        store, engine, config.evaluators, ui_url=ui_url, ingest_load=lambda: ingest.load, parts=parts
    )
    registry.register(EvaluationMetrics(evaluation))

    exports = exports_of(config.collector, ingest, metrics, gate, retention=lambda: keepers.loop.current)
    otlp_http, otlp_http_address = http_thread(exports, config.server)
    otlp_grpc = GrpcThread(exports, config.server)
    servers = [otlp_http, otlp_grpc]

    checks: dict[str, Check] = {
        "store": partial(write_problem, data_dir),
        "ingest": lambda: ingest.problem,
        "servers": lambda: next((f"{s.name} ended" for s in servers if not s.is_alive), None),
        "evaluation": evaluation.problem,
    }
    health = Health(
        metrics,
        checks=checks,
        max_queue_bytes=config.collector.max_queue_bytes,
        load=lambda: ingest.load,
        footprint=store.footprint,
        lags=evaluation.lags,
    )
    parts.callback(health.close)
    health.start()
    redactions = Redactions(storage.policies, partial(known_projects, engine, config.collector.redaction.projects))
    app = web_app(
        store=store,
        ingest=ingest,
        metrics=metrics,
        gate=gate,
        max_body_bytes=config.collector.max_body_bytes,
        budget=exports.budget,
        checks=checks,
        registry=registry,
        routers=(
            alerts_router(evaluation.alerts.book, Guard(gate, store)),
            system_router(Guard(gate, store), health.figures),
            erasing_router(keepers.erasures, Guard(gate, store)),
        ),
    )
    otlp_url = f"http://{otlp_http_address}"
    hosts = None
    if not config.server.is_beyond_loopback:
        hosts = (config.server.host, urlsplit(config.evaluators.alerts.base_url).hostname or "")
    close_streams = add_pages(
        app,
        store=store,
        engine=engine,
        evaluation=evaluation,
        health=health,
        redactions=redactions,
        gate=gate,
        otlp_url=otlp_url,
        hosts=hosts,
    )
    servers.append(ServerThread("UI", http(app, ui_socket, drain_timeout_s=config.server.drain_timeout_s)))
    parts.callback(_stop_all, servers)
    parts.callback(close_streams)
    for server in servers:
        server.start()
    note_url(data_dir, ui_url)
    return servers, {
        "event": "ready",
        "ui": ui_url,
        "otlp_http": otlp_url,
        "otlp_grpc": otlp_grpc.address,
    }


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
