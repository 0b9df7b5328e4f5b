"""Monitors, what they remember, and what people said of their verdicts, in the state database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from collector.state.statements import upsert
from collector.state.tables import monitor_days, monitors, verdict_feedback
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.definition import Monitor, of_config
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.reference import FROZEN_DAYS, N_DAYS, day_of, kept_by_day
from evaluators.drift.monitors.unit import Unit

DRIFT = "drift"
"""The consumer of the call stream that monitors are."""

Feedback = Literal["accepted", "false_alarm"]


class Watched(NamedTuple):
    """A monitor and its state."""

    monitor: Monitor
    record: Record


class Kept(NamedTuple):
    """All monitors by id, and the ids of those that were deleted: they are not made again by themselves."""

    watched: Mapping[str, Watched]
    deleted: frozenset[str]


def load_monitors(engine: Engine, config: DriftConfig) -> Kept:
    with engine.connect() as connection:
        rows = connection.execute(select(monitors)).all()
    watched = {row.monitor_id: _watched(row, config) for row in rows if row.deleted_ns is None}
    return Kept(watched, frozenset(row.monitor_id for row in rows if row.deleted_ns is not None))


def read_monitor(connection: Connection, monitor_id: str, config: DriftConfig) -> Watched | None:
    """One monitor, within a transaction."""
    there = (monitors.c.monitor_id == monitor_id) & monitors.c.deleted_ns.is_(None)
    row = connection.execute(select(monitors).where(there)).first()
    return None if row is None else _watched(row, config)


def _watched(row: Row[Any], config: DriftConfig) -> Watched:
    definition = row.definition
    if row.follows_config:
        definition = definition | of_config(config)
    return Watched(Monitor.model_validate(definition), Record.from_json(row.monitor_id, row.state, row.memory))


def save_monitor(
    connection: Connection, monitor: Monitor, record: Record, *, follows_config: bool, now_ns: int
) -> None:
    """Add a monitor, or change it. `follows_config`: nobody changed what the configuration says about all of them."""
    values = {
        "monitor_id": monitor.monitor_id,
        "project": monitor.project,
        "definition": monitor.to_json(),
        "follows_config": follows_config,
        "state": record.to_json(),
        "memory": record.memory.to_json(),
        "deleted_ns": None,
        "updated_ns": now_ns,
    }
    upsert(connection, monitors, values)


def save_record(connection: Connection, record: Record, *, known: Record | None, now_ns: int) -> None:
    """What changed since `known` was saved; its memory is long, and most often it did not."""
    values: dict[str, Any] = {"state": record.to_json(), "updated_ns": now_ns}
    if known is None or known.memory is not record.memory:
        values["memory"] = record.memory.to_json()
    connection.execute(update(monitors).where(monitors.c.monitor_id == record.monitor_id).values(values))


def mark_deleted(connection: Connection, monitor_id: str, now_ns: int) -> None:
    connection.execute(update(monitors).where(monitors.c.monitor_id == monitor_id).values(deleted_ns=now_ns))
    connection.execute(delete(monitor_days).where(monitor_days.c.monitor_id == monitor_id))


def remember(connection: Connection, monitor_id: str, units: Iterable[Unit]) -> None:
    """Keep a random choice of each day's units for the references to come."""
    by_day: dict[int, list[Unit]] = {}
    for unit in units:
        by_day.setdefault(day_of(unit.start_ns), []).append(unit)
    for day, of_day in by_day.items():
        same = (monitor_days.c.monitor_id == monitor_id) & (monitor_days.c.day == day)
        kept = connection.scalar(select(monitor_days.c.units).where(same)) or []
        chosen = kept_by_day([*(Unit(*unit) for unit in kept), *of_day])
        upsert(connection, monitor_days, {"monitor_id": monitor_id, "day": day, "units": [list(u) for u in chosen]})
    if by_day:
        over = monitor_days.c.day < max(by_day) - N_DAYS - FROZEN_DAYS
        connection.execute(delete(monitor_days).where((monitor_days.c.monitor_id == monitor_id) & over))


def remembered(engine: Engine, monitor_id: str) -> list[Unit]:
    """The units of the last weeks."""
    with engine.connect() as connection:
        rows = connection.scalars(select(monitor_days.c.units).where(monitor_days.c.monitor_id == monitor_id))
        return [Unit(*unit) for units in rows for unit in units]


def save_feedback(
    connection: Connection, verdict_id: str, feedback: Feedback, *, monitor_id: str | None, author: str, now_ns: int
) -> None:
    """What `author` says of a verdict; it replaces what was said before."""
    values = {
        "verdict_id": verdict_id, "feedback": feedback, "monitor_id": monitor_id, "author": author,
        "created_ns": now_ns,
    }  # fmt: skip
    upsert(connection, verdict_feedback, values)


def load_feedback(engine: Engine, verdict_ids: Sequence[str]) -> dict[str, str]:
    query = select(verdict_feedback.c.verdict_id, verdict_feedback.c.feedback)
    with engine.connect() as connection:
        rows = connection.execute(query.where(verdict_feedback.c.verdict_id.in_(verdict_ids))).all()
    return {row.verdict_id: row.feedback for row in rows}


def count_false_alarms(engine: Engine) -> dict[str, int]:
    """How many verdicts of each monitor people called false."""
    query = (
        select(verdict_feedback.c.monitor_id, func.count().label("n"))
        .where(verdict_feedback.c.feedback == "false_alarm", verdict_feedback.c.monitor_id.is_not(None))
        .group_by(verdict_feedback.c.monitor_id)
    )
    with engine.connect() as connection:
        return {row.monitor_id: row.n for row in connection.execute(query)}


def names_of(connection: Connection, project: str) -> list[tuple[str, str]]:
    """The id and name of each monitor of a project."""
    there = (monitors.c.project == project) & monitors.c.deleted_ns.is_(None)
    rows = connection.execute(select(monitors.c.monitor_id, monitors.c.definition).where(there))
    return [(row.monitor_id, row.definition["name"]) for row in rows]
