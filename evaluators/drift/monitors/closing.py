"""What becomes of a full block of sessions: a part of the reference, or a window that is decided."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collector.times import NS_PER_S, format_rfc3339
from collector.verdict import Verdict
from evaluators import features
from evaluators.drift.monitors.definition import Monitor, Pinned, Rolling
from evaluators.drift.monitors.judgement import Judged, Reading, UnitsGone, judge, released_verdict
from evaluators.drift.monitors.record import Alarm, Record
from evaluators.drift.monitors.reference import day_of, is_worn, rolling
from evaluators.drift.monitors.release import news
from evaluators.drift.monitors.standing import seconds_a_session
from evaluators.drift.monitors.state import Evidence
from evaluators.drift.monitors.stored import reference_of
from evaluators.drift.monitors.streaming import Step, month_of, step_quality, step_stream
from evaluators.drift.monitors.telling import e_value_of
from evaluators.drift.monitors.unit import Unit, span_of
from evaluators.drift.windows.battery import MIN_ROWS

ALARMING = ("model_changed", "quality_dropped")
CONFIRM_ALPHA = 0.05
"""Of the window test that confirms a stream's alarm: the stream has kept the promise, this asks for a second look."""

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
        judged = judge(
            self.reading, monitor, record.memory.reference, known,
            reference_name=_reference_name(record), name=name, decided_ns=self.clock(),
            refine=not (record.memory.alarm and record.memory.alarm.is_told),
        )  # fmt: skip
        verdict, evidence = self._with_streams(record, monitor, judged, name=name)
        if told:
            left_out = f"{len(units) - len(known)} sessions of a new release stayed out: {'; '.join(told)}"
            verdict = replace(verdict, notes=(*verdict.notes, left_out))
        record.tested(self._noted_alarm(record, verdict), known, evidence)
        return record

    def _with_streams(self, record: Record, monitor: Monitor, judged: Judged, *, name: str) -> tuple[Verdict, Evidence]:
        """The verdict after the streams have seen the window too."""
        memory, verdict = record.memory, judged.verdict
        stream = quality = Step()
        if monitor.watches("stream"):
            stream = step_stream(memory.stream, monitor, judged.reference, judged.window)
        if monitor.watches("quality"):
            a_month = month_of(seconds_a_session(record))
            quality = step_quality(
                memory.quality, monitor, judged.reference, judged.window, sessions_a_month=a_month, name=name
            )
        record.memory = replace(memory, stream=stream.saved or memory.stream, quality=quality.saved or memory.quality)
        verdict = self.confirmed(record, monitor, verdict, stream, judged.window.units, name=name)
        verdict = with_quality(verdict, monitor, quality, judged)
        notes = tuple(step.note for step in (stream, quality) if step.note is not None)
        verdict = replace(verdict, notes=(*verdict.notes, *notes))
        evidence = Evidence(
            time_ns=verdict.current_end_ns,
            verdict_id=verdict.verdict_id,
            p_value=judged.verdict.p_value,
            stream=stream.share,
            quality=quality.share,
            e_value=e_value_of(stream.e_value, quality.e_value),
        )
        return verdict, evidence

    def confirmed(
        self, record: Record, monitor: Monitor, verdict: Verdict, stream: Step, units: Sequence[Unit], *, name: str
    ) -> Verdict:
        """A stream's alarm counts only once the window test finds the change among the calls since its onset."""
        memory = record.memory
        if stream.alarm is None or memory.alarm is not None or verdict.outcome == "model_changed":
            return verdict
        since = [unit for unit in (*memory.recent, *units) if unit.start_ns >= stream.alarm.onset_ns]
        tested = judge(
            self.reading, monitor, memory.reference, since if len(since) > len(units) else units,
            reference_name=_reference_name(record), name=f"{name}/since the onset", decided_ns=verdict.decided_ns,
            alpha=CONFIRM_ALPHA,
        ).verdict  # fmt: skip
        if tested.outcome != "model_changed":
            return replace(
                verdict, notes=(*verdict.notes, "the stream's evidence was not confirmed by the window test")
            )
        return replace(
            tested,
            verdict_id=verdict.verdict_id,
            onset_ns=stream.alarm.onset_ns,
            guarantee=f"{stream.guarantee} The window test on the calls since the onset confirmed it at "
            f"{CONFIRM_ALPHA:g}.",
        )

    def _noted_alarm(self, record: Record, verdict: Verdict) -> Verdict:
        """The verdict with the onset of the change that it confirms, if it does."""
        memory = record.memory
        if verdict.outcome not in ALARMING:
            return verdict
        onset_ns = verdict.current_start_ns if verdict.onset_ns is None else verdict.onset_ns
        if memory.alarm is not None:
            onset_ns = min(onset_ns, memory.alarm.onset_ns)
        alarm = memory.alarm or Alarm(verdict.verdict_id, onset_ns)
        record.memory = replace(memory, alarm=alarm._replace(verdict_id=verdict.verdict_id, onset_ns=onset_ns))
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
        name = _reference_name(record)
        old_against_new = judge(
            self.reading, monitor, memory.reference, chosen,
            reference_name=name, name=f"{name}/refresh/{memory.checked_day}", decided_ns=now_ns,
        )  # fmt: skip
        if old_against_new.verdict.outcome != "no_change":
            log.info("%s: the reference stays, as the last days differ from it", monitor.name)
            return
        record.reference_version += 1
        record.window_index = 0
        record.memory = replace(
            memory, reference=tuple(chosen), is_rolling=True, frozen_ns=now_ns, stream=None, quality=None
        )


def with_quality(verdict: Verdict, monitor: Monitor, quality: Step, judged: Judged) -> Verdict:
    """The verdict, when the scores are found to have moved. A changed model explains what scores do, and goes first."""
    before, after = (_mean(side.rows.scores) for side in (judged.reference, judged.window))
    if quality.alarm is None:
        return verdict
    moved = f"{monitor.score} of {monitor.segment.title} {quality.alarm.subject}: {before:.2f} → {after:.2f}"
    if quality.alarm.subject != "dropped" or verdict.outcome == "model_changed":
        return replace(verdict, notes=(*verdict.notes, moved))
    return replace(
        verdict,
        outcome="quality_dropped",
        statistic=quality.alarm.evidence,
        p_value=None,
        severity="critical",
        onset_ns=quality.alarm.onset_ns,
        guarantee=quality.guarantee,
        explanation=f"{moved}, since {format_rfc3339(quality.alarm.onset_ns // NS_PER_S * NS_PER_S)}.",
    )


def _mean(scores: NDArray[np.float64] | None) -> float:
    there = np.array([]) if scores is None else scores[np.isfinite(scores)]
    return float(there.mean()) if len(there) else math.nan


def _reference_name(record: Record) -> str:
    return f"{record.monitor_id}/{record.reference_version}"
