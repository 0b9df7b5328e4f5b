"""The loop over new calls: evaluate, write, and only then move on."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine

from collector.call import Call
from collector.errors import StoreUnavailable, WatchkeeperError
from collector.score import Score
from collector.state.duties import Duty, SoleDuty
from collector.state.leases import Lease, LeaseLost
from collector.store.base import TelemetryReader, TelemetryWriter, TextVector
from evaluators.checkpoints import load_checkpoint, save_checkpoint
from evaluators.quiet import Quiet

POLL_S = 0.5
MAX_BACKOFF_S = 30.0
BUSY = 0.6
YIELD_POLL_S = 0.25
MAX_YIELD_S = 15.0

log = logging.getLogger(__name__)


class Store(TelemetryReader, TelemetryWriter, Protocol):
    """Where calls are read and results are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a consumer found. `n_failed` calls could not be evaluated and are not tried again."""

    scores: Sequence[Score] = ()
    vectors: Sequence[TextVector] = ()
    n_failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Something that looks at calls in the order of arrival.

    Each call is evaluated at least once: `evaluate` may see a call again after a crash and must then give scores and
    vectors with the same keys. `after` gets the calls and their scores when those are stored.
    """

    name: str
    evaluate: Callable[[Sequence[Call]], Results]
    wants: Callable[[Call], bool] = lambda call: True
    after: Callable[[Sequence[Call], Sequence[Score]], object] | None = None
    batch_size: int = 100
    core_share: float = 1.0
    """Share of the time spent on work, in (0, 1]; in the rest it waits, so that others get the cores."""
    max_backlog: int | None = None
    """Further behind than this many calls, it leaves out the oldest; None: it never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerStatus:
    """`lag_calls` arrived and are not done yet; the oldest of them has waited about `lag_s`."""

    name: str
    checkpoint: int
    lag_calls: int
    lag_s: float
    n_evaluated: int
    n_scores: int
    n_failed: int
    n_left_out: int
    last_error: str | None


class Runner:
    """Runs one consumer on a thread of its own, while no other process does."""

    def __init__(
        self,
        consumer: Consumer,
        store: Store,
        engine: Engine,
        quiet: Quiet,
        clock: Callable[[], int] = time.time_ns,
        *,
        ingest_load: Callable[[], float] = lambda: 0.0,
        duty: Duty | None = None,
    ) -> None:
        """`ingest_load`: the share of time in which requests wait for the disk; they go first. `duty`: None: there is
        no other process."""
        self.name = consumer.name
        self._duty = duty or SoleDuty(engine, duty_of(consumer.name))
        self._lease: Lease | None = None
        self._ingest_load = ingest_load
        self._consumer = consumer
        self._store = store
        self._engine = engine
        self._quiet = quiet
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"evaluate-{consumer.name}", daemon=True)
        self._checkpoint = load_checkpoint(engine, consumer.name)
        self._n_evaluated = self._n_scores = self._n_failed = self._n_left_out = 0
        self._last_error: str | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the batch in hand; `join` waits for that."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Whether it has ended within `timeout_s`."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def step(self) -> int:
        """Evaluate the next batch; returns how many calls were read. After an error nothing has moved on.

        Raises:
            LeaseLost: another process goes on from the checkpoint.
        """
        with self._duty.turn() as lease:
            if lease is None:
                self._lease = None
                return 0
            if lease != self._lease:  # another process may have moved it
                self._checkpoint = load_checkpoint(self._engine, self._consumer.name)
                self._lease = lease
            return self._step(lease)

    def _step(self, lease: Lease) -> int:
        settled = self._quiet.settled_seq()
        self._leave_out_oldest(settled, lease)
        if settled <= self._checkpoint:
            return 0
        scanned = self._store.scan(after_seq=self._checkpoint, limit=self._consumer.batch_size)
        calls = [call for call in scanned if seq_of(call) <= settled]
        wanted = [call for call in calls if self._consumer.wants(call)]
        results = self._consumer.evaluate(wanted) if wanted else Results()
        if not self._duty.is_held(lease):
            raise LeaseLost(f"{self._consumer.name}: this took so long that another process does it now")
        if results.scores:
            self._store.write_scores(results.scores)
        if results.vectors:
            self._store.write_vectors(results.vectors)
        if self._consumer.after is not None and wanted:
            self._consumer.after(wanted, results.scores)
        # Where a scan finds nothing, the calls have left the store since they were counted.
        self._move_to(seq_of(calls[-1]) if calls else settled, lease)
        self._n_evaluated += len(wanted)
        self._n_scores += len(results.scores)
        self._n_failed += results.n_failed
        return len(calls)

    def status(self) -> ConsumerStatus:
        is_here = self._lease is not None
        checkpoint = self._checkpoint if is_here else load_checkpoint(self._engine, self._consumer.name)
        return ConsumerStatus(
            name=self._consumer.name,
            checkpoint=checkpoint,
            lag_calls=max(0, self._store.last_seq() - checkpoint),
            lag_s=self._quiet.lag_s(checkpoint),
            n_evaluated=self._n_evaluated,
            n_scores=self._n_scores,
            n_failed=self._n_failed,
            n_left_out=self._n_left_out,
            last_error=self._last_error,
        )

    def _let_ingest_go_first(self) -> None:
        """Wait while requests do, though not for ever: what is not stored is lost, a score only comes later."""
        until_s = time.monotonic() + MAX_YIELD_S
        while self._ingest_load() > BUSY and time.monotonic() < until_s and not self._stop.wait(YIELD_POLL_S):
            pass

    def _leave_out_oldest(self, settled: int, lease: Lease) -> None:
        most = self._consumer.max_backlog
        if most is None or settled - self._checkpoint <= most:
            return
        n_left_out = settled - self._checkpoint - most
        self._move_to(settled - most, lease)
        self._n_left_out += n_left_out
        log.warning("%s is behind and leaves out %d calls", self._consumer.name, n_left_out)

    def _move_to(self, seq: int, lease: Lease) -> None:
        with self._engine.begin() as connection:
            lease.check(connection)
            save_checkpoint(connection, self._consumer.name, seq=seq, now_ns=self._clock())
        self._checkpoint = seq

    def _run(self) -> None:
        n_errors = 0
        while not self._stop.is_set():
            self._let_ingest_go_first()
            started_s = time.monotonic()
            try:
                n_read = self.step()
            except LeaseLost as lost:
                log.info("%s; nothing is missed by that", lost)
                n_read = 0
            except Exception as error:  # whatever it was, the calls wait and nothing is lost
                if self._stop.is_set():
                    return
                n_errors += 1
                self._last_error = str(error)
                wait_s = backoff_s(error, n_errors)
                log.error(
                    "%s tries again in %.1f s: %s", self._consumer.name, wait_s, error, exc_info=_is_unexpected(error)
                )
                self._stop.wait(wait_s)
                continue
            n_errors, self._last_error = 0, None
            busy_s = time.monotonic() - started_s
            self._stop.wait(busy_s * (1 / self._consumer.core_share - 1) if n_read else POLL_S)


def duty_of(consumer: str) -> str:
    """The name of the lease under which a consumer works."""
    return f"evaluate:{consumer}"


def seq_of(call: Call) -> int:
    """The place of a stored call in the order of arrival."""
    if call.seq is None:
        raise ValueError(f"call {call.call_id} has no seq; only calls that a store scanned have one")
    return call.seq


def backoff_s(error: Exception, n_errors: int) -> float:
    """How long to wait after the `n_errors`th error in a row."""
    first_s = error.retry_after_s if isinstance(error, StoreUnavailable) else 1.0
    return min(MAX_BACKOFF_S, first_s * 2.0 ** min(n_errors - 1, 10))


def _is_unexpected(error: Exception) -> bool:
    """An expected failure says all in its text; of any other the trace is wanted."""
    return not isinstance(error, WatchkeeperError)
