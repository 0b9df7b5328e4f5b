"""Monitors and what people said of their verdicts, in the state database."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, select

from collector.state.statements import upsert
from collector.state.tables import monitors, verdict_feedback
from evaluators.drift.record import Record, Segment

Feedback = Literal["accepted", "false_alarm"]


def load_records(engine: Engine) -> dict[str, Record]:
    """All monitors by id."""
    with engine.connect() as connection:
        return {row.monitor_id: _record(row) for row in connection.execute(select(monitors))}


def read_record(connection: Connection, monitor_id: str) -> Record | None:
    """One monitor, within a transaction."""
    row = connection.execute(select(monitors).where(monitors.c.monitor_id == monitor_id)).first()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> Record:
    return Record.from_json(Segment(row.project, row.service, row.request_model), row.state)


def save_records(connection: Connection, records: Iterable[Record], *, now_ns: int) -> None:
    for record in records:
        segment = record.segment
        values = {
            "monitor_id": segment.monitor_id,
            "project": segment.project,
            "service": segment.service,
            "request_model": segment.request_model,
            "state": record.to_json(),
            "updated_ns": now_ns,
        }
        upsert(connection, monitors, values)


def save_feedback(connection: Connection, verdict_id: str, feedback: Feedback, *, author: str, now_ns: int) -> None:
    """What `author` says of a verdict; it replaces what was said before."""
    values = {"verdict_id": verdict_id, "feedback": feedback, "author": author, "created_ns": now_ns}
    upsert(connection, verdict_feedback, values)


def load_feedback(engine: Engine, verdict_ids: Sequence[str]) -> dict[str, str]:
    query = select(verdict_feedback.c.verdict_id, verdict_feedback.c.feedback)
    with engine.connect() as connection:
        rows = connection.execute(query.where(verdict_feedback.c.verdict_id.in_(verdict_ids))).all()
    return {row.verdict_id: row.feedback for row in rows}
