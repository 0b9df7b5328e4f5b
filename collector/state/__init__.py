"""The state database: SQLite beside the telemetry by default."""

from pathlib import Path

from sqlalchemy import Engine, create_engine, event, insert, select
from sqlalchemy.exc import OperationalError

from collector.errors import StoreUnavailable, WatchkeeperError
from collector.state.tables import SCHEMA_VERSION, meta, metadata


def open_state(url: str) -> Engine:
    """Open the state database at `url` (sqlite:///PATH), creating its tables on first use.

    Raises:
        StoreUnavailable: if it cannot be opened.
        WatchkeeperError: if a newer Watchkeeper wrote it.
    """
    engine = create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    if url.startswith("sqlite"):
        event.listen(engine, "connect", _set_pragmas)
    try:
        metadata.create_all(engine)
        with engine.begin() as connection:
            version = connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))
            if version is None:
                connection.execute(insert(meta).values(key="schema_version", value=str(SCHEMA_VERSION)))
    except OperationalError as error:
        raise StoreUnavailable(f"{url}: the state database cannot be opened: {error.orig}") from error
    if version is not None and int(version) > SCHEMA_VERSION:
        raise WatchkeeperError(
            f"{url} has schema {version}, this Watchkeeper knows {SCHEMA_VERSION}; start the newer Watchkeeper instead"
        )
    return engine


def state_url(data_dir: Path) -> str:
    return f"sqlite:///{data_dir / 'state.sqlite'}"


def _set_pragmas(connection, _record) -> None:  # type: ignore[no-untyped-def]
    cursor = connection.cursor()
    # WAL: readers never wait for the writer. FULL: a returned commit is on disk, as the outbox promises.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
