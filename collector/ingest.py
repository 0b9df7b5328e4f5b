"""Group commit: requests that arrive together are understood and written together, and each is acknowledged when it is
on disk."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.intake.local import Intake as LocalIntake
from collector.intake.sent import Item, Outcome, Understood
from collector.metrics import CollectorMetrics
from collector.packed import PackedBatch, unpacked
from collector.score import Score
from collector.store.base import TelemetrySink, WriteResult
from collector.utilisation import Utilisation

log = logging.getLogger(__name__)

MAX_QUEUE_BYTES = 128 * 2**20
MAX_GROUP_ITEMS = 16
MAX_GROUP_BYTES = 32 * 2**20
BUSY, BUSY_LINGER_S = 0.5, 0.01
FAILURE_COUNTS_FOR_S = 30.0
"""So long a failed commit speaks for the next one. Then it must be tried: who is told to stay away never would."""


class Intake(Protocol):
    """Makes of what came in what may be stored; pure, apart from where it does it."""

    def understand(self, items: Sequence[Item]) -> Understood:
        """
        Raises:
            StoreUnavailable: nothing can be understood now; a retry may help.
        """

    def scores(self, scores: Sequence[Score]) -> tuple[Sequence[Score], Mapping[str, int]]:
        """What people said, as it may be stored, and how much was redacted, by kind."""


class Spool(Protocol):
    """Where batches wait that are acknowledged and not in the store yet."""

    def write(self, batches: Sequence[Batch | PackedBatch]) -> WriteResult:
        """Raises StoreUnavailable."""

    def write_scores(self, scores: Sequence[Score]) -> None:
        """Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What became of one item; `result` has the counts of the whole commit that it was part of."""

    outcome: Outcome
    result: WriteResult


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """One request on its way to the disk; `alone`: it shares its commit with no other."""

    item: Item
    future: Future[Committed]
    alone: bool


class Ingest:
    """A bounded queue before two threads: one has understood what has come, the other has it written.

    `submit` never waits: it returns a future of the commit, or refuses when `max_queue_bytes` are waiting. Whatever
    waits when a thread is free goes together: a commit and a column cost some milliseconds however few the rows are.
    """

    def __init__(
        self,
        store: TelemetrySink,
        metrics: CollectorMetrics,
        *,
        spool: Spool | None = None,
        intake: Intake | None = None,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            spool: takes what is written, on the way to `store`; but not what is to be committed `alone`.
            intake: without one, prices and no redaction, in this process.
        """
        self._store = store
        self._spool = spool
        self._metrics = metrics
        self._intake = intake or LocalIntake()
        self._max_queue_bytes = max_queue_bytes
        self._clock_s = clock_s
        self._failed: tuple[float, str] | None = None
        self._load = Utilisation(clock_s())
        self._waiting: deque[_Waiting] = deque()
        self._queue_bytes = 0
        self._understood: tuple[list[_Waiting], Understood] | None = None
        self._is_done = False
        self._closing = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("intake", self._run_intake), ("commit", self._run_commits))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def problem(self) -> str | None:
        """Why what is submitted now may not be stored, None when nothing speaks against it."""
        if not all(thread.is_alive() for thread in self._threads):
            return "the writer ended"
        failed = self._failed
        if failed is None or self._clock_s() - failed[0] > FAILURE_COUNTS_FOR_S:
            return None
        return f"the last commit failed: {failed[1]}"

    @property
    def load(self) -> float:
        """The share of the last seconds in which requests waited for the disk: work that can wait, waits meanwhile."""
        return self._load.share(self._clock_s())

    def submit(self, item: Item, *, alone: bool = False) -> Future[Committed]:
        """Queue `item` for the next commit; the future holds what became of it, the error that it is refused with, or
        the StoreUnavailable it met.

        Of the result, the counts are those of the whole commit that the item was part of: `alone` has it committed
        by itself and straight to the store, for who wants to know how many of its rows were new.

        Raises:
            StoreUnavailable: the queue is full or closing; nothing was taken.
        """
        future: Future[Committed] = Future()
        # Running from the start: a sender that hangs up cancels its future, and the item is on its way all the same.
        future.set_running_or_notify_cancel()
        n_bytes = item.n_bytes
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the collector is stopping; send again after its restart", retry_after_s=5.0)
            # One request may always wait, however large: else it could never be stored.
            if self._waiting and self._queue_bytes + n_bytes > self._max_queue_bytes:
                raise StoreUnavailable(f"{self._queue_bytes} bytes wait for the disk already; send again in a moment")
            self._waiting.append(_Waiting(item, future, alone))
            self._queue_bytes += n_bytes
            self._metrics.queue_bytes.set(self._queue_bytes)
            self._changed.notify_all()
        return future

    def write_scores(self, scores: Sequence[Score]) -> None:
        """Store what people said, as it may be stored, before this returns. Raises StoreUnavailable."""
        redacted, counts = self._intake.scores(scores)
        self._metrics.understood(counts)
        (self._spool or self._store).write_scores(redacted)

    def close(self) -> None:
        """Refuse what comes, store what waits, stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run_intake(self) -> None:
        try:
            while group := self._next_group():
                started_s = self._clock_s()
                understood = self._understand(group)
                if understood is not None:
                    with self._changed:
                        self._changed.wait_for(lambda: self._understood is None)
                        self._understood = (group, understood)
                        self._changed.notify_all()
                self._load.add(started_s, self._clock_s())
        finally:
            with self._changed:
                self._is_done = True
                self._changed.notify_all()

    def _run_commits(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._understood is not None or self._is_done)
                if self._understood is None:
                    return
                (group, understood), self._understood = self._understood, None
                self._changed.notify_all()
            self._commit(group, understood)

    def _next_group(self) -> list[_Waiting]:
        """Everything that waits, up to the limits of one commit; empty when closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self.load > BUSY:
                # Who was answered just now sends again at once: one group for all is cheaper than one for each half.
                self._changed.wait_for(lambda: self._closing, timeout=BUSY_LINGER_S)
            group: list[_Waiting] = []
            n_bytes = 0
            while self._waiting and len(group) < MAX_GROUP_ITEMS and n_bytes < MAX_GROUP_BYTES:
                if self._waiting[0].alone and group:
                    break
                group.append(self._waiting.popleft())
                n_bytes += group[-1].item.n_bytes
                if group[-1].alone:
                    break
            self._queue_bytes -= n_bytes
            self._metrics.queue_bytes.set(self._queue_bytes)
            return group

    def _understand(self, group: list[_Waiting]) -> Understood | None:
        """None: it cannot be, and those in `group` know."""
        try:
            return self._intake.understand([waiting.item for waiting in group])
        except Exception as error:
            if not isinstance(error, StoreUnavailable):
                log.exception("%d requests could not be understood; their senders are told so", len(group))
            for waiting in group:
                waiting.future.set_exception(error)
            return None

    def _commit(self, group: list[_Waiting], understood: Understood) -> None:
        started_s = time.perf_counter()
        try:
            result = self._write(understood.batches, alone=group[0].alone)
        except Exception as error:
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                log.exception("%d requests could not be written together; each is written by itself", len(group))
                for waiting in group:
                    if (own := self._understand([waiting])) is not None:
                        self._commit([waiting], own)
                return
            refusal = error if isinstance(error, StoreUnavailable) else StoreUnavailable(f"the write failed: {error}")
            log.error(
                "a commit of %d requests failed; their senders are told to send again: %s",
                len(group),
                refusal,
                exc_info=refusal is not error,  # a full disk fails often, and says enough without a traceback
            )
            self._failed = (self._clock_s(), str(refusal))
            for waiting in group:
                waiting.future.set_exception(refusal)
            return
        self._failed = None
        self._metrics.understood(understood.counts)
        self._metrics.commit_seconds.observe(time.perf_counter() - started_s)
        if not result.n_spooled:
            n_sent = sum(batch.n_spans for batch in understood.batches)
            self._metrics.stored_spans.inc(result.n_spans)
            self._metrics.stored_calls.inc(result.n_calls)
            self._metrics.duplicate_spans.inc(n_sent - result.n_spans)
        for waiting, outcome in zip(group, understood.outcomes, strict=True):
            if outcome.error is not None:
                waiting.future.set_exception(outcome.error)
            else:
                waiting.future.set_result(Committed(outcome=outcome, result=result))

    def _write(self, batches: Sequence[Batch | PackedBatch], *, alone: bool) -> WriteResult:
        if self._spool is not None and not alone:
            return self._spool.write(batches)
        return self._store.write(unpacked(batches))
