"""How long telemetry is kept, and the thread that sees to it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from collector.errors import StoreUnavailable
from collector.times import NS_PER_S

if TYPE_CHECKING:  # the process that understands telemetry has no database
    from collector.state.duties import Duty

log = logging.getLogger(__name__)

NS_PER_DAY = 86_400 * NS_PER_S
RUN_EVERY_S = 3600.0
FIRST_RUN_AFTER_S = 20.0
"""The start has other things to do, and what is due has been due for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """For how many whole days after its UTC day something is kept; None: for good.

    Texts go with the calls they belong to at the latest.
    """

    telemetry_days: int | None = None
    content_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`default` holds for what a project of `projects` leaves open, and for all that is none of them."""

    default: Keep = field(default_factory=Keep)
    projects: Mapping[str, Keep] = field(default_factory=dict)

    def of(self, project: str) -> Keep:
        own = self.projects.get(project, Keep())
        return Keep(
            telemetry_days=self.default.telemetry_days if own.telemetry_days is None else own.telemetry_days,
            content_days=self.default.content_days if own.content_days is None else own.content_days,
        )

    def due(self, day: int, now_ns: int) -> Due:
        """What of UTC day number `day` (since 1970-01-01) has had its time.

        Args:
            now_ns: Unix nanoseconds.
        """
        return Due(self, day, now_ns)


@dataclass(frozen=True, slots=True)
class Due:
    """Of one day, by project."""

    retention: Retention
    day: int
    now_ns: int

    @property
    def is_possible(self) -> bool:
        """Whether anything may be due, whoever sent it: if not, nobody need look."""
        keeps = [self.retention.default, *self.retention.projects.values()]
        return any(is_over(self.day, days, self.now_ns) for k in keeps for days in (k.telemetry_days, k.content_days))

    def rows_of(self, projects: Collection[str]) -> list[str]:
        """Those of `projects` of which nothing is kept any more."""
        return [p for p in projects if is_over(self.day, self.retention.of(p).telemetry_days, self.now_ns)]

    def texts_of(self, projects: Collection[str]) -> list[str]:
        """Those of `projects` of which no texts are kept any more."""
        return [p for p in projects if is_over(self.day, self.retention.of(p).content_days, self.now_ns)]


def is_over(day: int, kept_days: int | None, now_ns: int) -> bool:
    """Whether `kept_days` have passed since the end of UTC day number `day`."""
    return kept_days is not None and (day + 1 + kept_days) * NS_PER_DAY <= now_ns


def n_before(retention: Retention, projects: pa.ChunkedArray, times_ns: pa.ChunkedArray, *, now_ns: int) -> int:
    """How many rows come so late that the next run deletes them."""
    oldest = pc.min(times_ns).as_py()
    if oldest is None or not retention.due(oldest // NS_PER_DAY, now_ns).is_possible:
        return 0
    n_late = 0
    for project in pc.unique(projects).to_pylist():
        days = retention.of(project).telemetry_days
        if days is not None:
            # The first nanosecond of the first day that is not over.
            kept_since_ns = (now_ns // NS_PER_DAY - days) * NS_PER_DAY
            is_late = pc.and_(pc.equal(projects, project), pc.less(times_ns, kept_since_ns))
            n_late += pc.sum(is_late).as_py() or 0
    return n_late


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one run did. `rows` were deleted with the files of whole days or without; `n_failed` days must wait."""

    n_days_dropped: int = 0
    n_days_rewritten: int = 0
    n_days_compacted: int = 0
    n_failed: int = 0
    bytes_freed: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(
            n_days_dropped=self.n_days_dropped + other.n_days_dropped,
            n_days_rewritten=self.n_days_rewritten + other.n_days_rewritten,
            n_days_compacted=self.n_days_compacted + other.n_days_compacted,
            n_failed=self.n_failed + other.n_failed,
            bytes_freed=self.bytes_freed + other.bytes_freed,
        )


class Keeping(Protocol):
    """A store that can let go of what has had its time."""

    def retain(self, retention: Retention, *, now_ns: int) -> Kept:
        """Delete what is due. A day that fails is left as it is, and counted."""

    def compact(self, *, now_ns: int) -> Kept:
        """Write days that are over into as few bytes as they need."""

    def stop_keeping(self) -> None:
        """Give up what is being deleted or rewritten now, which leaves that day as it was, and begin no more."""


class RetentionLoop:
    """Applies `retention()`, asked anew each time, soon after the start and every hour, in a thread of its own.

    `first` is done before each run. `current` is the retention that was asked for last. What others may do in the
    same store they leave to whoever has the lease of `duty`; None: there are no others.
    """

    def __init__(
        self,
        store: Keeping,
        retention: Callable[[], Retention],
        *,
        first: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.time_ns,
        first_after_s: float = FIRST_RUN_AFTER_S,
        every_s: float = RUN_EVERY_S,
        duty: Duty | None = None,
    ) -> None:
        self._duty = duty
        self._store = store
        self._retention = retention
        self._first = first
        self._clock = clock
        self._first_after_s = first_after_s
        self._every_s = every_s
        self.current = retention()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End what a run has in hand, and run no more."""
        self._stopping.set()
        self._store.stop_keeping()
        if self._thread.is_alive():
            self._thread.join()

    def run_once(self) -> Kept:
        """
        Raises:
            StoreUnavailable: nothing could be done; the next run tries again.
        """
        now_ns = self._clock()
        try:
            self._first()
        except StoreUnavailable as error:  # no reason to keep what has had its time
            log.warning("%s; tried again with the next run of retention", error)
        self.current = self._retention()
        with self._duty.turn() if self._duty is not None else nullcontext(True) as is_mine:
            done = self._keep(now_ns) if is_mine else Kept()
        if done != Kept():
            log.info(
                "retention: %d days deleted, %d rewritten, %d compacted, %d must wait; %.1f MB freed",
                done.n_days_dropped,
                done.n_days_rewritten,
                done.n_days_compacted,
                done.n_failed,
                done.bytes_freed / 1e6,
            )
        return done

    def _keep(self, now_ns: int) -> Kept:
        done = self._store.retain(self.current, now_ns=now_ns)
        if not self._stopping.is_set():
            done += self._store.compact(now_ns=now_ns)
        return done

    def _run(self) -> None:
        wait_s = self._first_after_s
        while not self._stopping.wait(wait_s):
            wait_s = self._every_s
            try:
                self.run_once()
            except StoreUnavailable as error:
                log.warning("retention: %s; tried again in %g s", error, wait_s)
            except Exception:  # whatever it was, the next run must come
                log.exception("retention failed; tried again in %g s", wait_s)
