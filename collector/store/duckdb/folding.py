"""Folds the logs of the day files into the files, away from acknowledgements."""

import logging
import threading
from collections.abc import Callable

from collector.errors import StoreUnavailable
from collector.store.duckdb.days import READ_THREADS, Days

log = logging.getLogger(__name__)

MAX_LOG_BYTES = 64 << 20  # unfolded rows are held in memory, and replayed after a crash at some 50 MB/s
IDLE_LOG_BYTES = 8 << 20
IDLE_S = 2.0
SETTLED_S = 60.0
PAUSE_S = 0.5
QUIET_S = 1.0  # after it, reading may use more threads
PAUSE_AFTER_FAILURE_S = 10.0


def due(log_bytes: int, idle_s: float) -> bool:
    """Whether to fold now: a long log at once, a shorter one when no write has come for a while."""
    if log_bytes >= MAX_LOG_BYTES:
        return True
    return idle_s >= (IDLE_S if log_bytes >= IDLE_LOG_BYTES else SETTLED_S)


def fold(days: Days, now_s: float, writing: threading.Lock) -> bool:
    """Checkpoint the files that are due; whether all could be. Readers go on meanwhile, and commits in the other lane.

    `writing` is held by whoever commits.
    """
    all_folded = True
    for day in days.all():
        written_s = day.written_s
        if written_s is None or not day.attached or not due(day.wal_bytes(), now_s - written_s):
            continue
        with writing:
            if day.busy or day.note is not None:
                continue
            day.busy = True  # from here on commits go elsewhere
        try:
            with days.cursor([day]) as cursor:
                # Before the checkpoint: a commit after it sets the time anew, which must not be taken back.
                day.written_s = None
                cursor.execute(f"CHECKPOINT {day.name}")
        except StoreUnavailable as error:
            log.warning("%s; nothing is lost, the log is folded in later", error)
            day.written_s = day.written_s or written_s
            all_folded = False
        finally:
            day.busy = False
    return all_folded


class Folding:
    """`fold` twice a second in a thread of its own, until `stop`; after a failure it leaves the disk in peace."""

    def __init__(self, days: Days, writing: threading.Lock, *, clock: Callable[[], float]) -> None:
        self._days = days
        self._writing = writing
        self._clock = clock
        self._written_s = clock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-folding", daemon=True)
        self._thread.start()

    def written(self) -> None:
        """Telemetry came just now."""
        self._written_s = self._clock()

    def _run(self) -> None:
        pause_s = PAUSE_S
        while not self._stopping.wait(pause_s):
            if self._clock() - self._written_s > QUIET_S:
                self._days.use_threads(READ_THREADS)
            pause_s = PAUSE_S if fold(self._days, self._clock(), self._writing) else PAUSE_AFTER_FAILURE_S

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
