"""Calls, counted at the monitors that they belong to."""

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from collector.call import Call
from collector.store.base import TelemetryReader
from evaluators import features
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors import table
from evaluators.drift.monitors.closing import Closing
from evaluators.drift.monitors.comparable import is_comparable
from evaluators.drift.monitors.definition import Monitor, automatic_monitor
from evaluators.drift.monitors.judgement import Reading
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.reference import kept_by_day
from evaluators.drift.monitors.segment import Segment
from evaluators.drift.monitors.table import Kept, Watched
from evaluators.drift.monitors.telling import tell
from evaluators.drift.monitors.unit import Unit
from evaluators.runner import seq_of
from evaluators.vectors import OUTPUT_FEATURES

log = logging.getLogger(__name__)


class Batch:
    """What some calls change: monitors that are no longer as they were, and the units of the blocks that are full."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.touched: dict[str, Watched] = {}
        self.closed: dict[str, list[Unit]] = {}

    def copy(self, monitor_id: str) -> None:
        """See to it that the monitor may be changed here."""
        if monitor_id not in self.touched:
            monitor, record = self.kept.watched[monitor_id]
            self.touched[monitor_id] = Watched(monitor, record.copy())


class Counting:
    """What `Batch.touched` is after some calls. It saves nothing; reference rows that it read are kept for the next."""

    def __init__(self, engine: Engine, store: TelemetryReader, clock: Callable[[], int], config: DriftConfig) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._config = config
        self._reading = Reading(store)
        self._said_full = False

    def take(self, calls: Sequence[Call], batch: Batch) -> None:
        """Count `calls` at the monitors that they belong to."""
        answered = [call for call in calls if is_comparable(call)]
        ids = [call.call_id for call in answered]
        seen = self._store.vectors(ids, kind=OUTPUT_FEATURES, version=features.VERSION) if ids else {}
        made_by_hand = [w.monitor for w in batch.kept.watched.values() if not w.monitor.automatic]
        for call in answered:
            if call.call_id not in seen:
                continue  # it answered nothing, or could not be scored
            automatic_id = Segment.of(call).automatic_id
            wanted = [monitor.monitor_id for monitor in made_by_hand if monitor.segment.holds(call)]
            if automatic_id not in batch.kept.deleted and self._has_room(automatic_id, batch, call):
                wanted.append(automatic_id)
            for monitor_id in wanted:
                batch.copy(monitor_id)
                monitor, record = batch.touched[monitor_id]
                if seq_of(call) > record.seq and not monitor.paused:
                    batch.touched[monitor_id] = Watched(monitor, self._count(monitor, record, call, batch))

    def _has_room(self, monitor_id: str, batch: Batch, call: Call) -> bool:
        """Whether there is such a monitor, made now if need be."""
        if monitor_id in batch.kept.watched or monitor_id in batch.touched:
            return True
        monitor = automatic_monitor(call, self._config)
        if len(batch.kept.watched.keys() | batch.touched.keys()) >= self._config.max_monitors:
            self._say_full(monitor)
            return False
        batch.touched[monitor_id] = Watched(monitor, Record(monitor_id=monitor_id, features_version=features.VERSION))
        return True

    def _count(self, monitor: Monitor, record: Record, call: Call, batch: Batch) -> Record:
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
            now = {**batch.kept.watched, **batch.touched}
            others = [w for w in now.values() if w.monitor.project == monitor.project and w.monitor != monitor]
            tell(monitor, record, others, most_per_day=self._config.max_alarms_per_day)
        return record

    def _history(self, monitor_id: str, batch: Batch) -> Sequence[Unit]:
        """With the blocks of this batch: where a batch ends changes no verdict."""
        return kept_by_day([*table.remembered(self._engine, monitor_id), *batch.closed.get(monitor_id, ())])

    def _say_full(self, monitor: Monitor) -> None:
        if not self._said_full:
            self._said_full = True
            log.warning(
                "%s is not watched: there are %d monitors; raise drift.max_monitors, or send fewer service and model "
                "names",
                monitor.name,
                self._config.max_monitors,
            )
