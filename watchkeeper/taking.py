"""What a role has that takes telemetry: keys, the rules of keeping and erasing, and figures of how it fares."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from collector.budget import ByteBudget
from collector.health import Health
from collector.opinions import Resolving
from collector.projects.gate import Gate
from collector.redactions import Redactions
from collector.system import Lag
from watchkeeper.base import Base
from watchkeeper.datadir import write_problem
from watchkeeper.keeping import Keepers, start_keeping
from watchkeeper.storage import Storage, known_projects

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    storage: Storage
    gate: Gate
    keepers: Keepers
    redactions: Redactions
    budget: ByteBudget
    """Of the bodies that come in, by OTLP and by REST."""


def start_taking(base: Base, storage: Storage) -> Taking:
    """Start what stands around the way in; who may use it is known when this returns."""
    config, stack = base.config, base.stack
    gate = Gate(base.engine, auth=config.server.auth, beyond_loopback=config.server.is_beyond_loopback)
    gate.start()
    stack.callback(gate.close)
    if gate.lets_nobody_in:
        log.warning("no API key is valid, so nobody can send or read: make one with `watchkeeper key create`")
    stack.callback(Resolving(base.store, duty=base.duties.duty("opinions")).close)
    keepers = start_keeping(storage, config.collector, base.data_dir, stack, duty=base.duties.duty("retention"))
    redactions = Redactions(storage.policies, partial(known_projects, base.engine, config.collector.redaction.projects))
    base.checks["store" if base.config.store.kind == "duckdb" else "disk"] = partial(write_problem, base.data_dir)
    base.checks["ingest"] = lambda: storage.ingest.problem
    base.checks["spool"] = lambda: storage.spool.status().problem
    budget = ByteBudget(config.collector.max_inflight_bytes)
    return Taking(storage=storage, gate=gate, keepers=keepers, redactions=redactions, budget=budget)


def start_health(base: Base, storage: Storage, lags: Callable[[], Sequence[Lag]]) -> Health:
    """The figures of this process for the page System and REST."""
    health = Health(
        storage.metrics,
        checks=base.checks,
        max_queue_bytes=base.config.collector.max_queue_bytes,
        load=lambda: storage.ingest.load,
        footprint=base.store.footprint,
        lags=lags,
        spool=storage.spool.status,
    )
    base.stack.callback(health.close)
    health.start()
    return health
