"""Drift monitors: for every service and model, does it still answer as it did?"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence

from sqlalchemy import Engine

from collector.call import Call
from collector.projects.reader import ProjectReader
from collector.state.duties import Duty, SoleDuty
from collector.state.leases import Lease, token_of
from collector.verdict import Verdict
from evaluators import features
from evaluators.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors import table
from evaluators.drift.monitors.closing import Closing
from evaluators.drift.monitors.comparable import is_comparable
from evaluators.drift.monitors.definition import Monitor, automatic_monitor
from evaluators.drift.monitors.judgement import Reading
from evaluators.drift.monitors.office import Office
from evaluators.drift.monitors.project import ProjectMonitors
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.reference import kept_by_day
from evaluators.drift.monitors.replay import replay
from evaluators.drift.monitors.replayed import Replay
from evaluators.drift.monitors.segment import Segment
from evaluators.drift.monitors.standing import state_of
from evaluators.drift.monitors.state import Evidence, MonitorState
from evaluators.drift.monitors.table import DRIFT, Watched
from evaluators.drift.monitors.telling import tell
from evaluators.drift.monitors.unit import Unit
from evaluators.runner import Store, duty_of, seq_of
from evaluators.text import TEXT
from evaluators.vectors import OUTPUT_FEATURES

_BATCH_SIZE = 500

log = logging.getLogger(__name__)


class Monitors:
    """One monitor per (project, service, requested model), which makes itself, and those that people made. Each has a
    frozen reference, a test per window, and streams.

    Reads calls in the order of arrival, behind the consumer that computes their features. State and place are saved
    together, and a window's randomness is seeded by its name: a restart or crash changes no verdict and repeats none.
    One process ticks; any may look at the states and answer verdicts, and the one that ticks starts from the answer.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        clock: Callable[[], int] = time.time_ns,
        config: DriftConfig | None = None,
        *,
        duty: Duty | None = None,
    ) -> None:
        """`duty`: None: there is no other process."""
        self._duty = duty or SoleDuty(engine, duty_of(DRIFT))
        self._lease: Lease | None = None
        self._engine = engine
        self._store = store
        self._clock = clock
        self._config = config or DriftConfig()
        self._lock = threading.Lock()
        self._reading = Reading(store)
        # Replaced, never changed in place, so that `states` reads without waiting.
        self._kept = table.load_monitors(engine, self._config)
        self._seen = self._place()
        self._said_full = False

    def tick(self, *, stop: Callable[[], bool] = lambda: False) -> Sequence[Verdict]:
        """Look at all calls that have features by now; gives the new verdicts, already stored.

        Raises:
            StoreUnavailable: nothing is lost, the next tick goes on.
            LeaseLost: the same; another process does it, or somebody answered a verdict meanwhile.
        """
        with self._duty.turn() as lease:
            if lease is None:
                self._lease = None
                return []
            if lease != self._lease:
                with self._lock:
                    self._kept = table.load_monitors(self._engine, self._config)
                self._lease = lease
            verdicts = self._deliver(lease)
            while not stop() and self._advance(lease):
                verdicts += self._deliver(lease)
            return verdicts

    def of_project(self, project: str) -> ProjectMonitors:
        """The same monitors, of which there are only those of `project`."""
        return ProjectMonitors(self, ProjectReader(self._store, project), project)

    def states(self) -> Sequence[MonitorState]:
        """Every monitor, by project and name."""
        self._look_again()
        n_false = table.count_false_alarms(self._engine)
        states = [
            state_of(watched.monitor, watched.record, n_false_alarms=n_false.get(monitor_id, 0))
            for monitor_id, watched in self._kept.watched.items()
        ]
        return sorted(states, key=lambda state: (state.project, state.monitor.service or "", state.monitor.name))

    def state(self, monitor_id: str) -> MonitorState | None:
        return next((state for state in self.states() if state.monitor_id == monitor_id), None)

    def newest(self) -> Hashable:
        """Changes with each verdict, and whenever a monitor comes, goes or is answered."""
        self._look_again()
        return tuple(
            (monitor.monitor_id, monitor.name, monitor.paused, record.reference_version, record.memory.n_windows,
             record.memory.alarm)
            for monitor, record in self._kept.watched.values()
        )  # fmt: skip

    def evidence(self, monitor_id: str) -> Sequence[Evidence]:
        """What its windows said, oldest first, and how far its streams were; old ones are thinned out."""
        self._look_again()
        watched = self._kept.watched.get(monitor_id)
        return () if watched is None else watched.record.memory.evidence

    def create(self, monitor: Monitor, author: str) -> MonitorState:
        """Add a monitor.

        Raises:
            BadRequest: there is one with this id or name.
        """
        return self._office().create(monitor, author)

    def edit(self, monitor: Monitor, author: str) -> MonitorState:
        """Replace the monitor with this id. It keeps what it knows unless it looks at other calls from now on.

        Raises:
            BadRequest: there is no such monitor, or another has its name.
        """
        return self._office().edit(monitor, author)

    def delete(self, monitor_id: str, author: str) -> None:
        """Its verdicts stay. One that made itself is not made again.

        Raises:
            BadRequest: there is no such monitor.
        """
        self._office().delete(monitor_id, author)

    def replay(self, monitor: Monitor, *, since_ns: int, until_ns: int) -> Replay:
        """What `monitor` would have decided about calls that are over. Nothing is saved.

        Raises:
            BadRequest: if the range is none.
            StoreUnavailable: if the store does not answer now.
        """
        return replay(self._store, monitor, since_ns=since_ns, until_ns=until_ns)

    def accept(self, verdict: Verdict, author: str) -> None:
        """The change is known and wanted: compare with the calls after the verdict's window from now on.

        Not with the window itself, which holds calls from before the change unless it fell between two windows. A
        reference that was pinned stays.

        Raises:
            BadRequest: if no monitor gave this verdict.
        """
        self._office().accept(verdict, author)

    def report_false(self, verdict: Verdict, author: str) -> None:
        """Note that nothing had changed; the reference stays."""
        self._office().report_false(verdict, author)

    def feedback(self, verdict_ids: Sequence[str]) -> dict[str, str]:
        """What people said of these verdicts: accepted or false_alarm; nothing was said of the others."""
        return table.load_feedback(self._engine, verdict_ids)

    def lag_calls(self) -> int:
        """How many calls it has not looked at yet."""
        return max(0, self._store.last_seq() - load_checkpoint(self._engine, DRIFT))

    def _office(self) -> Office:
        return Office(self._engine, self._store, self._clock, self._config, self._duty, changed=self._changed)

    def _changed(self) -> None:
        """Somebody answered or edited: what was read before is outdated."""
        with self._lock:
            self._duty.outdated()
            self._kept = table.load_monitors(self._engine, self._config)

    def _look_again(self) -> None:
        """Where another process ticks, what it has saved."""
        if self._lease is None and (place := self._place()) != self._seen:
            self._kept, self._seen = table.load_monitors(self._engine, self._config), place

    def _place(self) -> tuple[int, int]:
        """Different after each step of whoever ticks, and after each answer."""
        with self._engine.connect() as connection:
            return read_checkpoint(connection, DRIFT), token_of(connection, self._duty.name)

    def _advance(self, lease: Lease) -> bool:
        """Look at the next batch of calls; whether there was one."""
        with self._lock:
            place, end = load_checkpoint(self._engine, DRIFT), load_checkpoint(self._engine, TEXT)
            if place >= end:
                return False
            calls = [c for c in self._store.scan(after_seq=place, limit=_BATCH_SIZE) if seq_of(c) <= end]
            batch = _Batch(self._kept.watched)
            self._take(calls, batch)
            now_ns = self._clock()
            with self._engine.begin() as connection:
                lease.check(connection)
                for monitor_id, (monitor, record) in batch.touched.items():
                    known = self._kept.watched.get(monitor_id)
                    if known is None:
                        table.save_monitor(connection, monitor, record, follows_config=True, now_ns=now_ns)
                    else:
                        table.save_record(connection, record, known=known.record, now_ns=now_ns)
                for monitor_id, units in batch.closed.items():
                    table.remember(connection, monitor_id, units)
                save_checkpoint(connection, DRIFT, seq=seq_of(calls[-1]) if calls else end, now_ns=now_ns)
            self._kept = self._kept._replace(watched={**self._kept.watched, **batch.touched})
            return True

    def _take(self, calls: Sequence[Call], batch: "_Batch") -> None:
        """Count `calls` at the monitors that they belong to."""
        answered = [call for call in calls if is_comparable(call)]
        ids = [call.call_id for call in answered]
        seen = self._store.vectors(ids, kind=OUTPUT_FEATURES, version=features.VERSION) if ids else {}
        made_by_hand = [w.monitor for w in self._kept.watched.values() if not w.monitor.automatic]
        for call in answered:
            if call.call_id not in seen:
                continue  # it answered nothing, or could not be scored
            automatic_id = Segment.of(call).automatic_id
            wanted = [monitor.monitor_id for monitor in made_by_hand if monitor.segment.holds(call)]
            if automatic_id not in self._kept.deleted and self._has_room(automatic_id, batch, call):
                wanted.append(automatic_id)
            for monitor_id in wanted:
                batch.copy(monitor_id)
                monitor, record = batch.touched[monitor_id]
                if seq_of(call) > record.seq and not monitor.paused:
                    batch.touched[monitor_id] = Watched(monitor, self._count(monitor, record, call, batch))

    def _has_room(self, monitor_id: str, batch: "_Batch", call: Call) -> bool:
        """Whether there is such a monitor, made now if need be."""
        if monitor_id in self._kept.watched or monitor_id in batch.touched:
            return True
        monitor = automatic_monitor(call, self._config)
        if len(self._kept.watched.keys() | batch.touched.keys()) >= self._config.max_monitors:
            self._say_full(monitor)
            return False
        batch.touched[monitor_id] = Watched(monitor, Record(monitor_id=monitor_id, features_version=features.VERSION))
        return True

    def _count(self, monitor: Monitor, record: Record, call: Call, batch: "_Batch") -> Record:
        """`record` after one more call, which is decided about when it fills a window."""
        seq = seq_of(call)
        if record.features_version != features.VERSION:
            log.info("%s: features are computed anew, a new reference is gathered", monitor.name)
            record = record.restarted(
                features_version=features.VERSION, after_seq=seq - 1, cause="first", since_ns=call.start_ns
            )
        name = record.block_name
        record.seq = seq
        n_recent = 2 * (monitor.n_reference + monitor.n_window)
        part = monitor.segment.part_of(call)
        units = record.add(call, seq, n_window=monitor.n_window, n_recent=n_recent, part=part)
        if units is None:
            return record
        batch.closed.setdefault(monitor.monitor_id, []).extend(units)
        closing = Closing(self._reading, lambda monitor_id: self._history(monitor_id, batch), self._clock)
        n_windows = record.memory.n_windows
        record = closing.close(record, monitor, units, name=name)
        if record.memory.n_windows > n_windows:
            now = {**self._kept.watched, **batch.touched}
            others = [w for w in now.values() if w.monitor.project == monitor.project and w.monitor != monitor]
            tell(monitor, record, others, most_per_day=self._config.max_alarms_per_day)
        return record

    def _history(self, monitor_id: str, batch: "_Batch") -> Sequence[Unit]:
        """With the blocks of this batch: where a batch ends changes no verdict."""
        return kept_by_day([*table.remembered(self._engine, monitor_id), *batch.closed.get(monitor_id, ())])

    def _deliver(self, lease: Lease) -> list[Verdict]:
        """Write the verdicts that are decided and saved, and only then forget that they are to be written."""
        with self._lock:
            waiting = {key: watched for key, watched in self._kept.watched.items() if watched.record.undelivered}
            verdicts = [verdict for watched in waiting.values() for verdict in watched.record.undelivered]
            if not verdicts:
                return []
            self._store.write_verdicts(verdicts)
            delivered = {key: Watched(watched.monitor, watched.record.copy()) for key, watched in waiting.items()}
            for watched in delivered.values():
                watched.record.undelivered = []
            with self._engine.begin() as connection:
                lease.check(connection)
                for key, watched in delivered.items():
                    table.save_record(connection, watched.record, known=waiting[key].record, now_ns=self._clock())
            self._kept = self._kept._replace(watched={**self._kept.watched, **delivered})
            return verdicts

    def _say_full(self, monitor: Monitor) -> None:
        if not self._said_full:
            self._said_full = True
            log.warning(
                "%s is not watched: there are %d monitors; raise drift.max_monitors, or send fewer service and model "
                "names",
                monitor.name,
                self._config.max_monitors,
            )


class _Batch:
    """What some calls change: monitors that are no longer as they were, and the units of the blocks that are full."""

    def __init__(self, known: Mapping[str, Watched]) -> None:
        self._known = known
        self.touched: dict[str, Watched] = {}
        self.closed: dict[str, list[Unit]] = {}

    def copy(self, monitor_id: str) -> None:
        """See to it that the monitor may be changed here."""
        if monitor_id not in self.touched:
            monitor, record = self._known[monitor_id]
            self.touched[monitor_id] = Watched(monitor, record.copy())
