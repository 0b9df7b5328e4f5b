"""A monitor on calls that are over: what it would have said. Nothing is saved."""

import logging
from collections.abc import Iterator
from dataclasses import replace as changed

from collector.call import Call
from collector.errors import BadRequest
from collector.query import Filters
from collector.store.base import TelemetryReader
from collector.verdict import Verdict
from evaluators import features
from evaluators.drift.monitors.closing import Closing
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.judgement import Reading
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.reference import kept_by_day
from evaluators.drift.monitors.replayed import MAX_SESSIONS, Replay, ReplayedWindow
from evaluators.drift.monitors.standing import guarantee_of, reference_in_words, state_of
from evaluators.drift.monitors.stored import calls_in, reference_of
from evaluators.drift.monitors.telling import tell
from evaluators.drift.monitors.unit import Unit
from evaluators.vectors import OUTPUT_FEATURES

_CHUNK = 1_000

log = logging.getLogger(__name__)


def replay(store: TelemetryReader, monitor: Monitor, *, since_ns: int, until_ns: int) -> Replay:
    """Decide about the calls of the range as the monitor would have, the newest MAX_SESSIONS sessions at most.

    The reference is what it would have begun with at the start of the range: its pinned one, or the days before, or
    the first sessions. The same range gives the same result as long as the calls are stored.

    Raises:
        BadRequest: if the range is none.
        StoreUnavailable: if the store does not answer now.
    """
    Filters(since_ns=since_ns, until_ns=until_ns)
    if since_ns == until_ns:
        raise BadRequest("the range is empty; give since and until")
    calls, is_complete = _calls(store, monitor, since_ns, until_ns)
    begun_ns = calls[0].start_ns if calls else since_ns
    record = Record(
        monitor_id=monitor.monitor_id,
        features_version=features.VERSION,
        memory=reference_of(store, monitor, now_ns=begun_ns),
    )
    units: list[Unit] = []
    closing = Closing(Reading(store), lambda _: kept_by_day(units), lambda: until_ns)
    windows: list[ReplayedWindow] = []
    for seq, call in enumerate(calls, start=1):
        name, n_alarms = record.block_name, record.memory.n_alarms
        record.seq = seq
        part = monitor.segment.part_of(call)
        block = record.add(call, seq, n_window=monitor.n_window, n_recent=MAX_SESSIONS, part=part)
        if block is None:
            continue
        units += block
        record = closing.close(record, monitor, block, name=f"replay/{name}")
        if record.undelivered:
            tell(monitor, record, [], most_per_day=MAX_SESSIONS)
        windows += [_window(verdict, alarms=record.memory.n_alarms > n_alarms) for verdict in record.undelivered]
        record.undelivered = []
    n_sessions = len({call.session_id or call.call_id for call in calls})
    return Replay(
        monitor=monitor,
        since_ns=since_ns if is_complete else begun_ns,
        until_ns=until_ns,
        n_calls=len(calls),
        n_sessions=n_sessions,
        n_missing=state_of(monitor, record).n_missing,
        is_complete=is_complete,
        reference=reference_in_words(monitor, record),
        windows=windows,
        evidence=record.memory.evidence,
        guarantee=guarantee_of(monitor),
        note=_note(monitor, record, windows, n_sessions, is_complete),
    )


def _calls(store: TelemetryReader, monitor: Monitor, since_ns: int, until_ns: int) -> tuple[list[Call], bool]:
    """Those with behaviours, oldest first, without what is not needed of them; whether these are all."""
    kept: list[Call] = []
    sessions: set[str] = set()
    is_complete = True
    for call in _featured(store, calls_in(store, monitor.segment, since_ns, until_ns)):
        session = call.session_id or call.call_id
        if session not in sessions and len(sessions) == MAX_SESSIONS:
            is_complete = False
            break
        sessions.add(session)
        system = [message for message in call.input_messages or () if message.get("role") in ("system", "developer")]
        contexts = (call.contexts or ())[:1]
        kept.append(changed(call, input_messages=system, output_messages=None, contexts=contexts))
    kept.reverse()
    return kept, is_complete


def _featured(store: TelemetryReader, calls: Iterator[Call]) -> Iterator[Call]:
    chunk: list[Call] = []
    for call in calls:
        chunk.append(call)
        if len(chunk) == _CHUNK:
            yield from _with_features(store, chunk)
            chunk = []
    yield from _with_features(store, chunk)


def _with_features(store: TelemetryReader, calls: list[Call]) -> Iterator[Call]:
    ids = [call.call_id for call in calls]
    seen = store.vectors(ids, kind=OUTPUT_FEATURES, version=features.VERSION) if ids else {}
    return (call for call in calls if call.call_id in seen)


def _window(verdict: Verdict, *, alarms: bool) -> ReplayedWindow:
    return ReplayedWindow(
        start_ns=verdict.current_start_ns,
        end_ns=verdict.current_end_ns,
        n_current=verdict.n_current,
        outcome=verdict.outcome,
        p_value=verdict.p_value,
        severity=verdict.severity,
        alarms=alarms,
        explanation=verdict.explanation,
        onset_ns=verdict.onset_ns,
    )


def _note(monitor: Monitor, record: Record, windows: list[ReplayedWindow], n_sessions: int, is_complete: bool) -> str:
    n_alarms = sum(window.alarms for window in windows)
    if not windows:
        missing = state_of(monitor, record).n_missing
        said = (
            f"Nothing would have been decided: {n_sessions:,} sessions, {missing:,} more are needed for the reference"
        )
        said = said if missing else f"Nothing would have been decided: {n_sessions:,} sessions fill no window"
    else:
        said = f"{len(windows):,} windows would have been decided, and {n_alarms:,} alarms raised"
    cut = "" if is_complete else f". Only the newest {MAX_SESSIONS:,} sessions were looked at"
    return f"{said}{cut}."
