"""Looks at the collector's own metrics every few seconds, so that the last minutes can be told."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client.core import Metric

from collector.errors import StoreUnavailable
from collector.readings import Reading, reading_of
from collector.spool.status import SpoolStatus
from collector.store.base import Footprint
from collector.system import Lag, SystemFigures, figures_of, refused_between

EVERY_S = 10.0
WINDOW_S = 600.0

Check = Callable[[], str | None]
"""What is wrong now, None when nothing is."""

log = logging.getLogger(__name__)


class Metrics(Protocol):
    """See collector.metrics.CollectorMetrics."""

    def collect(self) -> Iterable[Metric]: ...


class Health:
    """The figures of now and of the last `WINDOW_S`. Counts nothing itself. For any thread; `start` begins to look."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        checks: Mapping[str, Check],
        max_queue_bytes: int,
        load: Callable[[], float],
        footprint: Callable[[], Footprint],
        lags: Callable[[], Sequence[Lag]],
        spool: Callable[[], SpoolStatus] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._metrics = metrics
        self._checks = checks
        self._max_queue_bytes = max_queue_bytes
        self._load = load
        self._footprint = footprint
        self._lags = lags
        self._spool = spool
        self._clock = clock
        self._readings: deque[Reading] = deque(maxlen=int(WINDOW_S / EVERY_S) + 1)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._started_ns = clock()
        self.look()

    def look(self) -> None:
        """Remember what the metrics say now."""
        self._readings.append(self._now())

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def figures(self) -> SystemFigures:
        """As they are now. What cannot be told, as the size of a store that is away, is None."""
        return figures_of(
            [*self._readings, self._now()],
            started_ns=self._started_ns,
            problems={name: check() for name, check in self._checks.items()},
            max_queue_bytes=self._max_queue_bytes,
            load=self._load(),
            footprint=self._known_footprint(),
            lags=self._known_lags(),
            spool=None if self._spool is None else self._spool(),
        )

    def n_refused(self) -> int:
        """Requests and records of the last minutes that were not taken; without a look at anything but the counters."""
        return refused_between(self._readings[0], self._now())

    def _now(self) -> Reading:
        return reading_of(self._metrics.collect(), self._clock())

    def _known_footprint(self) -> Footprint | None:
        try:
            return self._footprint()
        except (StoreUnavailable, OSError) as error:
            log.warning("how much is stored cannot be told: %s", error)
            return None

    def _known_lags(self) -> Sequence[Lag] | None:
        try:
            return self._lags()
        except StoreUnavailable as error:
            log.warning("how far the evaluators are cannot be told: %s", error)
            return None

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()
