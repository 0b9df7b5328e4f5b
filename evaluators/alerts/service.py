"""The thread that evaluates the rules and delivers what they say."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import httpx
from sqlalchemy import Engine

from collector.errors import StoreUnavailable
from collector.state.duties import Duty, SoleDuty
from collector.state.leases import Lease, LeaseLost
from collector.store.base import TelemetryReader
from collector.times import NS_PER_S
from evaluators.alerts.book import AlertBook
from evaluators.alerts.config import AlertsConfig
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.deliver import deliver, open_client
from evaluators.alerts.evaluate import evaluate
from evaluators.alerts.outbox import Outbox

DUTY = "alerting"
"""The name of the lease: alerts are evaluated and told of by one process."""
RETRY_S = 0.2
OTHERS_TURN_S = 1.0

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
        duty: Duty | None = None,
    ) -> None:
        """`duty`: None: there is no other process."""
        self._duty = duty or SoleDuty(engine, DUTY)
        receivers = {receiver.name: receiver for receiver in config.receivers}
        self.book = AlertBook(engine, receivers=tuple(receivers), base_url=config.base_url)
        self._outbox = Outbox(engine)
        self._store = store
        self._config = config
        self._receivers = receivers
        self._clock = clock
        self._rng = rng or random.Random()
        self._next_tick_s = time.monotonic()
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
            while not self._stopping.is_set():
                try:
                    wait_s = self._attempt(partial(self._turn, client))
                except LeaseLost as lost:
                    _log.info("%s", lost)
                    wait_s = None
                self._stopping.wait(RETRY_S if wait_s is None else wait_s)

    def _turn(self, client: httpx.Client) -> float:
        """Do what is due, if it is this process's to do; gives the seconds until the next turn."""
        with self._duty.turn() as lease:
            if lease is None:
                return OTHERS_TURN_S
            if time.monotonic() >= self._next_tick_s:
                self._next_tick_s = time.monotonic() + self._config.interval_s
                self._attempt(partial(self._evaluate, lease))
            self._attempt(partial(self._deliver, client, lease))
            return min(self._next_tick_s - time.monotonic(), self._until_due_s())

    def _evaluate(self, lease: Lease) -> None:
        evaluate(self.book.rules(), self._store, self.book, self._clock(), lease=lease)

    def _deliver(self, client: httpx.Client, lease: Lease) -> None:
        deliver(
            self._outbox,
            self._receivers,
            client,
            give_up_after_s=self._config.give_up_after_s,
            clock=self._clock,
            rng=self._rng,
            is_mine=lambda: self._duty.is_held(lease),
        )

    def _until_due_s(self) -> float:
        """Seconds to the next attempt, never none: what is due now has just been tried."""
        due_ns = self._outbox.next_due_ns()
        return math.inf if due_ns is None else max(RETRY_S, (due_ns - self._clock()) / NS_PER_S)

    def _attempt(self, work: Callable[[], T]) -> T | None:
        """What `work` gives; None when it failed."""
        try:
            return work()
        except LeaseLost:
            raise
        except StoreUnavailable as error:
            _log.warning("alerts: %s", error)
        except Exception:
            # The thread that watches must not die of one bad row: on call would take its silence for good news.
            _log.exception("alerts: an unexpected error; trying again")
        return None
