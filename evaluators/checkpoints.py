"""How far each consumer of the call stream has come, in the state database."""

from sqlalchemy import Connection, Engine, func, select

from collector.state.statements import upsert
from collector.state.tables import checkpoints

# Alert rules keep there until when they have read verdicts, in nanoseconds.
_OF_CALLS = checkpoints.c.consumer.not_like("alerts:%")


def load_checkpoint(engine: Engine, consumer: str) -> int:
    """The seq of the last call that `consumer` is done with, 0 before its first."""
    with engine.connect() as connection:
        return read_checkpoint(connection, consumer)


def read_checkpoint(connection: Connection, consumer: str) -> int:
    """The same, within a transaction."""
    return connection.scalar(select(checkpoints.c.seq).where(checkpoints.c.consumer == consumer)) or 0


def consumer_places(engine: Engine) -> dict[str, int]:
    """The seq of the last call that each consumer of the call stream is done with, by name."""
    query = select(checkpoints.c.consumer, checkpoints.c.seq).where(_OF_CALLS).order_by(checkpoints.c.consumer)
    with engine.connect() as connection:
        return {row.consumer: row.seq for row in connection.execute(query)}


def newest_checkpoint(engine: Engine) -> int:
    """The highest seq that any consumer of the call stream is done with, 0 with none."""
    with engine.connect() as connection:
        return connection.scalar(select(func.max(checkpoints.c.seq)).where(_OF_CALLS)) or 0


def save_checkpoint(connection: Connection, consumer: str, *, seq: int, now_ns: int) -> None:
    """Note that `consumer` is done with every call up to `seq`, in the transaction of `connection`."""
    upsert(connection, checkpoints, {"consumer": consumer, "seq": seq, "updated_ns": now_ns})
