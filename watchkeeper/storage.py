"""The store of a data directory and the way into it: one for `up` and for every command that writes without it."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from sqlalchemy import Engine, select

from collector.config import CollectorConfig
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.prices import PriceList
from collector.redacting import Policies
from collector.state import open_state, state_url
from collector.state.secrets import kept_secret
from collector.state.tables import projects
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.understanding import Understanding
from evaluators.checkpoints import newest_checkpoint
from watchkeeper.config import Config


def understanding_of(config: CollectorConfig, engine: Engine, metrics: CollectorMetrics) -> Understanding:
    """What is done with telemetry before it is stored, as the operator has set it."""
    installation_key = kept_secret(engine, "redaction_key")
    policies = lru_cache(maxsize=1_024)(partial(config.redaction.policy, installation_key=installation_key))
    return Understanding(prices=PriceList.of(config.prices), policies=policies, count=metrics.understood)


@dataclass(frozen=True, slots=True)
class Storage:
    """`ingest` is the only way in for telemetry: whatever must happen to it before it is stored, happens there."""

    engine: Engine
    store: TelemetryStore
    ingest: Ingest
    policies: Policies
    """Of redaction, by project, as `ingest` applies them."""


def known_projects(engine: Engine, configured: Iterable[str]) -> list[str]:
    """The projects that were made, and those that the configuration speaks of."""
    with engine.connect() as connection:
        return [*connection.scalars(select(projects.c.name)), *configured]


def open_storage(config: Config, data_dir: Path, metrics: CollectorMetrics, parts: ExitStack) -> Storage:
    """Open what `data_dir`, claimed by this process, holds, and leave to `parts` how to close it."""
    engine = open_state(state_url(data_dir))
    parts.callback(engine.dispose)
    # Where day files were moved away, new calls must not get numbers that the evaluators are done with.
    store = open_store(data_dir, after_seq=newest_checkpoint(engine))
    parts.callback(store.close)
    understanding = understanding_of(config.collector, engine, metrics)
    ingest = Ingest(store, metrics, understand=understanding, max_queue_bytes=config.collector.max_queue_bytes)
    parts.callback(ingest.close)
    return Storage(engine, store, ingest, understanding.policies)
