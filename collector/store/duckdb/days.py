"""The day files: which there are, and which of them DuckDB has open."""

import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import wraps
from itertools import groupby
from pathlib import Path
from typing import ParamSpec, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from collector.errors import StoreUnavailable
from collector.store.base import Footprint
from collector.store.duckdb.failures import unavailable
from collector.store.duckdb.files import make_file, quoted, remove_drafts
from collector.store.duckdb.swapping import Swap, commit, finish, recover
from collector.store.duckdb.tables import check_version, create_tables
from collector.times import NS_PER_S

NS_PER_DAY = 86_400 * NS_PER_S
MAX_ATTACHED = 64  # one more costs a file handle and its metadata; attaching again takes about a millisecond
READ_THREADS = 2  # more would take the cores from receiving
WRITE_THREADS = 1  # an insert is too short to be shared, and waking a second thread costs more than it brings

_LANES = ("", *(f".{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"))
"""What stands in the name of a file after its day. All but the first few are never in use at once."""
_DAY_FILE = re.compile(r"\d{4}-\d\d-\d\d(\.[b-z])?\.duckdb")
_EPOCH = date(1970, 1, 1).toordinal()

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class DayReplaced(StoreUnavailable):
    """Another file holds what stood in this one: look again which files there are."""


@dataclass(slots=True, eq=False)
class Day:
    """One file of one UTC day, `number` days after 1970-01-01. Changed only by Days and the one writer.

    A day has one file, and more (`lane` 1 and on) while one is `busy`: folding the log of a file holds up its commits,
    and what is being rewritten takes none, so that they go to another meanwhile. A busy file still loses rows.
    """

    number: int
    lane: int
    path: Path
    busy: bool = False
    min_seq: int | None = None
    max_seq: int | None = None
    made: bool = False  # the file is there; before, only the writer knows of the day
    attached: bool = False
    broken: bool = False  # met an error that may have made DuckDB shut it: to be attached anew
    n_users: int = 0
    last_used: int = 0
    written_s: float | None = None  # when it was last written; None: all is in the file, and it may be detached
    note: Path | None = None  # of the swap that took its place: it is deleted when the last reader is gone

    @property
    def name(self) -> str:
        """What SQL calls the attached file."""
        return "day_" + self.path.stem.replace("-", "_").replace(".", "_")

    def wal_bytes(self) -> int:
        with suppress(FileNotFoundError):
            return Path(f"{self.path}.wal").stat().st_size
        return 0


class Days:
    """Attaches the day files that a query touches and lets the longest unused go."""

    def __init__(self, folder: Path, *, memory_limit_mb: int, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Condition()
        self._days: dict[tuple[int, int], Day] = {}
        self._n_uses = 0
        self._n_threads = READ_THREADS
        with unavailable(f"{folder} cannot be opened"):
            folder.mkdir(parents=True, exist_ok=True)
            self._db: DuckDBPyConnection | None = duckdb.connect(
                config={
                    "threads": READ_THREADS,
                    "memory_limit": f"{memory_limit_mb}MB",
                    "temp_directory": str(folder / "spill"),
                    "autoinstall_known_extensions": False,
                    "allow_unsigned_extensions": False,
                }
            )
            # The log is folded into the file by Folding: at commit it would stand in the way of acknowledgements.
            self._db.execute("SET checkpoint_threshold = '1TB'")
            self._db.execute("SET checkpoint_on_detach = 'DISABLED'")
        try:
            # Held as long as the store is open, so that two processes never each own some of the days.
            with unavailable(f"{folder} is in use; stop that process or choose another data directory"):
                owner = folder / "owner.duckdb"
                make_file(self._db, owner, lambda draft: None)
                self._db.execute(f"ATTACH {quoted(owner)} AS owner")
            with unavailable(f"{folder} cannot be put in order"):
                recover(folder)
                remove_drafts(folder)
            self._db.execute("CREATE TABLE IF NOT EXISTS owner.seqs (last_seq BIGINT)")
            for path in sorted(folder.glob("*.duckdb")):
                if _DAY_FILE.fullmatch(path.name):
                    self._find(path)
        except BaseException:
            self._db.close()
            raise

    def _find(self, path: Path) -> None:
        name, lane = path.stem[:10], _LANES.index(path.stem[10:])
        number = date.fromisoformat(name).toordinal() - _EPOCH
        day = self._days[number, lane] = Day(number, lane, path, made=True)
        if day.wal_bytes():
            day.written_s = self._clock()
        with self.cursor([day]) as cursor:
            row = cursor.execute(f"SELECT min(seq), max(seq) FROM {day.name}.calls").fetchone()
        if row is not None:
            day.min_seq, day.max_seq = row

    def use_threads(self, n: int) -> None:
        """How many threads a statement may use from now on."""
        with self._lock:
            if n != self._n_threads and self._db is not None:
                self._db.execute(f"SET threads = {n}")
                self._n_threads = n

    def all(self) -> list[Day]:
        """The files of all days, oldest day first.

        Raises:
            StoreUnavailable: when the store is closed; no days would look like no calls.
        """
        self._connection()
        found = (day for day in self._days.copy().values() if day.made and day.note is None)
        return sorted(found, key=lambda day: (day.number, day.lane))

    def between(self, since_ns: int, until_ns: int) -> list[Day]:
        """The files that hold some of since_ns <= time < until_ns, oldest day first."""
        first, last = since_ns // NS_PER_DAY, (until_ns - 1) // NS_PER_DAY
        return [day for day in self.all() if first <= day.number <= last]

    def newest(self, n_days: int) -> list[Day]:
        """The files of the `n_days` last days there are, oldest day first."""
        found = self.all()
        numbers = sorted({day.number for day in found})[-n_days:]
        return [day for day in found if day.number in numbers]

    def footprint(self) -> Footprint:
        """
        Raises:
            StoreUnavailable: when the store is closed, or the folder cannot be read.
        """
        numbers = sorted({day.number for day in self.all()})
        with unavailable(f"{self._folder} cannot be looked at"):
            return Footprint(
                n_bytes=sum(_size(path) for path in self._folder.rglob("*")),
                free_bytes=shutil.disk_usage(self._folder).free,
                n_days=len(numbers),
                first_day=str(date.fromordinal(numbers[0] + _EPOCH)) if numbers else None,
                last_day=str(date.fromordinal(numbers[-1] + _EPOCH)) if numbers else None,
            )

    def last_seq(self) -> int:
        """The highest number that a call has or, as `keep_seq` was told, had."""
        with self.cursor([]) as cursor:
            row = cursor.execute("SELECT max(last_seq) FROM owner.seqs").fetchone()
        return max([(row and row[0]) or 0, *(day.max_seq or 0 for day in self.all())])

    def keep_seq(self, seq: int) -> None:
        """Have it on disk that numbers up to `seq` were given, before the calls that had them go."""
        with self.cursor([]) as cursor:
            cursor.execute("BEGIN")
            cursor.execute("DELETE FROM owner.seqs")
            cursor.execute("INSERT INTO owner.seqs VALUES ($seq)", {"seq": seq})
            cursor.execute("COMMIT")
            cursor.execute("CHECKPOINT owner")

    def lanes(self, number: int) -> list[Day]:
        """The files that the day of that number has."""
        found = (self._days.get((number, lane)) for lane in range(len(_LANES)))
        return [day for day in found if day is not None and day.made and day.note is None]

    def writable(self, number: int) -> Day:
        """A file of the day of that number that can take a commit now; it is made when it is first attached.

        One that is there goes before a new one: a second file for some late rows would have the day rewritten.
        """
        for day in self.lanes(number):
            if not day.busy:
                return day
        for lane in range(len(_LANES)):
            day = self._of(number, lane)
            if not day.busy and day.note is None:
                return day
        raise StoreUnavailable(f"all {len(_LANES)} files of one day are at work; send again in a moment")

    def replace(
        self, old: Sequence[Day], draft: Path | None, *, min_seq: int | None, max_seq: int | None
    ) -> Day | None:
        """Let `draft`, detached and whole, take the place of `old`, files of one day; None: nothing does.

        Whoever reads one of `old` now reads on; it is deleted afterwards. For the holder of the writers' lock, who has
        seen that `draft` holds all that is still in `old`.

        Raises:
            StoreUnavailable: nothing was replaced.
        """
        with self._lock, unavailable(f"{old[0].path} cannot be replaced"):
            number, new = old[0].number, None
            if draft is not None:
                lane = next(lane for lane in range(len(_LANES)) if not self._is_taken(number, lane))
                path = self._path(number, lane)
                new = Day(number, lane, path, made=True, min_seq=min_seq, max_seq=max_seq)
            note = commit(
                self._folder,
                Swap(
                    draft=draft.name if draft else None,
                    made=new.path.name if new else None,
                    gone=[day.path.name for day in old],
                ),
            )
            for day in old:
                day.note = note
            if new is not None:
                self._days[number, new.lane] = new
            self._let_go()
            return new

    def wait_gone(self, days: Sequence[Day], *, timeout_s: float) -> bool:
        """Wait until the files of `days`, which were replaced, are deleted; whether they were in time."""
        with self._lock:
            return self._lock.wait_for(
                lambda: not any(self._days.get((day.number, day.lane)) is day for day in days), timeout=timeout_s
            )

    def _is_taken(self, number: int, lane: int) -> bool:
        """Whether there is such a file, or commits that are on their way to it."""
        day = self._days.get((number, lane))
        return day is not None and (day.made or day.n_users > 0)

    def _path(self, number: int, lane: int) -> Path:
        return self._folder / f"{date.fromordinal(number + _EPOCH)}{_LANES[lane]}.duckdb"

    def _of(self, number: int, lane: int) -> Day:
        with self._lock:
            if (number, lane) not in self._days:
                self._days[number, lane] = Day(number, lane, self._path(number, lane))
            return self._days[number, lane]

    @contextmanager
    def cursor(self, days: Iterable[Day]) -> Iterator[DuckDBPyConnection]:
        """A connection of its own (DuckDB's are not shared by threads) with `days` attached until the end.

        Raises:
            StoreUnavailable: when the store is closed, or DuckDB or the disk fails inside the block.
        """
        days = list(days)
        with self._in_use(days):
            with self._lock:
                cursor = self._connection().cursor()
            try:
                with unavailable(_names(days) or str(self._folder)):
                    yield cursor
            except StoreUnavailable as error:
                # DuckDB shuts a file whose checkpoint failed half-way. Attaching it anew is safe: the log is replayed.
                if isinstance(error.__cause__, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
                    for day in days:
                        day.broken = True
                raise
            finally:
                with self._lock:
                    cursor.close()

    @contextmanager
    def _in_use(self, days: Sequence[Day]) -> Iterator[None]:
        """Attach `days` and keep them attached."""
        used: list[Day] = []
        try:
            with self._lock:
                for day in days:
                    self._attach(day)
                    day.n_users += 1  # at once: attaching the next may wait, and meanwhile this one could be let go
                    used.append(day)
            yield
        finally:
            with self._lock:
                for day in used:
                    day.n_users -= 1
                self._let_go()
                self._lock.notify_all()

    def _connection(self) -> DuckDBPyConnection:
        if self._db is None:
            raise StoreUnavailable(f"{self._folder} is closed; open the store again")
        return self._db

    def _attach(self, day: Day) -> None:
        self._n_uses += 1
        day.last_used = self._n_uses
        if day.broken and day.note is None:
            if not self._lock.wait_for(lambda: not day.n_users, timeout=5.0):
                raise StoreUnavailable(f"{day.path} is being opened again after an error; try again in a moment")
            if day.broken:  # nobody else has seen to it while we waited
                self._detach(day)
        if day.note is not None:
            raise DayReplaced(f"{day.path} was replaced; ask again")
        if day.attached:
            return
        db = self._connection()
        with unavailable(f"{day.path} cannot be opened"):
            make_file(db, day.path, lambda draft: create_tables(db, draft))
            db.execute(f"ATTACH {quoted(day.path)} AS {day.name}")
            try:
                check_version(db, day.name, day.path)
            except BaseException:
                db.execute(f"DETACH {day.name}")
                raise
        day.made = day.attached = True

    def _let_go(self) -> None:
        """Detach the longest unused beyond the cap. A day with a log stays: folding it here would block everyone.

        What was replaced and is read no more is deleted.
        """
        replaced = [day for day in self._days.values() if day.note is not None and not day.n_users]
        for note in {day.note for day in replaced if day.note is not None}:
            self._delete(note)
        attached = [day for day in self._days.values() if day.attached]
        idle = [day for day in attached if not day.n_users and day.written_s is None]
        for day in sorted(idle, key=lambda day: day.last_used)[: max(0, len(attached) - MAX_ATTACHED)]:
            self._detach(day)

    def _delete(self, note: Path) -> None:
        """Delete what a swap replaced, once nobody reads any of it."""
        gone = [day for day in self._days.values() if day.note == note]
        if any(day.n_users for day in gone):
            return
        try:
            for day in gone:
                self._detach(day)
            with unavailable(str(note)):
                finish(self._folder, [day.path.name for day in gone], note)
        except StoreUnavailable as error:
            log.warning("%s; it is deleted later, at the latest at the next start", error)
            return
        for day in gone:
            del self._days[day.number, day.lane]

    def _detach(self, day: Day) -> None:
        if self._db is not None and day.attached:
            with unavailable(f"{day.path} cannot be let go of"):
                self._db.execute(f"DETACH {day.name}")
        day.attached = day.broken = False

    def close(self) -> None:
        """Fold every log into its file and let go of all files."""
        with self._lock:
            db, self._db = self._db, None
        if db is None:
            return
        try:
            for day in self._days.values():
                if day.attached and day.note is None:
                    with unavailable(f"{day.path}: its log was not folded in and is replayed at the next start"):
                        db.execute(f"CHECKPOINT {day.name}")
        finally:
            db.close()


def rereads(read: Callable[P, T]) -> Callable[P, T]:
    """`read`, from its beginning again when a file that it was about to open was replaced meanwhile."""

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            with suppress(DayReplaced):
                return read(*args, **kwargs)

    return reading


def by_day(days: Sequence[Day]) -> list[list[Day]]:
    """The files of each day, newest day first."""
    newest_first = sorted(days, key=lambda day: -day.number)
    return [list(lanes) for _, lanes in groupby(newest_first, key=lambda day: day.number)]


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):  # folded in or let go of meanwhile
        return path.stat().st_size if path.is_file() else 0
    return 0


def _names(days: Sequence[Day]) -> str:
    return str(days[0].path) if len(days) == 1 else f"{len(days)} day files" if days else ""
