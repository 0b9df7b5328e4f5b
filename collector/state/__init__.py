"""The state database: SQLite beside the telemetry by default."""

import time
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from collector.errors import StoreUnavailable, WatchkeeperError
from collector.state.migrations import bring_up_to_date, schema_version
from collector.state.tables import SCHEMA_VERSION

STATE_FILE = "state.sqlite"


def open_state(url: str) -> Engine:
    """Open the state database at `url` (sqlite:///PATH); on first use its tables are made, an older one is upgraded.

    Raises:
        StoreUnavailable: if it cannot be opened.
        WatchkeeperError: if a newer Watchkeeper wrote it.
    """
    engine = create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    if url.startswith("sqlite"):
        event.listen(engine, "connect", _set_pragmas)
    try:
        with engine.connect() as connection:
            is_current = schema_version(connection) == SCHEMA_VERSION
        if not is_current:
            with engine.begin() as connection:
                if url.startswith("sqlite"):  # takes the write lock now: of two that open it, one upgrades
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                bring_up_to_date(connection, now_ns=time.time_ns())
    except OperationalError as error:
        raise StoreUnavailable(f"{url}: the state database cannot be opened: {error.orig}") from error
    except WatchkeeperError as error:
        raise WatchkeeperError(f"{url}: {error}") from error
    return engine


def state_url(data_dir: Path) -> str:
    return f"sqlite:///{data_dir / STATE_FILE}"


def _set_pragmas(connection, _record) -> None:  # type: ignore[no-untyped-def]
    cursor = connection.cursor()
    # WAL: readers never wait for the writer. FULL: a returned commit is on disk, as the outbox promises.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
