"""Several processes share the duties: a thread renews what this one holds, takes what fell free, and hands over."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from collector.errors import StoreUnavailable
from collector.state import leases
from collector.state.duties import new_holder
from collector.state.leases import Lease, LeaseLost
from collector.state.members import present, share_out, sign_in, sign_out

DURATION_S = 15.0
"""A process that is silent for so long has lost its duties. Others have them at the latest a round later."""
ROUNDS_PER_DURATION = 5

log = logging.getLogger(__name__)


class SharedDuty:
    """See Duty. The lease is good for as long as it was at the last renewal, by the clock of this process that only
    runs forward and began before the database's."""

    def __init__(self, name: str, wake: threading.Event) -> None:
        self.name = name
        self._wake = wake
        self._turn = threading.Lock()
        self._lease: Lease | None = None
        self._until_s = 0.0
        self._is_leaving = False

    @contextmanager
    def turn(self) -> Iterator[Lease | None]:
        with self._turn:
            lease = self._lease
            if lease is None or self._is_leaving or not self.is_held(lease):
                yield None
                return
            try:
                yield lease
            except LeaseLost:
                self.outdated()
                raise

    def is_held(self, lease: Lease) -> bool:
        return self._lease == lease and time.monotonic() < self._until_s

    def outdated(self) -> None:
        self._lease = None
        self._wake.set()

    def renewed(self, lease: Lease, until_s: float) -> None:
        if lease != self._lease:
            log.info("%s is done here now", lease.name)
        self._lease, self._until_s = lease, until_s

    def stay(self) -> None:
        self._is_leaving = False

    def hand_over(self, connection: Connection) -> bool:
        """Release what is held, and begin no turn any more. False: one is under way, and the lease is needed for it."""
        self._is_leaving = True
        if self._lease is None:
            return True
        if not self._turn.acquire(blocking=False):
            return False
        try:
            leases.release(connection, self._lease)
            log.info("%s is handed over to another process", self.name)
            self._lease = None
        finally:
            self._turn.release()
        return True


class SharedDuties:
    """See Duties. From `start` to `close` this process is a member of those who share the state database."""

    def __init__(self, engine: Engine, *, duration_s: float = DURATION_S) -> None:
        self.holder = new_holder()
        self._engine = engine
        self._duration_s = duration_s
        self._wake = threading.Event()
        self._stopping = False
        self._round_s = time.monotonic()
        self._duties: dict[str, SharedDuty] = {}
        self._thread = threading.Thread(target=self._run, name="duties", daemon=True)

    def duty(self, name: str) -> SharedDuty:
        """Before `start`."""
        return self._duties.setdefault(name, SharedDuty(name, self._wake))

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Give all up, for others to take at once. The workers must have ended."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            with self._engine.begin() as connection:
                sign_out(connection, self.holder)
                for duty in self._duties.values():
                    duty.hand_over(connection)
        except (StoreUnavailable, SQLAlchemyError) as error:
            log.warning("other processes take over in %g s: %s", self._duration_s, error)

    def problem(self) -> str | None:
        """Why this process may do nothing that only one may do; None when it has its share."""
        silent_s = time.monotonic() - self._round_s
        if silent_s < self._duration_s:
            return None
        return f"no share of the work for {silent_s:.0f} s: the state database does not take this process's word"

    def round(self) -> None:
        """Renew, take and hand over.

        Raises:
            StoreUnavailable: what is held runs out when its time has come.
        """
        until_s = time.monotonic() + self._duration_s  # from before the database's answer: never later than it says
        given: list[tuple[SharedDuty, Lease]] = []
        with self._engine.begin() as connection:
            sign_in(connection, self.holder, self._duties, duration_s=self._duration_s)
            shares = share_out(present(connection))
            for name, duty in sorted(self._duties.items()):
                if shares[name] == self.holder:
                    duty.stay()
                elif duty.hand_over(connection):
                    continue
                if lease := leases.take(connection, name, self.holder, duration_s=self._duration_s):
                    given.append((duty, lease))
        self._round_s = time.monotonic()
        for duty, lease in given:
            duty.renewed(lease, until_s)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self.round()
            except StoreUnavailable as error:
                log.warning("who does what cannot be told now, and is asked again soon: %s", error)
            except Exception:  # whatever it was: without rounds, this process would do nothing any more
                log.exception("who does what cannot be told now, and is asked again soon")
            self._wake.wait(self._duration_s / ROUNDS_PER_DURATION)
