"""The databases of an installation and the way into them: one for all roles and for every command."""

import logging
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from collector.config import CollectorConfig
from collector.errors import StoreMisconfigured, StoreUnavailable
from collector.ingest import Ingest, Intake
from collector.intake.process import ProcessIntake
from collector.intake.settings import IntakeSettings
from collector.metrics import CollectorMetrics
from collector.redacting import Policies
from collector.spool import spooled
from collector.spool.metrics import SpoolMetrics
from collector.spool.spool import Spool
from collector.state import open_state, state_url
from collector.state.secrets import kept_secret
from collector.state.tables import projects
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.store.elasticsearch.store import ElasticsearchStore
from evaluators.checkpoints import newest_checkpoint
from watchkeeper.config import Config

SPOOL_FOLDER = "spool"

log = logging.getLogger(__name__)


def intake_settings(config: CollectorConfig, engine: Engine) -> IntakeSettings:
    """What is done with telemetry before it is stored, as the operator has set it."""
    installation_key = kept_secret(engine, "redaction_key")
    return IntakeSettings(redaction=config.redaction, prices=config.prices, installation_key=installation_key)


@dataclass(frozen=True, slots=True)
class Storage:
    """`ingest` is the only way in for telemetry: whatever must happen to it before it is stored, happens there."""

    engine: Engine
    metrics: CollectorMetrics
    store: TelemetryStore
    spool: Spool
    """What `ingest` has taken waits in it for the store."""
    ingest: Ingest
    policies: Policies
    """Of redaction, by project, as `ingest` applies them."""


def known_projects(engine: Engine, configured: Iterable[str]) -> list[str]:
    """The projects that were made, and those that the configuration speaks of."""
    with engine.connect() as connection:
        return [*connection.scalars(select(projects.c.name)), *configured]


def open_state_of(config: Config, data_dir: Path) -> Engine:
    """The state database: that of the configuration, else the one in `data_dir`."""
    given = config.server.state_url
    return open_state(state_url(data_dir) if given is None else given.get_secret_value())


def open_databases(config: Config, data_dir: Path, parts: ExitStack) -> tuple[Engine, TelemetryStore]:
    """Open state and telemetry, and leave to `parts` how to close them.

    Args:
        data_dir: claimed by this process, where the telemetry is in files.
    """
    engine = open_state_of(config, data_dir)
    parts.callback(engine.dispose)
    # Where the oldest telemetry was moved away, new calls must not get numbers that the evaluators are done with.
    store = _telemetry_of(config, data_dir, after_seq=newest_checkpoint(engine))
    parts.callback(store.close)
    return engine, store


def open_storage(
    config: Config, data_dir: Path, registry: CollectorRegistry, parts: ExitStack, *, serves: bool = False
) -> Storage:
    """Open the databases and the way in, and leave to `parts` how to close it.

    Args:
        data_dir: claimed by this process.
        serves: telemetry comes in while others read: it is understood in a process of its own.
    """
    metrics = CollectorMetrics(registry)
    engine, store = open_databases(config, data_dir, parts)
    spool = spooled(
        store,
        data_dir / SPOOL_FOLDER,
        metrics=metrics,
        spool_metrics=SpoolMetrics(registry),
        config=config.collector.spool,
    )
    parts.callback(spool.close)
    if config.store.kind == "duckdb":  # who asks a cluster gets what it has: it may be away, or behind another's spool
        store.before_read = spool.catch_up
    settings = intake_settings(config.collector, engine)
    intake: Intake = settings.intake()
    if serves:
        process = ProcessIntake(settings)
        parts.callback(process.close)
        process.begin()
        intake = process
    ingest = Ingest(store, metrics, spool=spool, intake=intake, max_queue_bytes=config.collector.max_queue_bytes)
    parts.callback(ingest.close)
    return Storage(engine, metrics, store, spool, ingest, settings.policies())


def _telemetry_of(config: Config, data_dir: Path, *, after_seq: int) -> TelemetryStore:
    table = config.store.elasticsearch
    if table is None:
        return open_store(data_dir, after_seq=after_seq)
    store = ElasticsearchStore(table.config(), after_seq=after_seq)
    try:
        store.prepare()
    except StoreMisconfigured:
        store.close()
        raise
    except StoreUnavailable as error:  # it prepares itself when it is there; until then the spool keeps what comes
        log.warning("%s; started without it", error)
    return store
