"""The store of a data directory and the way into it: one for `up` and for every command that writes without it."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from collector.config import CollectorConfig
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
from evaluators.checkpoints import newest_checkpoint
from watchkeeper.config import Config


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
    ingest: Ingest
    policies: Policies
    """Of redaction, by project, as `ingest` applies them."""


def known_projects(engine: Engine, configured: Iterable[str]) -> list[str]:
    """The projects that were made, and those that the configuration speaks of."""
    with engine.connect() as connection:
        return [*connection.scalars(select(projects.c.name)), *configured]


def open_storage(
    config: Config, data_dir: Path, registry: CollectorRegistry, parts: ExitStack, *, serves: bool = False
) -> Storage:
    """Open what `data_dir`, claimed by this process, holds, and leave to `parts` how to close it.

    Args:
        serves: telemetry comes in while others read: it is understood in a process of its own.
    """
    metrics = CollectorMetrics(registry)
    engine = open_state(state_url(data_dir))
    parts.callback(engine.dispose)
    # Where day files were moved away, new calls must not get numbers that the evaluators are done with.
    store = open_store(data_dir, after_seq=newest_checkpoint(engine))
    parts.callback(store.close)
    spool = spooled(
        store,
        data_dir / "spool",
        metrics=metrics,
        spool_metrics=SpoolMetrics(registry),
        config=config.collector.spool,
    )
    parts.callback(spool.close)
    store.before_read = spool.catch_up
    settings = intake_settings(config.collector, engine)
    intake: Intake = settings.intake()
    if serves:
        process = ProcessIntake(settings)
        parts.callback(process.close)
        process.start()
        intake = process
    ingest = Ingest(store, metrics, spool=spool, intake=intake, max_queue_bytes=config.collector.max_queue_bytes)
    parts.callback(ingest.close)
    return Storage(engine, metrics, store, spool, ingest, settings.policies())
