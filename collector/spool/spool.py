"""A writer that keeps what it takes on the local disk until the store has it."""

import random
import threading
import time
from collections.abc import Callable, Sequence

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.packed import PackedBatch, packed
from collector.score import Score
from collector.spool.drain import Drain
from collector.spool.entry import Entry
from collector.spool.file import SpoolFile
from collector.spool.metrics import SpoolMetrics
from collector.spool.payload import packed_scores
from collector.spool.status import SpoolStatus
from collector.store.base import TelemetrySink, WriteResult
from collector.times import NS_PER_S

CATCH_UP_S = 10.0
SETTLE_S = 300.0


class Spool:
    """A TelemetrySink for any thread: what a write returned from is on this machine's disk, and reaches the store in
    the order in which it was taken.

    What is written must be as it may be stored: redacted. Whether a span is new is known when it is drained, and the
    `stored_spans`, `stored_calls` and `duplicate_spans` of `metrics` are counted then.
    """

    def __init__(
        self,
        file: SpoolFile,
        store: TelemetrySink,
        metrics: CollectorMetrics,
        spool_metrics: SpoolMetrics,
        *,
        clock: Callable[[], int] = time.time_ns,
        rng: random.Random | None = None,
    ) -> None:
        """
        Args:
            store: written by one thread only.
        """
        self._file = file
        self._metrics = spool_metrics
        self._clock = clock
        self._progress = threading.Condition()
        self._drain = Drain(file, store, metrics, spool_metrics, drained=self._progressed, rng=rng or random.Random())
        self._drain.start()

    def write(self, batches: Sequence[Batch | PackedBatch]) -> WriteResult:
        """Take all of them or none.

        Raises:
            StoreUnavailable: the spool or the disk is full, or the file is damaged.
        """
        entries = [self._entry(packed(batch)) for batch in batches if batch.n_rows]
        self._append(entries)
        n_spans = sum(entry.n_spans for entry in entries)
        self._metrics.taken_spans.inc(n_spans)
        return WriteResult(n_spans=0, n_calls=0, n_spooled=n_spans)

    def write_scores(self, scores: Sequence[Score]) -> None:
        """Take all of them or none; they come after all that was taken before. Raises StoreUnavailable as `write`."""
        if scores:
            payload, n_bytes = packed_scores(scores)
            taken_ns = self._clock()
            self._append([Entry(kind="scores", taken_ns=taken_ns, n_spans=0, n_bytes=n_bytes, payload=payload)])

    def catch_up(self, timeout_s: float = CATCH_UP_S) -> None:
        """Wait until all that was taken before is in the store; not for one that is away."""
        newest = self._file.last_id
        if self._drain.last_id >= newest:
            return
        self._drain.hurry()
        with self._progress:
            self._progress.wait_for(lambda: self._drain.last_id >= newest or self._drain.is_held_up, timeout_s)

    def settle(self) -> None:
        """Leave nothing of what was taken before but in the store.

        Raises:
            StoreUnavailable: the store does not take all of it.
        """
        if not self.flush(SETTLE_S):
            status = self.status()
            raise StoreUnavailable(
                f"{status.held.n_spans} spans wait for the store and {status.rejected.n_spans} were set aside "
                f"({status.store_problem or status.problem or 'the log says why'}); see to that and do it again"
            )

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was taken before is in the store, and leave no trace of it on this disk.

        False: it is not so after `timeout_s`, or some of it was set aside. Raises StoreUnavailable as `write`.
        """
        newest = self._file.last_id
        self._drain.hurry()
        with self._progress:
            is_drained = self._progress.wait_for(lambda: self._is_drained(newest), timeout_s)
        if not is_drained or self._file.rejected.n_entries:
            return False
        self._file.shrink()
        return True

    def status(self) -> SpoolStatus:
        """As it is now."""
        file, problem, first = self._file, self._drain.problem, None
        if problem is None:
            try:
                first = file.first()
            except StoreUnavailable as error:
                problem = str(error)
        return SpoolStatus(
            held=file.held,
            rejected=file.rejected,
            file_bytes=file.n_file_bytes(),
            max_bytes=file.max_bytes,
            oldest_age_s=0.0 if first is None else max(0.0, (self._clock() - first[1]) / NS_PER_S),
            store_problem=self._drain.store_problem,
            problem=problem,
        )

    def close(self) -> None:
        """Drain for a moment what the store takes, and let go of the file. The next process drains the rest."""
        self._drain.close()
        self._file.close()

    def _entry(self, batch: PackedBatch) -> Entry:
        return Entry(
            kind="batch",
            taken_ns=self._clock(),
            n_spans=batch.n_spans,
            n_bytes=batch.n_bytes,
            payload=batch.payload,
        )

    def _append(self, entries: Sequence[Entry]) -> None:
        if problem := self._drain.problem:  # what cannot be drained must not be acknowledged
            raise StoreUnavailable(problem, retry_after_s=60.0)
        if entries:
            self._file.append(entries)
            self._drain.wake()

    def _is_drained(self, up_to: int) -> bool:
        first = self._file.first()
        return first is None or first[0] > up_to

    def _progressed(self) -> None:
        with self._progress:
            self._progress.notify_all()
