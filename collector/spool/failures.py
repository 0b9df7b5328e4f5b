"""SQLite's errors in the words of the spool."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import StoreUnavailable


class SpoolDamaged(StoreUnavailable):
    """The file cannot be read any more: no retry can help before a person has looked."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite or the disk could not do with the spool at `path` into a sentence.

    Raises:
        SpoolDamaged, StoreUnavailable
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Primary result code: the rest says where it happened.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise SpoolDamaged(
                f"{path}: damaged ({error}). It holds telemetry that was acknowledged and is not in the store yet: "
                f"stop Watchkeeper, move the file away together with {path.name}-wal, start again, and save what can "
                f"be read with `sqlite3 {path.name} .recover`",
                retry_after_s=60.0,
            ) from error
        if code == sqlite3.SQLITE_BUSY:
            raise StoreUnavailable(
                f"{path}: another process holds it; stop that one, or give this one a folder of its own"
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise StoreUnavailable(f"{path}: the disk is full; make room", retry_after_s=5.0) from error
        raise StoreUnavailable(f"{path}: {error}; see to the disk and its permissions") from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or os.strerror(error.errno or 0)}") from error
