"""As much of a telemetry store as consumers need, in tables of a PostgreSQL that several processes share."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Engine, Integer, MetaData, String, Table, func, insert, select

from collector.call import Call
from collector.score import Score
from collector.state.statements import upsert

metadata = MetaData()
calls = Table("test_calls", metadata, Column("seq", BigInteger, primary_key=True))
scores = Table("test_scores", metadata, Column("score_id", String, primary_key=True), Column("target_id", String))
looked_at = Table(
    "test_looked_at",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("consumer", String),
    Column("seq", BigInteger),
    Column("process", Integer),
)


class SharedStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, first: int, last: int) -> None:
        """Calls with these numbers arrive."""
        with self._engine.begin() as connection:
            connection.execute(insert(calls), [{"seq": seq} for seq in range(first, last + 1)])

    def last_seq(self) -> int:
        with self._engine.connect() as connection:
            return connection.scalar(select(func.max(calls.c.seq))) or 0

    def scan(self, *, after_seq: int, limit: int) -> Sequence[Call]:
        query = select(calls.c.seq).where(calls.c.seq > after_seq).order_by(calls.c.seq).limit(limit)
        with self._engine.connect() as connection:
            return [_call(seq) for seq in connection.scalars(query)]

    def write_scores(self, written: Sequence[Score]) -> None:
        with self._engine.begin() as connection:
            for score in written:
                upsert(connection, scores, {"score_id": score.score_id, "target_id": score.target_id})


def _call(seq: int) -> Call:
    return Call(call_id=f"call {seq}", trace_id=f"{seq:032x}", span_id=f"{seq:016x}", start_ns=seq, seq=seq)
