"""The thread that evaluates the rules and delivers what they say."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import httpx
from sqlalchemy import Engine

from collector.errors import StoreUnavailable
from collector.store.base import TelemetryReader
from collector.times import NS_PER_S
from evaluators.alerts.book import AlertBook
from evaluators.alerts.config import AlertsConfig
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.deliver import deliver, open_client
from evaluators.alerts.evaluate import evaluate
from evaluators.alerts.outbox import Outbox

RETRY_S = 0.2

T = TypeVar("T")

_log = logging.getLogger(__name__)


class AlertService:
    """Evaluates all rules every `interval_s` seconds and delivers in between, from `start` to `close`.

    Whatever goes wrong is logged and tried again: what was committed is delivered, by this process or the next.
    """

    def __init__(
        self,
        engine: Engine,
        store: TelemetryReader,
        config: AlertsConfig,
        *,
        clock: Callable[[], int] = time.time_ns,
        rng: random.Random | None = None,
    ) -> None:
        receivers = {receiver.name: receiver for receiver in config.receivers}
        self.book = AlertBook(engine, receivers=tuple(receivers), base_url=config.base_url)
        self._outbox = Outbox(engine)
        self._store = store
        self._config = config
        self._receivers = receivers
        self._clock = clock
        self._rng = rng or random.Random()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin; a new installation gets its first rules.

        Raises:
            StoreUnavailable: the state database does not answer.
        """
        self.book.save_first_rules(DEFAULT_RULES, self._clock())
        self._thread.start()

    def close(self) -> None:
        """Return once the attempt under way has ended, which takes at most its timeout."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        with open_client(self._config.timeout_s) as client:
            next_tick_s = time.monotonic()
            while not self._stopping.is_set():
                if time.monotonic() >= next_tick_s:
                    next_tick_s = time.monotonic() + self._config.interval_s
                    self._attempt(self._evaluate)
                self._attempt(lambda: self._deliver(client))
                until_due_s = self._attempt(self._until_due_s)
                wait_s = RETRY_S if until_due_s is None else until_due_s
                self._stopping.wait(min(next_tick_s - time.monotonic(), wait_s))

    def _evaluate(self) -> None:
        evaluate(self.book.rules(), self._store, self.book, self._clock())

    def _deliver(self, client: httpx.Client) -> None:
        deliver(
            self._outbox,
            self._receivers,
            client,
            give_up_after_s=self._config.give_up_after_s,
            clock=self._clock,
            rng=self._rng,
        )

    def _until_due_s(self) -> float:
        """Seconds to the next attempt, never none: what is due now has just been tried."""
        due_ns = self._outbox.next_due_ns()
        return math.inf if due_ns is None else max(RETRY_S, (due_ns - self._clock()) / NS_PER_S)

    def _attempt(self, work: Callable[[], T]) -> T | None:
        """What `work` gives; None when it failed."""
        try:
            return work()
        except StoreUnavailable as error:
            _log.warning("alerts: %s", error)
        except Exception:
            # The thread that watches must not die of one bad row: on call would take its silence for good news.
            _log.exception("alerts: an unexpected error; trying again")
        return None
