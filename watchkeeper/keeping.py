"""Retention and erasure, joined to the configuration, the projects and redaction."""

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine, select

from collector.config import CollectorConfig
from collector.erasure import Erasures
from collector.redaction import Mode, Role, redact
from collector.redaction.config import RedactionConfig
from collector.retention import Keep, Retention, RetentionLoop
from collector.state.duties import Duty
from collector.state.secrets import kept_secret
from collector.state.tables import projects
from watchkeeper.storage import Storage


@dataclass(frozen=True, slots=True)
class Keepers:
    erasures: Erasures
    loop: RetentionLoop


def retention_of(config: CollectorConfig, engine: Engine) -> Retention:
    """How long each project is kept now."""
    with engine.connect() as connection:
        rows = connection.execute(select(projects.c.name, projects.c.telemetry_days, projects.c.content_days)).all()
    return Retention(
        default=Keep(telemetry_days=config.retention.telemetry_days, content_days=config.retention.content_days),
        projects={name: Keep(telemetry_days=days, content_days=of_texts) for name, days, of_texts in rows},
    )


def start_keeping(
    storage: Storage, config: CollectorConfig, data_dir: Path, parts: ExitStack, *, duty: Duty
) -> Keepers:
    """Start what deletes, and leave to `parts` how to stop it. `duty`: retention is for one process."""
    erasures = erasures_of(storage, config, data_dir)
    parts.callback(erasures.close)
    retention = partial(retention_of, config, storage.engine)
    loop = RetentionLoop(storage.store, retention, first=erasures.resume, duty=duty)
    parts.callback(loop.close)
    loop.start()
    return Keepers(erasures, loop)


def erasures_of(storage: Storage, config: CollectorConfig, data_dir: Path) -> Erasures:
    installation_key = kept_secret(storage.engine, "redaction_key")
    redacted = partial(redacted_forms, config.redaction, installation_key)
    return Erasures(storage.store, storage.engine, data_dir, redacted=redacted, settle=storage.spool.settle)


def redacted_forms(config: RedactionConfig, installation_key: bytes, user: str) -> Collection[str]:
    """What redaction makes of a user id, such as an e-mail address, in each project that has rules of its own."""
    forms = set()
    table, roles = pa.table({"user_id": pa.array([user])}), {"user_id": Role(form="identifier")}
    for project in (None, *config.projects):
        policy = config.policy(project, installation_key=installation_key)
        if policy.mode is not Mode.OFF:
            forms.add(redact(table, roles, policy)[0]["user_id"][0].as_py())
    return forms - {user}
