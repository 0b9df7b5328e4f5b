"""Work that only one process may do, as whoever does it sees it: a turn at it, or none."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Engine

from collector.state import leases
from collector.state.leases import Lease, LeaseLost

log = logging.getLogger(__name__)


class Duty(Protocol):
    """One piece of such work. For one worker at a time."""

    name: str

    def turn(self) -> AbstractContextManager[Lease | None]:
        """None: it is not ours to do now. With a lease: it is, and is not handed over before the turn ends.

        The turn may take as long as it likes. LeaseLost may leave it, and then the next turn begins anew.
        """

    def is_held(self, lease: Lease) -> bool:
        """Whether the lease still is good, as far as can be told without asking: before a deed outside the database."""

    def outdated(self) -> None:
        """The lease was fenced by this very process: get a new one."""


class Duties(Protocol):
    def duty(self, name: str) -> Duty:
        """Ask for a share in `name`; always the same object for the same name."""


def new_holder() -> str:
    """A name for this process that no other has or will have."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class SoleDuty:
    """For the one process that owns the data: it takes the lease at its first turn, and keeps it without renewing."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._engine = engine
        self._holder = new_holder()
        self._lease: Lease | None = None

    @contextmanager
    def turn(self) -> Iterator[Lease | None]:
        if self._lease is None:
            with self._engine.begin() as connection:
                self._lease = leases.seize(connection, self.name, self._holder)
        try:
            yield self._lease
        except LeaseLost:
            self.outdated()
            raise

    def is_held(self, lease: Lease) -> bool:
        return self._lease == lease

    def outdated(self) -> None:
        self._lease = None


class SoleDuties:
    """All duties of a process that is alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._duties: dict[str, SoleDuty] = {}
        self._lock = threading.Lock()

    def duty(self, name: str) -> SoleDuty:
        with self._lock:
            return self._duties.setdefault(name, SoleDuty(self._engine, name))
