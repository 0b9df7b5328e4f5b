"""A day written anew: its rows in the order of their times, in one file, without what is to go.

What DELETE and UPDATE leave behind stays readable in a DuckDB file for long. A new file holds only what was put in it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.errors import StoreUnavailable
from collector.store.duckdb.days import Day, Days
from collector.store.duckdb.files import quoted
from collector.store.duckdb.swapping import remove
from collector.store.duckdb.tables import CALLS, LONG_TEXTS, TABLES, Table, create_tables

log = logging.getLogger(__name__)

MAX_GROUP_ROWS = 122_880
"""A row group is what DuckDB packs together, and holds in memory until it is whole: this is its own choice."""
VECTOR_ROWS = 2048
"""Row groups are multiples of it."""
GROUP_BYTES = 160 << 20
"""Of texts in a row group; they are sorted in the memory that commits need too."""
N_COUNTED = 10_000
MAX_BUSY_WAIT_S = 300.0
MAX_READ_S = 600.0

_DRAFT = "rewritten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a rewritten day lacks. SQL by the name of a table, which calls a row of it `old`.

    `gone`: the condition of rows that are left out. `columns`: by column, what stands in its place. `sets`: tables that
    the SQL refers to, by name. `emptied`: the projects whose texts are gone afterwards. `everything`: no row stays.
    """

    gone: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sets: Mapping[str, pa.Table] = field(default_factory=dict)
    emptied: Collection[str] = ()
    everything: bool = False


Plan = Callable[[DuckDBPyConnection, Sequence[Day]], Change | None]
"""What to change in these files of one day, which take no rows meanwhile; None: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """`removed` are the rows that were left out, by table; of a day that went as a whole they are not counted."""

    removed: Mapping[str, int]
    n_bytes_before: int
    n_bytes_after: int


class Rewriting:
    """Rewrites days, one at a time, beside commits and readers. `writing` is held by whoever commits.

    `last_seq` gives the newest number of a call.
    """

    def __init__(self, days: Days, writing: threading.Lock, last_seq: Callable[[], int]) -> None:
        self._days = days
        self._writing = writing
        self._last_seq = last_seq
        self._turn = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Give up what is in hand, which changes nothing, and refuse more."""
        self._stopping.set()
        with self._turn:
            pass

    def rewrite(self, number: int, plan: Plan) -> Rewritten | None:
        """Rewrite all files of the day into one, as `plan` says; None: there is nothing to do. The old ones are gone
        when this returns.

        Raises:
            StoreUnavailable: nothing was changed; or, as the text says, the old files are still read.
        """
        with self._turn, self._taken(number) as old:
            if not old:
                return None
            with self._days.cursor(old) as cursor:
                change = plan(cursor, old)
            if change is None:
                return None
            self._days.keep_seq(self._last_seq())  # before calls go that had the highest numbers
            n_bytes_before = sum(size_of(day) for day in old)
            removed, new = self._drop(old) if change.everything else self._replace(old, change)
        if not self._days.wait_gone(old, timeout_s=MAX_READ_S):
            raise StoreUnavailable(f"{old[0].path} was replaced, and is still read by a query; it goes after that")
        return Rewritten(removed=removed, n_bytes_before=n_bytes_before, n_bytes_after=size_of(new) if new else 0)

    def _drop(self, old: Sequence[Day]) -> tuple[dict[str, int], None]:
        with self._writing:
            self._days.replace(old, None, min_seq=None, max_seq=None)
        return {}, None

    @contextmanager
    def _taken(self, number: int) -> Iterator[list[Day]]:
        """The files of the day, which take no commits until the end: of their rows some may go, none come."""
        deadline_s = time.monotonic() + MAX_BUSY_WAIT_S
        while True:
            self._check_stop()
            with self._writing:
                old = self._days.lanes(number)
                if not any(day.busy for day in old):
                    for day in old:
                        day.busy = True
                    break
            if time.monotonic() > deadline_s:
                raise StoreUnavailable(f"{old[0].path} is being folded for minutes; try again later")
            time.sleep(0.05)
        try:
            yield old
        finally:
            for day in old:
                day.busy = False

    def _replace(self, old: Sequence[Day], change: Change) -> tuple[dict[str, int], Day | None]:
        draft = old[0].path.with_name(f"draft-{os.getpid()}-{_DRAFT}.duckdb")
        try:
            return self._write(old, draft, change)
        finally:
            with suppress(OSError):
                remove(draft)

    def _write(self, old: Sequence[Day], draft: Path, change: Change) -> tuple[dict[str, int], Day | None]:
        with self._days.cursor(old) as cursor:
            for name, table in change.sets.items():
                cursor.register(name, table)
            remove(draft)
            group_rows = _group_rows(cursor, old)
            cursor.execute(f"ATTACH {quoted(draft)} AS {_DRAFT} (ROW_GROUP_SIZE {group_rows})")
            try:
                create_tables(cursor, _DRAFT)
                n_before = _counts(cursor, old)
                for table in TABLES:
                    self._copy(cursor, old, table, change, group_rows)
                _note_emptied(cursor, change.emptied)
                cursor.execute(f"CHECKPOINT {_DRAFT}")
                n_after = _counts(cursor, [_DRAFT])
                with self._writing:
                    self._catch_up(cursor, old, n_before)
                    new = self._put_in_place(cursor, old, draft)
            finally:
                with suppress(duckdb.Error):  # detached already
                    cursor.execute(f"DETACH {_DRAFT}")
        removed = {name: n_before[name] - n_after[name] for name in n_before}
        return {name: n for name, n in removed.items() if n}, new

    def _copy(
        self, cursor: DuckDBPyConnection, old: Sequence[Day], table: Table, change: Change, group_rows: int
    ) -> None:
        bounds = _bounds(cursor, old, table, group_rows)
        given = ", ".join(f'{sql} AS "{name}"' for name, sql in change.columns.get(table.name, {}).items())
        columns = f"old.* REPLACE ({given})" if given else "old.*"
        gone = change.gone.get(table.name, "false")
        for first, end in pairwise(bounds):
            self._check_stop()
            rows = " UNION ALL ".join(
                f"SELECT {columns} FROM {day.name}.{table.name} AS old"
                f" WHERE old.{table.time} >= {first} AND old.{table.time} < {end} AND ({gone}) IS NOT TRUE"
                for day in old
            )
            cursor.execute(f"INSERT INTO {_DRAFT}.{table.name} BY NAME FROM ({rows}) ORDER BY {table.time}")
            if len(bounds) > 2:
                cursor.execute(f"CHECKPOINT {_DRAFT}")  # what is not in the file yet is held in memory, unpacked

    def _catch_up(self, cursor: DuckDBPyConnection, old: Sequence[Day], n_before: Mapping[str, int]) -> None:
        """Take out of the draft what has left the old files since they were read: some rows went, none came."""
        n_now = _counts(cursor, old)
        late = [table for table in TABLES if n_now[table.name] != n_before[table.name]]
        for table in late:
            key = ("seq",) if table is CALLS else table.key
            same = " AND ".join(f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in key)
            there = " AND ".join(
                f"NOT EXISTS (SELECT 1 FROM {day.name}.{table.name} AS old WHERE {same})" for day in old
            )
            cursor.execute(f"DELETE FROM {_DRAFT}.{table.name} AS new WHERE {there}")
        if late:
            cursor.execute(f"CHECKPOINT {_DRAFT}")

    def _put_in_place(self, cursor: DuckDBPyConnection, old: Sequence[Day], draft: Path) -> Day | None:
        row = cursor.execute(f"SELECT min(seq), max(seq) FROM {_DRAFT}.calls").fetchone()
        is_empty = not any(_counts(cursor, [_DRAFT]).values())
        cursor.execute(f"DETACH {_DRAFT}")
        min_seq, max_seq = row or (None, None)
        return self._days.replace(old, None if is_empty else draft, min_seq=min_seq, max_seq=max_seq)

    def _check_stop(self) -> None:
        if self._stopping.is_set():
            raise StoreUnavailable("the store is closing; what was being rewritten stays as it was")


def _counts(cursor: DuckDBPyConnection, files: Sequence[Day | str]) -> dict[str, int]:
    """The rows of each table, all of `files` together."""
    names = [file if isinstance(file, str) else file.name for file in files]
    sums = (" + ".join(f"(SELECT count(*) FROM {name}.{table.name})" for name in names) for table in TABLES)
    row = cursor.execute(f"SELECT {', '.join(sums)}").fetchone() or ()
    return dict(zip((table.name for table in TABLES), row, strict=True))


def emptied_projects(cursor: DuckDBPyConnection, day: Day) -> set[str]:
    """The projects whose texts were taken out of this file, if no row has come to it since."""
    found = cursor.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = $file AND table_name = 'emptied'",
        {"file": day.name},
    ).fetchone()
    if not found or not found[0]:
        return set()
    rows = cursor.execute(
        f"SELECT project FROM {day.name}.emptied WHERE state = $state", {"state": _state(cursor, day.name)}
    ).fetchall()
    return {project for (project,) in rows}


def _note_emptied(cursor: DuckDBPyConnection, projects: Collection[str]) -> None:
    if projects:
        cursor.execute(f"CREATE TABLE {_DRAFT}.emptied (project VARCHAR, state VARCHAR)")
        cursor.executemany(
            f"INSERT INTO {_DRAFT}.emptied VALUES (?, ?)", [(p, _state(cursor, _DRAFT)) for p in projects]
        )


def _state(cursor: DuckDBPyConnection, file: str) -> str:
    """A text that differs when rows have come or gone."""
    sql = f"SELECT max(seq), (SELECT max(created_ns) FROM {file}.scores) FROM {file}.calls"
    return f"{list(_counts(cursor, [file]).values())} {cursor.execute(sql).fetchone()}"


def _group_rows(cursor: DuckDBPyConnection, old: Sequence[Day]) -> int:
    """So many rows that those of the widest table hold GROUP_BYTES."""
    widest = 0.0
    for table in TABLES:
        rows = " UNION ALL ".join(f"FROM {day.name}.{table.name}" for day in old)
        texts = [f'coalesce(strlen("{name}"), 0)' for name in LONG_TEXTS if name in table.schema.names]
        if texts:
            sampled = f"({rows}) USING SAMPLE {N_COUNTED} ROWS"
            found = cursor.execute(f"SELECT avg({' + '.join(texts)}) FROM (FROM {sampled})").fetchone()
            widest = max(widest, float((found and found[0]) or 0))
    n_rows = int(GROUP_BYTES / widest) // VECTOR_ROWS * VECTOR_ROWS if widest else MAX_GROUP_ROWS
    return min(max(n_rows, VECTOR_ROWS), MAX_GROUP_ROWS)


def _bounds(cursor: DuckDBPyConnection, old: Sequence[Day], table: Table, group_rows: int) -> list[int]:
    """Times that part the rows of `table` into row groups, the last one after all of them."""
    rows = " UNION ALL ".join(f"FROM {day.name}.{table.name}" for day in old)
    counted = cursor.execute(f"SELECT count(*), min({table.time}), max({table.time}) FROM ({rows})").fetchone()
    n_rows, first, last = counted or (0, None, None)
    if not n_rows:
        return []
    # Some rows more than a group: a group that lacks one is packed a second time with the next.
    shares = [(place + 16) / n_rows for place in range(group_rows, n_rows - 16, group_rows)]
    inner: list[int] = []
    if shares:
        found = cursor.execute(f"SELECT quantile_disc({table.time}, {shares}) FROM ({rows})").fetchone()
        inner = list(found[0]) if found else []
    return sorted({first, *inner, last + 1})


def size_of(day: Day) -> int:
    """Its bytes on the disk, with those of its log."""
    return day.path.stat().st_size + day.wal_bytes()
