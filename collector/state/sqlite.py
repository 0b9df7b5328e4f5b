"""SQLite as state database: one file, for the processes of one machine."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

LOCK_TIMEOUT_S = 30


def sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT_S})
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # WAL: readers never wait for the writer. FULL: a returned commit is on disk, as the outbox promises.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
