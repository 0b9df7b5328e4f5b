"""The spool on disk: an SQLite file of entries in the order of their arrival."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.errors import StoreUnavailable, WatchkeeperError
from collector.spool.entry import COLUMNS, Entry, Held
from collector.spool.failures import explained

SCHEMA_VERSION = 1
# Entries are long. Measured with those of 2 kB to 1.5 MB: commits are shortest so, and the longest below 0.1 s.
PAGE_BYTES = 16 * 2**10
LOG_BYTES = 16 * 2**20
REJECTED_SHARE = 1 / 16
"""Of the file, at most so much holds what the store will not take."""
MAX_GROUP = 256

_NAMES = ", ".join(COLUMNS)
_MARKS = ", ".join("?" * len(COLUMNS))
_SCHEMA = f"""
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, taken_ns INTEGER NOT NULL, n_spans INTEGER NOT NULL,
        n_bytes INTEGER NOT NULL, payload BLOB NOT NULL
    );
    CREATE TABLE rejected (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, taken_ns INTEGER NOT NULL, n_spans INTEGER NOT NULL,
        n_bytes INTEGER NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL
    );
    PRAGMA user_version = {SCHEMA_VERSION};
"""


class SpoolFile:
    """For any thread: one connection, which one thread uses at a time. What `append` returned from is on disk.

    Space that was drained is used again; `shrink` gives it back.

    Raises, in every method:
        SpoolDamaged: the file is broken.
        StoreUnavailable: the disk is full or fails.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        """
        Raises:
            StoreUnavailable: another process holds it, too.
            WatchkeeperError: a newer version wrote it.
        """
        self.path = path
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # isolation_level None: transactions begin and end where this file says so.
            self._db = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    def _open(self) -> None:
        for setting in (
            "locking_mode = EXCLUSIVE",
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = FULL",  # a returned commit is on disk
            "secure_delete = OFF",  # zeros over each drained page would be written twice; `shrink` leaves none
            f"wal_autocheckpoint = {LOG_BYTES // PAGE_BYTES}",
            f"journal_size_limit = {4 * LOG_BYTES}",
        ):
            self._db.execute(f"PRAGMA {setting}")
        version = self._value("PRAGMA user_version")
        if version > SCHEMA_VERSION:
            raise WatchkeeperError(
                f"{self.path}: written by a newer Watchkeeper (schema {version}, this one knows {SCHEMA_VERSION}); "
                "run that version until the spool is empty"
            )
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        if self._value("SELECT count(*) FROM rejected"):
            with self._transaction():  # another version, or a mended store, may take them
                self._db.execute(f"INSERT INTO entries ({_NAMES}) SELECT {_NAMES} FROM rejected")
                self._db.execute("DELETE FROM rejected")
        counts = "count(*), coalesce(sum(n_spans), 0), coalesce(sum(length(payload)), 0)"
        self._held = Held(*self._db.execute(f"SELECT {counts} FROM entries").fetchone())
        self._rejected = Held()
        self._last_id = self._value("SELECT coalesce(max(id), 0) FROM entries")

    @property
    def held(self) -> Held:
        """What waits."""
        return self._held

    @property
    def rejected(self) -> Held:
        """What was set aside."""
        return self._rejected

    @property
    def last_id(self) -> int:
        """Of the newest entry that there ever was since the file was opened; 0 before the first."""
        return self._last_id

    def append(self, entries: Sequence[Entry]) -> None:
        """Add all of them or none.

        Raises:
            StoreUnavailable: no room, too.
        """
        with self._lock, explained(self.path):
            n_needed = sum(len(entry.payload) // PAGE_BYTES + 1 for entry in entries)
            if (self._n_used_pages() + n_needed) * PAGE_BYTES > self.max_bytes:
                raise StoreUnavailable(
                    f"{self.path}: {self._held.n_spans} spans wait for the store already, which is all that "
                    f"collector.spool.max_bytes ({self.max_bytes}) has room for; see why the store does not take them",
                    retry_after_s=5.0,
                )
            numbered = [replace(entry, id=self._last_id + n) for n, entry in enumerate(entries, 1)]
            with self._transaction():
                self._db.executemany(f"INSERT INTO entries ({_NAMES}) VALUES ({_MARKS})", map(_row, numbered))
            self._last_id += len(entries)
            self._held = self._held.plus(entries)

    def oldest(self, max_bytes: int) -> list[Entry]:
        """The first entry and those behind it, of one kind and `max_bytes` unpacked together; nothing when empty."""
        with self._lock, explained(self.path):
            heads = self._db.execute(f"SELECT id, kind, n_bytes FROM entries ORDER BY id LIMIT {MAX_GROUP}").fetchall()
            if not heads:
                return []
            ids = _group(heads, max_bytes)
            query = f"SELECT {_NAMES} FROM entries WHERE id BETWEEN ? AND ? ORDER BY id"
            return [_entry(row) for row in self._db.execute(query, (ids[0], ids[-1])).fetchall()]

    def first(self) -> tuple[int, int] | None:
        """The id of the first entry and when it was taken (ns); None when empty."""
        with self._lock, explained(self.path):
            row = self._db.execute("SELECT id, taken_ns FROM entries ORDER BY id LIMIT 1").fetchone()
        return None if row is None else (row[0], row[1])

    def remove(self, entries: Sequence[Entry]) -> None:
        with self._lock, explained(self.path):
            with self._transaction():
                self._delete("entries", entries)
            self._held = self._held.minus(entries)

    def reject(self, entry: Entry, reason: str) -> Held:
        """Set `entry` aside with its reason. Returns what was forgotten of those set aside before, to make room."""
        with self._lock, explained(self.path):
            with self._transaction():
                self._delete("entries", [entry])
                values = (*_row(entry), reason)
                self._db.execute(f"INSERT INTO rejected ({_NAMES}, reason) VALUES ({_MARKS}, ?)", values)
                forgotten = self._over(self._rejected.plus([entry]).n_bytes - int(self.max_bytes * REJECTED_SHARE))
                self._delete("rejected", forgotten)
            self._rejected = self._rejected.plus([entry]).minus(forgotten)
            self._held = self._held.minus([entry])  # last: nobody sees it in neither
        return Held().plus(forgotten)

    def shrink(self) -> None:
        """Leave nothing of what was drained in the file and its log, and give their space back.

        What is held is written anew: for when that is little.
        """
        with self._lock, explained(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def n_file_bytes(self) -> int:
        """What it takes on the disk, with free pages and the log."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        with self._lock, explained(self.path):
            self._db.close()

    def _over(self, n_bytes: int) -> list[Entry]:
        """The oldest of those set aside that have `n_bytes` together."""
        found: list[Entry] = []
        while n_bytes > 0:
            query = f"SELECT {_NAMES} FROM rejected ORDER BY id LIMIT 1 OFFSET {len(found)}"
            found.append(_entry(self._db.execute(query).fetchone()))
            n_bytes -= len(found[-1].payload)
        return found

    def _delete(self, table: str, entries: Sequence[Entry]) -> None:
        self._db.executemany(f"DELETE FROM {table} WHERE id = ?", [(entry.id,) for entry in entries])

    def _n_used_pages(self) -> int:
        return self._value("PRAGMA page_count") - self._value("PRAGMA freelist_count")

    def _value(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _group(heads: Sequence[tuple[int, str, int]], max_bytes: int) -> list[int]:
    """The ids that go together, at least one. `heads` are (id, kind, bytes unpacked)."""
    ids, n_bytes = [heads[0][0]], heads[0][2]
    for entry_id, kind, n_own in heads[1:]:
        n_bytes += n_own
        if kind != heads[0][1] or n_bytes > max_bytes:
            break
        ids.append(entry_id)
    return ids


def _row(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in COLUMNS)


def _entry(row: Sequence[Any]) -> Entry:
    return Entry(**dict(zip(COLUMNS, row, strict=True)))
