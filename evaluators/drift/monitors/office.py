"""What people do with monitors: make, change, delete, answer. Each deed is one transaction, audit entry included."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, delete

from collector.errors import BadRequest
from collector.projects.audit import write_entry
from collector.state.duties import Duty
from collector.state.leases import fence
from collector.state.statements import take_turns
from collector.state.tables import monitor_days
from collector.store.base import TelemetryReader
from collector.verdict import Verdict
from evaluators import features
from evaluators.checkpoints import read_checkpoint, save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors import table
from evaluators.drift.monitors.definition import Monitor, Pinned
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.standing import state_of
from evaluators.drift.monitors.state import MonitorState
from evaluators.drift.monitors.stored import reference_of
from evaluators.drift.monitors.table import DRIFT

_OTHER_CALLS = (
    "service", "request_model", "environment", "prompt_template", "route", "n_window", "n_reference", "reference",
)  # fmt: skip
"""Whoever changes one of these changes what is compared, or with what."""
_OTHER_STREAMS = ("kinds", "score", "tolerance", "false_alarms_per_month")


@dataclass(frozen=True, slots=True)
class Office:
    """`changed` is called after each deed."""

    engine: Engine
    store: TelemetryReader
    clock: Callable[[], int]
    config: DriftConfig
    duty: Duty
    changed: Callable[[], None]

    def create(self, monitor: Monitor, author: str) -> MonitorState:
        """Add a monitor; its reference is looked for among the calls that are stored, else gathered from now on."""
        monitor = monitor.model_copy(update={"automatic": False})
        now_ns = self.clock()
        found = reference_of(self.store, monitor, now_ns=now_ns)
        with self.engine.begin() as connection:
            take_turns(connection, "monitors")
            fence(connection, self.duty.name)
            self._check_name(connection, monitor)
            if table.read_monitor(connection, monitor.monitor_id, self.config) is not None:
                raise BadRequest(f"monitor_id: there is a monitor {monitor.monitor_id!r} already; PUT changes it")
            record = Record(
                monitor_id=monitor.monitor_id,
                features_version=features.VERSION,
                seq=read_checkpoint(connection, DRIFT),
                memory=found,
            )
            self._save(connection, monitor, record, "monitor.create", author)
        self.changed()
        return state_of(monitor, record)

    def edit(self, monitor: Monitor, author: str) -> MonitorState:
        """Replace the monitor with this id."""
        found = reference_of(self.store, monitor, now_ns=self.clock())
        with self.engine.begin() as connection:
            take_turns(connection, "monitors")
            fence(connection, self.duty.name)
            old, record = self._there(connection, monitor.monitor_id)
            if old.project != monitor.project:
                raise BadRequest(f"project: the monitor belongs to {old.project!r}; make a new one for another project")
            monitor = monitor.model_copy(update={"automatic": old.automatic})
            if old.automatic and monitor.segment != old.segment:
                raise BadRequest("this monitor made itself for its service and model; make a new one for other calls")
            self._check_name(connection, monitor)
            if _differ(old, monitor, _OTHER_CALLS):
                at_seq = read_checkpoint(connection, DRIFT)
                record = record.restarted(
                    features_version=features.VERSION, after_seq=at_seq, cause="first", since_ns=found.since_ns
                )
                record.memory = replace(
                    record.memory, reference=found.reference, releases=found.releases, is_rolling=found.is_rolling,
                    frozen_ns=found.frozen_ns,
                )  # fmt: skip
            if old.segment != monitor.segment:
                connection.execute(delete(monitor_days).where(monitor_days.c.monitor_id == monitor.monitor_id))
            if _differ(old, monitor, _OTHER_STREAMS):
                record.memory = replace(record.memory, stream=None, quality=None)
            self._save(connection, monitor, record, "monitor.edit", author)
        self.changed()
        return state_of(monitor, record)

    def delete(self, monitor_id: str, author: str) -> None:
        with self.engine.begin() as connection:
            take_turns(connection, "monitors")
            fence(connection, self.duty.name)
            monitor, _ = self._there(connection, monitor_id)
            table.mark_deleted(connection, monitor_id, self.clock())
            self._audit(connection, "monitor.delete", monitor_id, author, {"name": monitor.name})
        self.changed()

    def accept(self, verdict: Verdict, author: str) -> None:
        with self.engine.begin() as connection:
            fence(connection, self.duty.name)  # whoever is at the next calls begins anew from what is saved here
            monitor, record = self._there(connection, verdict.monitor)
            now_ns = self.clock()
            table.save_feedback(
                connection, verdict.verdict_id, "accepted", monitor_id=verdict.monitor, author=author, now_ns=now_ns
            )
            if isinstance(monitor.reference, Pinned):
                renewed = _without_alarm(record)
            else:
                ends = {window.verdict_id: window.last_seq for window in record.memory.windows}
                # A verdict so old that its window is forgotten: everything since is one and the same anyway.
                after_seq = ends.get(verdict.verdict_id, record.seq)
                renewed = record.restarted(
                    features_version=features.VERSION, after_seq=after_seq, cause="accepted",
                    since_ns=verdict.current_end_ns,
                )  # fmt: skip
                place = min(after_seq, read_checkpoint(connection, DRIFT))
                save_checkpoint(connection, DRIFT, seq=place, now_ns=now_ns)
            table.save_record(connection, renewed, known=None, now_ns=now_ns)
            self._audit(connection, "monitor.accept", verdict.monitor, author, {"verdict": verdict.verdict_id})
        self.changed()

    def report_false(self, verdict: Verdict, author: str) -> None:
        with self.engine.begin() as connection:
            fence(connection, self.duty.name)
            now_ns = self.clock()
            found = table.read_monitor(connection, verdict.monitor, self.config)
            table.save_feedback(
                connection, verdict.verdict_id, "false_alarm", monitor_id=verdict.monitor, author=author, now_ns=now_ns
            )
            if found is not None:  # it may have been deleted since
                table.save_record(connection, _without_alarm(found.record), known=None, now_ns=now_ns)
            self._audit(connection, "monitor.false_alarm", verdict.monitor, author, {"verdict": verdict.verdict_id})
        self.changed()

    def _there(self, connection: Connection, monitor_id: str) -> table.Watched:
        found = table.read_monitor(connection, monitor_id, self.config)
        if found is None:
            raise BadRequest(f"there is no monitor {monitor_id[:80]!r}; GET /api/v1/monitors lists them")
        return found

    def _check_name(self, connection: Connection, monitor: Monitor) -> None:
        for other_id, name in table.names_of(connection, monitor.project):
            if name == monitor.name and other_id != monitor.monitor_id:
                raise BadRequest(f"name: monitor {other_id!r} is called {name!r} already; take another name")

    def _save(self, connection: Connection, monitor: Monitor, record: Record, action: str, author: str) -> None:
        table.save_monitor(connection, monitor, record, follows_config=False, now_ns=self.clock())
        self._audit(connection, action, monitor.monitor_id, author, monitor.to_json())

    def _audit(
        self, connection: Connection, action: str, monitor_id: str, author: str, details: dict[str, Any]
    ) -> None:
        write_entry(
            connection,
            time_ns=self.clock(),
            actor=author,
            action=action,
            target=f"monitor:{monitor_id}",
            details=details,
        )


def _differ(old: Monitor, new: Monitor, names: tuple[str, ...]) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in names)


def _without_alarm(record: Record) -> Record:
    """Somebody looked at its alarm; its reference stays. The streams begin anew: their evidence is what was judged."""
    renewed = record.copy()
    renewed.memory = replace(record.memory, alarm=None, stream=None, quality=None)
    return renewed
