"""What becomes of a full block of sessions: a part of the reference, or a window that is decided."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from collector.verdict import Verdict
from evaluators import features
from evaluators.drift.decide import MIN_ROWS
from evaluators.drift.monitors.definition import Monitor, Pinned, Rolling
from evaluators.drift.monitors.judgement import Reading, UnitsGone, judge, released_verdict
from evaluators.drift.monitors.record import Alarm, Record
from evaluators.drift.monitors.reference import day_of, is_worn, rolling
from evaluators.drift.monitors.release import news
from evaluators.drift.monitors.state import Evidence
from evaluators.drift.monitors.stored import reference_of
from evaluators.drift.monitors.unit import Unit, span_of

ALARMING = ("model_changed", "quality_dropped")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Closing:
    """Decides about full blocks. `history` gives the units that a monitor remembers of the last weeks; `clock` tells
    when a verdict was made, and nothing depends on it."""

    reading: Reading
    history: Callable[[str], Sequence[Unit]]
    clock: Callable[[], int]

    def close(self, record: Record, monitor: Monitor, units: Sequence[Unit], *, name: str) -> Record:
        """`record` after the block `units`, oldest first.

        Args:
            name: of the block, for good: what is drawn for it follows from the name.
        Raises:
            StoreUnavailable: if the store does not answer now.
        """
        now_ns = units[-1].start_ns
        if isinstance(monitor.reference, Pinned) and not record.memory.reference:
            found = reference_of(self.reading.store, monitor, now_ns=now_ns)
            if len(found.reference) < MIN_ROWS:
                return record  # the block is lost: there is nothing to compare it with
            releases = {**record.memory.releases, **found.releases}
            record.memory = replace(record.memory, reference=found.reference, releases=releases, frozen_ns=now_ns)
        elif isinstance(monitor.reference, Rolling) and len(record.memory.reference) < monitor.n_reference:
            record.gathered(units, now_ns)
            return record
        try:
            return self._decide(record, monitor, units, name=name)
        except UnitsGone as error:
            if isinstance(monitor.reference, Pinned):
                log.warning("%s: %s; pin other calls", monitor.name, error)
                record.memory = replace(record.memory, reference=())
                return record
            log.warning("%s: %s; a new reference is gathered", monitor.name, error)
            since_ns = record.memory.since_ns
            record = record.restarted(
                features_version=features.VERSION, after_seq=record.seq, cause="lost", since_ns=since_ns
            )
            record.gathered(units, now_ns)
            return record

    def _decide(self, record: Record, monitor: Monitor, units: Sequence[Unit], *, name: str) -> Record:
        known, told = self._by_release(record, monitor, units)
        if told and len(known) <= len(units) / 2:
            return self._released(record, monitor, units, told, name=name)
        self._refresh(record, monitor, known)
        verdict, _ = judge(
            self.reading, monitor, record.memory.reference, known,
            reference_name=f"{record.monitor_id}/{record.reference_version}", name=name, decided_ns=self.clock(),
        )  # fmt: skip
        if told:
            n_left_out = len(units) - len(known)
            left_out = f"{n_left_out} sessions of a new release stayed out: {'; '.join(told)}"
            verdict = replace(verdict, notes=(*verdict.notes, left_out))
        verdict = self._noted_alarm(record, verdict)
        evidence = Evidence(units[-1].start_ns, verdict.verdict_id, verdict.p_value)
        record.tested(verdict, units, evidence)
        return record

    def _noted_alarm(self, record: Record, verdict: Verdict) -> Verdict:
        """The verdict with the onset of the change that it confirms, if it does."""
        memory = record.memory
        if verdict.outcome not in ALARMING:
            return verdict
        onset_ns = verdict.current_start_ns if verdict.onset_ns is None else verdict.onset_ns
        if memory.alarm is not None:
            onset_ns = min(onset_ns, memory.alarm.onset_ns)
        record.memory = replace(
            memory, alarm=Alarm(verdict.verdict_id, onset_ns), n_alarms=memory.n_alarms + (memory.alarm is None)
        )
        return replace(verdict, onset_ns=onset_ns)

    def _by_release(
        self, record: Record, monitor: Monitor, units: Sequence[Unit]
    ) -> tuple[Sequence[Unit], Sequence[str]]:
        """The units of releases that the reference knows, and what is new about the others. A reference that was
        pinned is compared with on purpose, whatever was released since."""
        if not isinstance(monitor.reference, Rolling):
            return units, []
        releases = record.memory.releases
        before = [releases[unit.release] for unit in record.memory.reference if unit.release in releases]
        told = {
            key: news(before, releases[key]) for key in dict.fromkeys(unit.release for unit in units) if key in releases
        }
        known = [unit for unit in units if not told.get(unit.release)]
        return known, list(dict.fromkeys(text for texts in told.values() for text in texts))

    def _released(
        self, record: Record, monitor: Monitor, units: Sequence[Unit], told: Sequence[str], *, name: str
    ) -> Record:
        verdict = released_verdict(monitor, record.memory.reference, units, told, name=name, decided_ns=self.clock())
        record.tested(verdict, units, Evidence(units[-1].start_ns, verdict.verdict_id, None))
        return record.restarted(
            features_version=features.VERSION,
            after_seq=record.seq,
            cause="released",
            since_ns=span_of(units)[1],
        )

    def _refresh(self, record: Record, monitor: Monitor, units: Sequence[Unit]) -> None:
        """Take the last days for the reference, once there are enough or the old one is worn, if old against new is
        quiet. Asked once a day, and not while a change waits for an answer."""
        memory, now_ns = record.memory, units[-1].start_ns
        is_due = not memory.is_rolling or is_worn(memory.frozen_ns, now_ns)
        if not is_due or memory.alarm or memory.checked_day == day_of(now_ns):
            return
        if not isinstance(monitor.reference, Rolling):
            return
        record.memory = memory = replace(memory, checked_day=day_of(now_ns))
        chosen = rolling(self.history(record.monitor_id), now_ns, since_ns=memory.since_ns)
        if chosen is None or len(chosen) < monitor.n_reference:
            return
        name = f"{record.monitor_id}/{record.reference_version}"
        old_against_new, _ = judge(
            self.reading, monitor, memory.reference, chosen,
            reference_name=name, name=f"{name}/refresh/{memory.checked_day}", decided_ns=now_ns,
        )  # fmt: skip
        if old_against_new.outcome != "no_change":
            log.info("%s: the reference stays, as the last days differ from it", monitor.name)
            return
        record.reference_version += 1
        record.window_index = 0
        record.memory = replace(
            memory, reference=tuple(chosen), is_rolling=True, frozen_ns=now_ns, stream=None, quality=None
        )
