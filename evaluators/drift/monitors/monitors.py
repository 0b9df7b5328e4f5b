"""Drift monitors: for every service and model, does it still answer as it did?"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence

from sqlalchemy import Engine

from collector.projects.reader import ProjectReader
from collector.state.duties import Duty, SoleDuty
from collector.state.leases import Lease, token_of
from collector.verdict import Verdict
from evaluators.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors import table
from evaluators.drift.monitors.counting import Batch, Counting
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.office import Office
from evaluators.drift.monitors.project import ProjectMonitors
from evaluators.drift.monitors.replay import replay
from evaluators.drift.monitors.replayed import Replay
from evaluators.drift.monitors.standing import state_of
from evaluators.drift.monitors.state import Evidence, MonitorState
from evaluators.drift.monitors.table import DRIFT, Watched
from evaluators.runner import Store, duty_of, seq_of
from evaluators.text import TEXT

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
        self._counting = Counting(engine, store, clock, self._config)
        # Replaced, never changed in place, so that `states` reads without waiting.
        self._kept = table.load_monitors(engine, self._config)
        self._seen = self._place()

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
            batch = Batch(self._kept)
            self._counting.take(calls, batch)
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
