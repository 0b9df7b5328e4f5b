"""What only one process may do, and which one does: rows that are taken, renewed, and taken over from the dead.

A lease runs out by the clock of the database, so that nobody's own clock matters. On SQLite all processes are on one
machine and share its clock. Each change of holder gives a new token, and whoever writes under a lease checks the token
in the transaction that writes: a process that stood still and was replaced finds out before it can do harm.
Source: Kleppmann (2016), "How to do distributed locking", on fencing tokens.
"""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, extract, func, literal, or_, select, update

from collector.errors import WatchkeeperError
from collector.state.statements import insert_into
from collector.state.tables import leases
from collector.times import NS_PER_S


class LeaseLost(WatchkeeperError):
    """Another process does this now, or what was read under the lease has changed: begin anew with a new lease."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name`, until somebody has a higher token."""

    name: str
    token: int

    def check(self, connection: Connection) -> None:
        """First in a transaction that writes: nobody takes the lease before its end.

        Raises:
            LeaseLost: if somebody has.
        """
        # An update that changes nothing holds the row, on both databases.
        held = (leases.c.name == self.name) & (leases.c.token == self.token)
        if connection.execute(update(leases).where(held).values(token=self.token)).rowcount == 0:
            raise LeaseLost(f"{self.name}: another process does this now")


def take(connection: Connection, name: str, holder: str, *, duration_s: float) -> Lease | None:
    """Take `name` for `duration_s` if nobody has it, or keep it so much longer; None: somebody else has it."""
    _make(connection, name)
    now_ns = now_of(connection)
    is_free = or_(leases.c.holder == holder, leases.c.until_ns <= now_ns)
    # Who holds the row is checking the lease or renewing it just now: no need to wait, there is a next time.
    row = select(leases.c.name).where(leases.c.name == name, is_free).with_for_update(skip_locked=True)
    token = case((leases.c.holder == holder, leases.c.token), else_=leases.c.token + 1)
    until_ns = now_ns + round(duration_s * NS_PER_S)
    return _given(connection, name, leases.c.name == row.scalar_subquery(), token=token, holder=holder, until=until_ns)


def seize(connection: Connection, name: str, holder: str) -> Lease:
    """Take `name` whoever has it, for a process that knows that it is the only one. For others it is free at once."""
    _make(connection, name)
    lease = _given(connection, name, leases.c.name == name, token=leases.c.token + 1, holder=holder, until=literal(0))
    assert lease is not None  # the row is there
    return lease


def release(connection: Connection, lease: Lease) -> None:
    """Others may take it at once."""
    held = (leases.c.name == lease.name) & (leases.c.token == lease.token)
    connection.execute(update(leases).where(held).values(until_ns=0))


def fence(connection: Connection, name: str) -> None:
    """Outdate what the holder of `name` has read so far: it fails its next check. First in a transaction."""
    _make(connection, name)
    connection.execute(update(leases).where(leases.c.name == name).values(token=leases.c.token + 1))


def token_of(connection: Connection, name: str) -> int:
    """The newest one; it changes with the holder and with each fence. 0: nobody has ever had it."""
    return connection.scalar(select(leases.c.token).where(leases.c.name == name)) or 0


def now_of(connection: Connection) -> ColumnElement[int]:
    """The clock of the database, in Unix nanoseconds."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()) * NS_PER_S, BigInteger)
    return literal(time.time_ns(), BigInteger)


def _make(connection: Connection, name: str) -> None:
    # Asked first: an insert would wait for whoever is changing the row just now, and that may be one who stands still.
    if connection.execute(select(leases.c.name).where(leases.c.name == name)).first() is not None:
        return
    row = insert_into(connection, leases).values(name=name, holder="", token=0, until_ns=0)
    connection.execute(row.on_conflict_do_nothing())


def _given(
    connection: Connection, name: str, which: ColumnElement[bool], *, token: Any, holder: str, until: Any
) -> Lease | None:
    change = update(leases).where(which).values(token=token, holder=holder, until_ns=until).returning(leases.c.token)
    given = connection.execute(change).scalar()
    return None if given is None else Lease(name, given)
