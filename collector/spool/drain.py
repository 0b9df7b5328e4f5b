"""From the spool to the store, in order, in a thread of its own."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence

from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.packed import unpacked_batch
from collector.spool.entry import Entry
from collector.spool.failures import SpoolDamaged
from collector.spool.file import SpoolFile
from collector.spool.metrics import SpoolMetrics
from collector.spool.payload import unpacked_scores
from collector.store.base import TelemetrySink, WriteResult

log = logging.getLogger(__name__)

MAX_GROUP_BYTES = 32 * 2**20
"""Of entries, unpacked, that go to the store in one write; one that is larger goes alone."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
IDLE_S = 60.0
"""So long after the last entry nothing of what was drained is left on the disk."""
SHRINK_BYTES = 128 * 2**20
GATHER_SPANS, GATHER_S = 16_384, 0.5
"""A write costs some milliseconds however little it brings: so many are waited for, so long, unless someone waits."""
CLOSING_S = 10.0
"""So long a stopping process goes on draining into a store that takes what it gets."""


def pause_s(n_failures: int, rng: random.Random) -> float:
    """How long to wait after the last of `n_failures` writes in a row, so that many collectors do not come as one."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(n_failures - 1, 16)) * rng.uniform(0.5, 1.0)


class Drain:
    """Writes what is in `file` to `store` and removes it then; a crash in between repeats a write, which is harmless.

    While the store is away it tries again, forever, with less at once. What the store does not take for another reason
    is set aside and holds up nothing.
    """

    def __init__(
        self,
        file: SpoolFile,
        store: TelemetrySink,
        metrics: CollectorMetrics,
        spool_metrics: SpoolMetrics,
        *,
        drained: Callable[[], None],
        rng: random.Random,
    ) -> None:
        """
        Args:
            drained: called after each write.
        """
        self._file = file
        self._store = store
        self._metrics = metrics
        self._spool_metrics = spool_metrics
        self._drained = drained
        self._rng = rng
        self._group_bytes = MAX_GROUP_BYTES
        self._n_failures = 0
        self._is_clean = False  # nothing was drained since the file was made as small as can be
        self._damage: str | None = None
        self._closes_at_s: float | None = None
        first = file.first()
        self.last_id = file.last_id if first is None else first[0] - 1
        """All entries up to this one are in the store, or set aside."""
        self._awaited_id = self.last_id
        """Someone waits for the entries up to this one."""
        self._arrived = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self.store_problem: str | None = None
        """Why the last write failed, while it is tried again."""

    def start(self) -> None:
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why nothing is drained any more."""
        return self._damage or (None if self._thread.is_alive() else "the spool is no longer drained; the log says why")

    def wake(self) -> None:
        """Something was added."""
        self._arrived.set()

    def hurry(self) -> None:
        """Someone waits for what is there now: none of it is gathered any longer, however many writes it takes."""
        self._awaited_id = self._file.last_id
        self._arrived.set()

    @property
    def is_held_up(self) -> bool:
        """Whether the store does not take what it gets."""
        return self.store_problem is not None or self.problem is not None

    def close(self) -> None:
        """Go on for a moment while the store takes what it gets; the rest stays on the disk."""
        self._closes_at_s = time.monotonic() + CLOSING_S
        self._closing.set()
        self._arrived.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except SpoolDamaged as error:
            self._damage = str(error)
            log.error("the spool is not drained any more: %s", error)

    def _step(self) -> bool:
        """Drain one group, or wait. False: it is time to stop."""
        closes_at_s = self._closes_at_s
        try:
            self._gather()
            group = self._file.oldest(self._group_bytes)
            if group:
                self._drain(group)
        except SpoolDamaged:
            raise
        except (StoreUnavailable, MemoryError) as error:
            if closes_at_s is None:
                self._wait_after(error)
            return closes_at_s is None
        if not group:
            if closes_at_s is None:
                self._rest()
            return closes_at_s is None
        if self.store_problem is not None:
            log.info("the store takes telemetry again; %d spans wait for it", self._file.held.n_spans)
        self._n_failures, self.store_problem = 0, None
        self._group_bytes = min(2 * self._group_bytes, MAX_GROUP_BYTES)
        return closes_at_s is None or time.monotonic() < closes_at_s

    def _drain(self, group: Sequence[Entry]) -> None:
        try:
            result = self._write(group)
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:
            if len(group) > 1:
                log.warning("%d writes cannot go to the store together, each goes by itself: %s", len(group), error)
                for entry in group:
                    self._drain([entry])
            else:
                self._reject(group[0], error)
            return
        self._count(group, result)
        self._remove(group)

    def _write(self, group: Sequence[Entry]) -> WriteResult:
        if group[0].kind == "batch":
            return self._store.write([unpacked_batch(entry.payload, entry.n_bytes) for entry in group])
        scores = [score for entry in group for score in unpacked_scores(entry.payload, entry.n_bytes)]
        # The last of one id replaces those before it, as it would in writes of their own.
        self._store.write_scores(list({score.score_id: score for score in scores}.values()))
        return WriteResult(n_spans=0, n_calls=0)

    def _gather(self) -> None:
        """Give others the time to come."""
        until_s = time.monotonic() + GATHER_S
        while (
            self._file.held.n_entries
            and self._file.held.n_spans < GATHER_SPANS
            and self.last_id >= self._awaited_id
            and self._closes_at_s is None
        ):
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                break
            self._arrived.clear()
            self._arrived.wait(left_s)

    def _remove(self, group: Sequence[Entry]) -> None:
        self._file.remove(group)
        self._is_clean = False
        self._done_with(group)

    def _done_with(self, group: Sequence[Entry]) -> None:
        self.last_id = group[-1].id
        self._drained()

    def _count(self, group: Sequence[Entry], result: WriteResult) -> None:
        n_spans = sum(entry.n_spans for entry in group)
        self._metrics.stored_spans.inc(result.n_spans)
        self._metrics.stored_calls.inc(result.n_calls)
        self._metrics.duplicate_spans.inc(n_spans - result.n_spans)
        self._spool_metrics.drained_spans.inc(n_spans)
        self._spool_metrics.drained_bytes.inc(sum(len(entry.payload) for entry in group))

    def _reject(self, entry: Entry, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        log.error("a write of %d spans is set aside, the store does not take it", entry.n_spans, exc_info=error)
        forgotten = self._file.reject(entry, reason)
        if forgotten.n_entries:
            log.error("no room: %d writes that were set aside before are gone", forgotten.n_entries)
        self._spool_metrics.rejected_entries.inc()
        self._spool_metrics.rejected_spans.inc(entry.n_spans)
        self._spool_metrics.forgotten_spans.inc(forgotten.n_spans)
        self._done_with([entry])

    def _wait_after(self, error: Exception) -> None:
        self._n_failures += 1
        self._spool_metrics.failed_writes.inc()
        self.store_problem = str(error) or type(error).__name__
        self._group_bytes = max(self._group_bytes // 2, 1)  # a store that is slow may manage less
        self._drained()
        pause = pause_s(self._n_failures, self._rng)
        log.warning("%d spans wait for the store, next try in %.1f s: %s", self._file.held.n_spans, pause, error)
        self._closing.wait(pause)

    def _rest(self) -> None:
        """Wait for the next entry."""
        if not self._is_clean and self._file.n_file_bytes() > SHRINK_BYTES:
            self._shrink()
        if not self._arrived.wait(IDLE_S) and not self._is_clean:
            self._shrink()
        self._arrived.clear()

    def _shrink(self) -> None:
        try:
            self._file.shrink()
        except SpoolDamaged:
            raise
        except StoreUnavailable as error:
            log.warning("space of the spool is not given back yet: %s", error)
        else:
            self._is_clean = True
