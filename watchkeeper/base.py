"""What every role stands on: its folder, its port, the databases, its share of the duties, its metrics and checks."""

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from socket import socket

from prometheus_client import CollectorRegistry, ProcessCollector
from sqlalchemy import Engine, select

from collector.errors import StoreUnavailable
from collector.health import Check
from collector.state.duties import Duties, SoleDuties
from collector.state.sharing import SharedDuties
from collector.store.base import TelemetryReader, TelemetryStore
from watchkeeper.config import Config
from watchkeeper.datadir import claimed
from watchkeeper.roles import ALL, Role, check_shared, takes_telemetry
from watchkeeper.servers import ServerThread
from watchkeeper.sockets import listen
from watchkeeper.storage import Storage, open_databases, open_storage


@dataclass(frozen=True, kw_only=True)
class Base:
    """`storage` is the way in, None for a role that takes nothing. Parts add their `checks` (of /readyz) and `servers`,
    which are started when all are there; `stack` stops what they start."""

    config: Config
    roles: Collection[Role]
    stack: ExitStack
    data_dir: Path
    listener: socket
    url: str
    registry: CollectorRegistry
    engine: Engine
    store: TelemetryStore
    storage: Storage | None
    duties: Duties
    checks: dict[str, Check] = field(default_factory=dict)
    servers: list[ServerThread] = field(default_factory=list)

    def start_duties(self) -> None:
        """When every part has asked for its share."""
        if isinstance(self.duties, SharedDuties):
            self.duties.start()

    def server_problem(self) -> str | None:
        return next((f"{server.name} ended" for server in self.servers if not server.is_alive), None)


def open_base(config: Config, roles: Collection[Role], stack: ExitStack) -> Base:
    """Open all that is shared by the parts of `roles`, and leave to `stack` how to close it.

    Raises:
        WatchkeeperError: what keeps it from starting.
    """
    check_shared(config, roles)
    data_dir = folder_of(config, roles)
    if takes_telemetry(roles):
        data_dir = stack.enter_context(claimed(data_dir))
    listener, address = listen(config.server.host, config.server.port, option="--port")
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    storage = None
    if takes_telemetry(roles):
        storage = open_storage(config, data_dir, registry, stack, serves=True)
        engine, store = storage.engine, storage.store
    else:
        engine, store = open_databases(config, data_dir, stack)
    base = Base(
        config=config,
        roles=roles,
        stack=stack,
        data_dir=data_dir,
        listener=listener,
        url=f"http://{address}",
        registry=registry,
        engine=engine,
        store=store,
        storage=storage,
        duties=_duties_of(config, engine, stack),
    )
    base.checks["servers"] = base.server_problem
    if isinstance(base.duties, SharedDuties) and "evaluate" in roles:
        base.checks["duties"] = base.duties.problem
    if set(roles) != {"collect"}:  # a collector takes telemetry without the databases: keys are known, the spool waits
        base.checks["state"] = partial(state_problem, engine)
        if config.store.kind != "duckdb":
            base.checks["store"] = partial(store_problem, store)
    return base


def folder_of(config: Config, roles: Collection[Role]) -> Path:
    """Roles that run apart on one machine, from one configuration, each have a folder of their own in `data_dir`."""
    folder = config.server.data_dir
    return folder if set(roles) == set(ALL) else folder / "-".join(roles)


def state_problem(engine: Engine) -> str | None:
    """Why the state database does not answer now, None when it does."""
    try:
        with engine.connect() as connection:
            connection.execute(select(1))
    except StoreUnavailable as error:
        return str(error)
    return None


def store_problem(store: TelemetryReader) -> str | None:
    """Why the telemetry store does not answer now, None when it does."""
    try:
        store.last_seq()
    except StoreUnavailable as error:
        return str(error)
    return None


def _duties_of(config: Config, engine: Engine, stack: ExitStack) -> Duties:
    if config.store.kind == "duckdb":  # it owns the files, so no other process can be at work on them
        return SoleDuties(engine)
    duties = SharedDuties(engine)
    stack.callback(duties.close)  # comes after the end of the parts that work under them
    return duties
