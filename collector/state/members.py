"""Which processes are alive, what each can do, and which therefore does what."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, select

from collector.state.leases import now_of
from collector.state.statements import upsert
from collector.state.tables import members
from collector.times import NS_PER_S


def share_out(able: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Who does what: each duty goes to one of the processes that are able to do it, as evenly as can be. Pure.

    All processes that see the same members come to the same answer.

    Args:
        able: the duties that a process can do, by process.
    Returns:
        The process of each duty.
    """
    shares: dict[str, str] = {}
    n_given = dict.fromkeys(able, 0)
    for duty in sorted({duty for duties in able.values() for duty in duties}):
        holder = min((n_given[holder], holder) for holder, duties in able.items() if duty in duties)[1]
        shares[duty] = holder
        n_given[holder] += 1
    return shares


def sign_in(connection: Connection, holder: str, duties: Collection[str], *, duration_s: float) -> None:
    """Say that `holder` is alive for `duration_s` more; forget those who have not said so."""
    now_ns = now_of(connection)
    # Whom another process is forgetting just now is left to it: two who wait for each other would both fail.
    silent = select(members.c.holder).where(members.c.until_ns <= now_ns).with_for_update(skip_locked=True)
    connection.execute(delete(members).where(members.c.holder.in_(silent)))
    until_ns = now_ns + round(duration_s * NS_PER_S)
    upsert(connection, members, {"holder": holder, "duties": sorted(duties), "until_ns": until_ns})


def sign_out(connection: Connection, holder: str) -> None:
    connection.execute(delete(members).where(members.c.holder == holder))


def present(connection: Connection) -> dict[str, list[str]]:
    """The duties that each living process can do."""
    alive = select(members).where(members.c.until_ns > now_of(connection))
    return {row.holder: list(row.duties) for row in connection.execute(alive)}
