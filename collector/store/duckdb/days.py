"""The day files: which there are, and which of them DuckDB has open."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from collector.errors import StoreUnavailable
from collector.store.duckdb.failures import unavailable
from collector.store.duckdb.files import make_file, quoted, remove_drafts
from collector.store.duckdb.tables import check_version, create_tables
from collector.times import NS_PER_S

NS_PER_DAY = 86_400 * NS_PER_S
MAX_ATTACHED = 64  # one more costs a file handle and its metadata; attaching again takes about a millisecond

_LANES = {0: "", 1: ".b"}
"""What stands in the name of a file after its day."""
_DAY_FILE = re.compile(r"\d{4}-\d\d-\d\d(\.b)?\.duckdb")
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(slots=True, eq=False)
class Day:
    """One file of one UTC day, `number` days after 1970-01-01. Changed only by Days and the one writer.

    A day has one file, and under load a second one (`lane` 1): folding the log of a file holds up its commits, which
    meanwhile go to the other.
    """

    number: int
    lane: int
    path: Path
    folding: bool = False
    min_seq: int | None = None
    max_seq: int | None = None
    made: bool = False  # the file is there; before, only the writer knows of the day
    attached: bool = False
    broken: bool = False  # met an error that may have made DuckDB shut it: to be attached anew
    n_users: int = 0
    last_used: int = 0
    written_s: float | None = None  # when it was last written; None: all is in the file, and it may be detached

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
        with unavailable(f"{folder} cannot be opened"):
            folder.mkdir(parents=True, exist_ok=True)
            self._db: DuckDBPyConnection | None = duckdb.connect(
                config={
                    "threads": 2,  # more would take the cores from receiving
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
            remove_drafts(folder)
            for path in sorted(folder.glob("*.duckdb")):
                if _DAY_FILE.fullmatch(path.name):
                    self._find(path)
        except BaseException:
            self._db.close()
            raise

    def _find(self, path: Path) -> None:
        name, _, lane = path.stem.partition(".")
        number = date.fromisoformat(name).toordinal() - _EPOCH
        day = self._days[number, int(bool(lane))] = Day(number, int(bool(lane)), path, made=True)
        if day.wal_bytes():
            day.written_s = self._clock()
        with self.cursor([day]) as cursor:
            row = cursor.execute(f"SELECT min(seq), max(seq) FROM {day.name}.calls").fetchone()
        if row is not None:
            day.min_seq, day.max_seq = row

    def all(self) -> list[Day]:
        """The files of all days, oldest day first.

        Raises:
            StoreUnavailable: when the store is closed; no days would look like no calls.
        """
        self._connection()
        return sorted((day for day in self._days.copy().values() if day.made), key=lambda day: (day.number, day.lane))

    def between(self, since_ns: int, until_ns: int) -> list[Day]:
        """The files that hold some of since_ns <= time < until_ns, oldest day first."""
        first, last = since_ns // NS_PER_DAY, (until_ns - 1) // NS_PER_DAY
        return [day for day in self.all() if first <= day.number <= last]

    def last_seq(self) -> int:
        return max((day.max_seq or 0 for day in self.all()), default=0)

    def lanes(self, number: int) -> list[Day]:
        """The files that the day of that number has."""
        found = (self._days.get((number, lane)) for lane in _LANES)
        return [day for day in found if day is not None and day.made]

    def writable(self, number: int) -> Day:
        """A file of the day of that number that can take a commit now; it is made when it is first attached."""
        for lane in _LANES:
            day = self._of(number, lane)
            if not day.folding:
                return day
        return self._of(number, 0)

    def _of(self, number: int, lane: int) -> Day:
        with self._lock:
            if (number, lane) not in self._days:
                path = self._folder / f"{date.fromordinal(number + _EPOCH)}{_LANES[lane]}.duckdb"
                self._days[number, lane] = Day(number, lane, path)
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
        if day.broken:
            if not self._lock.wait_for(lambda: not day.n_users, timeout=5.0):
                raise StoreUnavailable(f"{day.path} is being opened again after an error; try again in a moment")
            if day.broken:  # nobody else has seen to it while we waited
                self._detach(day)
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
        """Detach the longest unused beyond the cap. A day with a log stays: folding it here would block everyone."""
        attached = [day for day in self._days.values() if day.attached]
        idle = [day for day in attached if not day.n_users and day.written_s is None]
        for day in sorted(idle, key=lambda day: day.last_used)[: max(0, len(attached) - MAX_ATTACHED)]:
            self._detach(day)

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
                if day.attached:
                    with unavailable(f"{day.path}: its log was not folded in and is replayed at the next start"):
                        db.execute(f"CHECKPOINT {day.name}")
        finally:
            db.close()


def by_day(days: Sequence[Day]) -> list[list[Day]]:
    """The files of each day, newest day first."""
    newest_first = sorted(days, key=lambda day: -day.number)
    return [list(lanes) for _, lanes in groupby(newest_first, key=lambda day: day.number)]


def _names(days: Sequence[Day]) -> str:
    return str(days[0].path) if len(days) == 1 else f"{len(days)} day files" if days else ""
