"""Drift monitors: for every service and model, does it still answer as it did?"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from collector.call import Call
from collector.errors import BadRequest
from collector.projects.reader import ProjectReader
from collector.state.duties import Duty, SoleDuty
from collector.state.leases import Lease, fence, token_of
from collector.verdict import Verdict
from evaluators import features
from evaluators.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.judgement import UnitsGone, judge_window
from evaluators.drift.monitor_state import MonitorState, state_of
from evaluators.drift.monitor_table import (
    load_feedback,
    load_records,
    read_record,
    save_feedback,
    save_records,
)
from evaluators.drift.project_monitors import ProjectMonitors
from evaluators.drift.record import Record, Segment
from evaluators.runner import Store, duty_of, seq_of
from evaluators.text import TEXT
from evaluators.vectors import OUTPUT_FEATURES

DRIFT = "drift"
_BATCH_SIZE = 500

log = logging.getLogger(__name__)


class Monitors:
    """One monitor per (project, service, requested model), each with a frozen reference and a test per window.

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
        # Replaced, never changed in place, so that `states` reads without waiting.
        self._records = load_records(engine)
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
                    self._records = load_records(self._engine)
                self._lease = lease
            verdicts = self._deliver(lease)
            while not stop() and self._advance(lease):
                verdicts += self._deliver(lease)
            return verdicts

    def of_project(self, project: str) -> ProjectMonitors:
        """The same monitors, of which there are only those of `project`."""
        return ProjectMonitors(self, ProjectReader(self._store, project), project)

    def states(self) -> Sequence[MonitorState]:
        """Every monitor, by project, service and model."""
        self._look_again()
        states = [state_of(record, self._config) for record in self._records.copy().values()]
        return sorted(states, key=lambda s: (s.project, s.service or "", s.request_model or ""))

    def accept(self, verdict: Verdict, author: str) -> None:
        """The change is known and wanted: compare with the calls after the verdict's window from now on.

        Not with the window itself, which holds calls from before the change unless it fell between two windows.

        Raises:
            BadRequest: if no monitor gave this verdict.
        """
        with self._lock:
            now_ns = self._clock()
            with self._engine.begin() as connection:
                fence(connection, self._duty.name)  # whoever is at the next calls begins anew from what is saved here
                record = read_record(connection, verdict.monitor)
                if record is None:
                    raise BadRequest(f"there is no monitor {verdict.monitor}; reload the page and try again")
                ends = {window.verdict_id: window.last_seq for window in record.windows}
                # A verdict so old that its window is forgotten: everything since is one and the same anyway.
                after_seq = ends.get(verdict.verdict_id, record.seq)
                renewed = record.restarted(features_version=features.VERSION, after_seq=after_seq)
                save_feedback(connection, verdict.verdict_id, "accepted", author=author, now_ns=now_ns)
                save_records(connection, [renewed], now_ns=now_ns)
                place = min(after_seq, read_checkpoint(connection, DRIFT))
                save_checkpoint(connection, DRIFT, seq=place, now_ns=now_ns)
            self._duty.outdated()
            self._records = self._records | {verdict.monitor: renewed}

    def report_false(self, verdict_id: str, author: str) -> None:
        """Note that nothing had changed; the reference stays."""
        with self._engine.begin() as connection:
            save_feedback(connection, verdict_id, "false_alarm", author=author, now_ns=self._clock())

    def feedback(self, verdict_ids: Sequence[str]) -> dict[str, str]:
        """What people said of these verdicts: accepted or false_alarm; nothing was said of the others."""
        return load_feedback(self._engine, verdict_ids)

    def lag_calls(self) -> int:
        """How many calls it has not looked at yet."""
        return max(0, self._store.last_seq() - load_checkpoint(self._engine, DRIFT))

    def _look_again(self) -> None:
        """Where another process ticks, what it has saved."""
        if self._lease is None and (place := self._place()) != self._seen:
            self._records, self._seen = load_records(self._engine), place

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
            touched = self._take(calls)
            now_ns = self._clock()
            with self._engine.begin() as connection:
                lease.check(connection)
                save_records(connection, touched.values(), now_ns=now_ns)
                save_checkpoint(connection, DRIFT, seq=seq_of(calls[-1]) if calls else end, now_ns=now_ns)
            self._records = self._records | touched
            return True

    def _take(self, calls: Sequence[Call]) -> dict[str, Record]:
        """The records after `calls`, of the monitors that these calls belong to."""
        answered = [call for call in calls if call.error_type is None and call.output_text.strip()]
        ids = [call.call_id for call in answered]
        seen = self._store.vectors(ids, kind=OUTPUT_FEATURES, version=features.VERSION) if ids else {}
        touched: dict[str, Record] = {}
        for call in answered:
            seq, segment = seq_of(call), Segment.of(call)
            monitor_id = segment.monitor_id
            if call.call_id not in seen:
                continue  # it could not be scored
            if monitor_id not in touched:
                record = self._records.get(monitor_id)
                if record is None and len(self._records.keys() | touched.keys()) >= self._config.max_monitors:
                    self._say_full(segment)
                    continue
                touched[monitor_id] = (
                    record.copy() if record else Record(segment=segment, features_version=features.VERSION)
                )
            if seq > touched[monitor_id].seq:
                touched[monitor_id] = self._count(touched[monitor_id], call, seq)
        return touched

    def _count(self, record: Record, call: Call, seq: int) -> Record:
        """`record` after one more call, which is tested when it fills a window."""
        if record.features_version != features.VERSION:
            log.info("%s: features are computed anew, a new reference is gathered", record.segment.title)
            record = record.restarted(features_version=features.VERSION, after_seq=seq - 1)
        config = self._config
        name = record.block_name
        record.seq = seq
        units = record.add(call, seq, n_window=config.n_window, n_recent=2 * (config.n_reference + config.n_window))
        if units is None:
            return record
        if len(record.reference) < config.n_reference:
            record.reference += units
            return record
        try:
            verdict = judge_window(self._store, record, units, name=name, alpha=config.alpha, decided_ns=self._clock())
        except UnitsGone as error:
            log.warning("%s: %s; a new reference is gathered", record.segment.title, error)
            record = record.restarted(features_version=features.VERSION, after_seq=seq)
            record.reference = units
            return record
        record.tested(verdict, seq)
        return record

    def _deliver(self, lease: Lease) -> list[Verdict]:
        """Write the verdicts that are decided and saved, and only then forget that they are to be written."""
        with self._lock:
            waiting = {key: record for key, record in self._records.items() if record.undelivered}
            verdicts = [verdict for record in waiting.values() for verdict in record.undelivered]
            if not verdicts:
                return []
            self._store.write_verdicts(verdicts)
            delivered = {key: record.copy() for key, record in waiting.items()}
            for record in delivered.values():
                record.undelivered = []
            with self._engine.begin() as connection:
                lease.check(connection)
                save_records(connection, delivered.values(), now_ns=self._clock())
            self._records = self._records | delivered
            return verdicts

    def _say_full(self, segment: Segment) -> None:
        if not self._said_full:
            self._said_full = True
            log.warning(
                "%s is not watched: there are %d monitors; raise drift.max_monitors, or send fewer service and model "
                "names",
                segment.title,
                self._config.max_monitors,
            )
