"""Group commit: requests that arrive together share one write, and each is acknowledged when it is on disk."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.score import Score
from collector.store.base import TelemetrySink, WriteResult
from collector.understanding import Load, Understanding, understood
from collector.utilisation import Utilisation

log = logging.getLogger(__name__)

MAX_QUEUE_BYTES = 128 * 2**20
MAX_COMMIT_LOADS = 16
MAX_COMMIT_BYTES = 64 * 2**20
BUSY = 0.5
BUSY_LINGER_S = 0.008
LONGEST_LINGER_S = 0.02
FAILURE_COUNTS_FOR_S = 30.0
"""So long a failed commit speaks for the next one. Then it must be tried: who is told to stay away never would."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """One request on its way to the disk; `alone`: it shares its commit with no other."""

    load: Load
    future: Future[WriteResult]
    alone: bool


class Ingest:
    """A bounded queue before one thread, which understands what has come and writes it.

    `submit` never waits: it returns a future of the commit, or refuses when `max_queue_bytes` are waiting. A commit and
    a column cost some milliseconds however few the rows are, so requests that are about to come (`coming`) are waited
    for a moment, and go with those that wait already.
    """

    def __init__(
        self,
        writer: TelemetrySink,
        metrics: CollectorMetrics,
        *,
        understand: Understanding = understood,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._understand = understand
        self._max_queue_bytes = max_queue_bytes
        self._clock_s = clock_s
        self._failed: tuple[float, str] | None = None
        self._load = Utilisation(clock_s())
        self._waiting: deque[_Waiting] = deque()
        self._queue_bytes = 0
        self._n_coming = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why what is submitted now may not be stored, None when nothing speaks against it."""
        if not self._thread.is_alive():
            return "the writer ended"
        failed = self._failed
        if failed is None or self._clock_s() - failed[0] > FAILURE_COUNTS_FOR_S:
            return None
        return f"the last commit failed: {failed[1]}"

    @property
    def load(self) -> float:
        """The share of the last seconds in which requests waited for the disk: work that can wait, waits meanwhile."""
        return self._load.share(self._clock_s())

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Held while a request is decoded that will be submitted then."""
        with self._changed:
            self._n_coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_coming -= 1
                self._changed.notify()

    def submit(self, load: Load, *, alone: bool = False) -> Future[WriteResult]:
        """Queue `load` for the next commit; the future holds its result or the StoreUnavailable it met.

        Of the result, the counts are those of the whole commit that the load was part of: `alone` has it committed
        by itself, for who wants to know how many of its rows were new.

        Raises:
            StoreUnavailable: the queue is full or closing; nothing was taken.
        """
        future: Future[WriteResult] = Future()
        # Running from the start: a sender that hangs up cancels its future, and the load is on its way all the same.
        future.set_running_or_notify_cancel()
        n_bytes = load.n_bytes
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the collector is stopping; send again after its restart", retry_after_s=5.0)
            # One request may always wait, however large: else it could never be stored.
            if self._waiting and self._queue_bytes + n_bytes > self._max_queue_bytes:
                raise StoreUnavailable(f"{self._queue_bytes} bytes wait for the disk already; send again in a moment")
            self._waiting.append(_Waiting(load, future, alone))
            self._queue_bytes += n_bytes
            self._metrics.queue_bytes.set(self._queue_bytes)
            self._changed.notify()
        return future

    def write_scores(self, scores: Sequence[Score]) -> None:
        """Store what people said, as it may be stored, before this returns. Raises StoreUnavailable."""
        self._writer.write_scores(self._understand.scores(scores))

    def close(self) -> None:
        """Refuse what comes, store what waits, stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            started_s = self._clock_s()
            for batches, understood_group in self._understood(group):
                self._commit(batches, understood_group)
            self._load.add(started_s, self._clock_s())

    def _next_group(self) -> list[_Waiting]:
        """Everything that waits, up to the limits of one commit; empty when closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self.load > BUSY:
                # Who was answered just now sends again at once: one commit for all is cheaper than one for each half.
                self._changed.wait_for(lambda: self._closing, timeout=BUSY_LINGER_S)
            self._changed.wait_for(lambda: not self._n_coming or self._closing, timeout=LONGEST_LINGER_S)
            group: list[_Waiting] = []
            n_bytes = 0
            while self._waiting and len(group) < MAX_COMMIT_LOADS and n_bytes < MAX_COMMIT_BYTES:
                if self._waiting[0].alone and group:
                    break
                group.append(self._waiting.popleft())
                n_bytes += group[-1].load.n_bytes
                if group[-1].alone:
                    break
            self._queue_bytes -= n_bytes
            self._metrics.queue_bytes.set(self._queue_bytes)
            return group

    def _understood(self, group: list[_Waiting]) -> list[tuple[list[Batch], list[_Waiting]]]:
        """What to commit together, with whom to tell. One request that cannot be understood spoils no other."""
        try:
            return [(self._understand([waiting.load for waiting in group]), group)]
        except Exception as error:
            if len(group) == 1:
                log.exception("a request could not be understood; its sender is told so")
                group[0].future.set_exception(error)
                return []
        return [found for waiting in group for found in self._understood([waiting])]

    def _commit(self, batches: list[Batch], group: list[_Waiting]) -> None:
        started_s = time.perf_counter()
        try:
            result = self._writer.write(batches)
        except Exception as error:
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                log.exception("%d requests could not be written together; each is written by itself", len(group))
                for waiting in group:
                    for own_batches, own_group in self._understood([waiting]):
                        self._commit(own_batches, own_group)
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
        self._metrics.commit_seconds.observe(time.perf_counter() - started_s)
        self._metrics.stored_spans.inc(result.n_spans)
        self._metrics.stored_calls.inc(result.n_calls)
        self._metrics.duplicate_spans.inc(sum(batch.spans.num_rows for batch in batches) - result.n_spans)
        for waiting in group:
            waiting.future.set_result(result)
