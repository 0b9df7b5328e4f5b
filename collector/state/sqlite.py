"""SQLite as state database: one file, for the processes of one machine."""

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

LOCK_TIMEOUT_S = 30


def sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT_S})
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)  # readers never wait for the writer
    cursor.execute("PRAGMA synchronous=FULL")  # a returned commit is on disk, as the outbox promises
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """SQLite does not wait for this lock by itself when two processes open a new file at once."""
    deadline_s = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)
