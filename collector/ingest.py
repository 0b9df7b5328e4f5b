"""Group commit: batches that arrive together share one write, and each is acknowledged when it is on disk."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.store.base import TelemetryWriter, WriteResult

log = logging.getLogger(__name__)

MAX_QUEUE_BYTES = 128 * 2**20
MAX_COMMIT_BATCHES = 16
MAX_COMMIT_BYTES = 64 * 2**20
FAILURE_COUNTS_FOR_S = 30.0
"""So long a failed commit speaks for the next one. Then it must be tried: who is told to stay away never would."""

_Waiting = tuple[Batch, Future[WriteResult], bool]
"""A batch, the future of its commit, and whether it is to be committed alone."""


class Ingest:
    """A bounded queue before one writer thread.

    `submit` never waits: it returns a future of the commit, or refuses when `max_queue_bytes` are waiting.
    """

    def __init__(
        self,
        writer: TelemetryWriter,
        metrics: CollectorMetrics,
        *,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._max_queue_bytes = max_queue_bytes
        self._clock_s = clock_s
        self._failed: tuple[float, str] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._queue_bytes = 0
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

    def submit(self, batch: Batch, *, alone: bool = False) -> Future[WriteResult]:
        """Queue `batch` for the next commit; the future holds its result or the StoreUnavailable it met.

        Of the result, the counts are those of the whole commit that the batch was part of: `alone` has it committed
        by itself, for who wants to know how many of its rows were new.

        Raises:
            StoreUnavailable: the queue is full or closing; nothing was taken.
        """
        future: Future[WriteResult] = Future()
        # Running from the start: a sender that hangs up cancels its future, and the batch is on its way all the same.
        future.set_running_or_notify_cancel()
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the collector is stopping; send again after its restart", retry_after_s=5.0)
            # One batch may always wait, however large: else it could never be stored.
            if self._waiting and self._queue_bytes + batch.n_bytes > self._max_queue_bytes:
                raise StoreUnavailable(f"{self._queue_bytes} bytes wait for the disk already; send again in a moment")
            self._waiting.append((batch, future, alone))
            self._queue_bytes += batch.n_bytes
            self._metrics.queue_bytes.set(self._queue_bytes)
            self._changed.notify()
        return future

    def close(self) -> None:
        """Refuse what comes, store what waits, stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)

    def _next_group(self) -> list[tuple[Batch, Future[WriteResult]]]:
        """Everything that waits, up to the limits of one commit; empty when closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            group: list[tuple[Batch, Future[WriteResult]]] = []
            n_bytes = 0
            while self._waiting and len(group) < MAX_COMMIT_BATCHES and n_bytes < MAX_COMMIT_BYTES:
                batch, future, alone = self._waiting[0]
                if alone and group:
                    break
                self._waiting.popleft()
                group.append((batch, future))
                n_bytes += batch.n_bytes
                if alone:
                    break
            self._queue_bytes -= n_bytes
            self._metrics.queue_bytes.set(self._queue_bytes)
            return group

    def _commit(self, group: list[tuple[Batch, Future[WriteResult]]]) -> None:
        batches = [batch for batch, _ in group]
        started_s = time.perf_counter()
        try:
            result = self._writer.write(batches)
        except Exception as error:
            refusal = error if isinstance(error, StoreUnavailable) else StoreUnavailable(f"the write failed: {error}")
            log.error(
                "a commit of %d batches failed; their senders are told to send again: %s",
                len(batches),
                refusal,
                exc_info=refusal is not error,  # a full disk fails often, and says enough without a traceback
            )
            self._failed = (self._clock_s(), str(refusal))
            for _, future in group:
                future.set_exception(refusal)
            return
        self._failed = None
        self._metrics.commit_seconds.observe(time.perf_counter() - started_s)
        self._metrics.stored_spans.inc(result.n_spans)
        self._metrics.stored_calls.inc(result.n_calls)
        self._metrics.duplicate_spans.inc(sum(batch.spans.num_rows for batch in batches) - result.n_spans)
        for _, future in group:
            future.set_result(result)
