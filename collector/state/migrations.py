"""From the schema that an older Watchkeeper left to that of today, in one transaction."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, insert, inspect, select, text, update

from collector.call import DEFAULT_PROJECT
from collector.errors import WatchkeeperError
from collector.state.tables import SCHEMA_VERSION, meta, metadata, projects


def schema_version(connection: Connection) -> int | None:
    """The version of what is there; None: nothing is."""
    inspector = inspect(connection)
    if not inspector.has_table(meta.name):
        return None
    version = connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))
    if version is not None:
        return int(version)
    # Version 1 wrote its number after its tables: a crash between the two left it out.
    return 1 if inspector.has_table("rules") else None


def bring_up_to_date(connection: Connection, *, now_ns: int) -> None:
    """Create what is missing and change what is older.

    Raises:
        WatchkeeperError: if a newer Watchkeeper wrote it; nothing is touched then.
    """
    version = schema_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        raise WatchkeeperError(
            f"it has schema {version}, this Watchkeeper knows {SCHEMA_VERSION}; start the newer Watchkeeper instead"
        )
    if version is not None:
        for old in range(version, SCHEMA_VERSION):
            _STEPS[old](connection)
    metadata.create_all(connection)
    is_version = meta.c.key == "schema_version"
    if connection.execute(update(meta).where(is_version).values(value=str(SCHEMA_VERSION))).rowcount == 0:
        connection.execute(insert(meta).values(key="schema_version", value=str(SCHEMA_VERSION)))
    if connection.scalar(select(projects.c.name).where(projects.c.name == DEFAULT_PROJECT)) is None:
        connection.execute(insert(projects).values(name=DEFAULT_PROJECT, created_ns=now_ns))


def _from_1(connection: Connection) -> None:
    """Alerts belong to projects; `create_all` makes the new tables."""
    connection.execute(text("ALTER TABLE alerts ADD COLUMN project VARCHAR NOT NULL DEFAULT 'default'"))
    connection.execute(text("CREATE INDEX alerts_by_project ON alerts (project, since_ns)"))


def _from_2(_connection: Connection) -> None:
    """Leases and members, which `create_all` makes."""


def _from_3(connection: Connection) -> None:
    """Monitors are gathered anew: their behaviours have another version, so that no reference would have lasted."""
    connection.execute(text("DROP TABLE IF EXISTS monitors"))
    if inspect(connection).has_table("verdict_feedback"):
        connection.execute(text("ALTER TABLE verdict_feedback ADD COLUMN monitor_id VARCHAR"))


_STEPS: Mapping[int, Callable[[Connection], None]] = {1: _from_1, 2: _from_2, 3: _from_3}
"""By the version they start from."""
