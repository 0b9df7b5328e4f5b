"""From what a monitor remembers to what people are shown of it."""

import math

from collector.times import NS_PER_S, format_rfc3339
from evaluators.drift.monitors.definition import Monitor, Pinned
from evaluators.drift.monitors.record import Alarm, Record
from evaluators.drift.monitors.state import N_SPARK, MonitorState, Phase
from evaluators.drift.monitors.unit import span_of


def state_of(monitor: Monitor, record: Record, *, n_false_alarms: int = 0) -> MonitorState:
    memory, alarm = record.memory, _open_alarm(record)
    n_reference, n_missing = _gathered(monitor, record)
    n_pending = 0 if n_missing else len(record.block)
    starts = span_of(memory.reference) if memory.reference else (None, None)
    phase = _phase(monitor, record, n_missing)
    session_s = seconds_a_session(record)
    due_ns = None
    if phase in ("watching", "alarm") and session_s is not None and memory.evidence:
        due_ns = memory.evidence[-1].time_ns + round(session_s * monitor.n_window * NS_PER_S)
    points = memory.evidence[-N_SPARK:]
    return MonitorState(
        monitor=monitor,
        phase=phase,
        n_reference=n_reference,
        n_missing=n_missing,
        reference=reference_in_words(monitor, record),
        reference_start_ns=starts[0],
        reference_end_ns=starts[1],
        n_window_pending=n_pending,
        next_decision=_next(monitor, phase, n_missing, n_pending),
        next_decision_ns=due_ns,
        guarantee=guarantee_of(monitor),
        sparkline=[(point.time_ns, point.strength(monitor.alpha)) for point in points],
        n_windows=memory.n_windows,
        n_alarms=memory.n_alarms,
        n_false_alarms=n_false_alarms,
        last_verdict_id=memory.windows[-1].verdict_id if memory.windows else None,
        alarm_verdict_id=None if alarm is None else alarm.verdict_id,
        onset_ns=None if alarm is None else alarm.onset_ns,
    )


def guarantee_of(monitor: Monitor) -> str:
    """What a monitor promises, in figures that follow from its settings."""
    windows = next(n for n in (100, 1_000, 10_000) if monitor.alpha * n >= 1 - 1e-9)
    said = [
        f"At most {_number(monitor.alpha * windows, 'false alarm')} in {windows:,} windows in which nothing changed"
    ]
    told = f"people are told of at most {_number(monitor.false_alarms_per_month, 'false alarm')} a month"
    has_streams = monitor.watches("stream") or monitor.watches("quality")
    said.append(f"{told} of windows, and of as many of each stream" if has_streams else told)
    return f"{'; '.join(said)}. All of it for sessions that are exchangeable while nothing changes."


def reference_in_words(monitor: Monitor, record: Record) -> str:
    if isinstance(monitor.reference, Pinned):
        return f"pinned: {pinned_in_words(monitor.reference)}"
    if record.memory.is_rolling:
        return f"{len(record.memory.reference):,} sessions of the last 14 days less 2, frozen"
    begun = {
        "first": "the first",
        "accepted": "after the accepted change, the first",
        "released": "after the release, the first",
        "lost": "gathered anew as the store had lost it, the first",
    }[record.memory.cause]
    return f"{begun} {monitor.n_reference:,} sessions"


def pinned_in_words(reference: Pinned) -> str:
    said = [f"version {reference.version}"] if reference.version else []
    said += [f"tag {reference.tag}"] if reference.tag else []
    said += [f"{key} = {value}" for key, value in reference.metadata.items()]
    if reference.since is not None:
        until = "now" if reference.until is None else format_rfc3339(reference.until)
        said.append(f"{format_rfc3339(reference.since)} to {until}")
    return ", ".join(said)


def seconds_a_session(record: Record) -> float | None:
    """How fast sessions come, from the last windows; None: there were not enough to say."""
    units = record.memory.recent or record.memory.reference
    if len(units) < 2 or (record.memory.is_rolling and not record.memory.recent):
        return None
    first_ns, last_ns = span_of(units)
    return (last_ns - first_ns) / NS_PER_S / (len(units) - 1) or None


def _gathered(monitor: Monitor, record: Record) -> tuple[int, int]:
    """Sessions that the reference has and lacks."""
    n = len(record.memory.reference)
    if isinstance(monitor.reference, Pinned):
        return n, 0 if n else monitor.n_window
    if n >= monitor.n_reference:
        return n, 0
    n += len(record.block)
    return n, max(1, monitor.n_reference - n)


def _phase(monitor: Monitor, record: Record, n_missing: int) -> Phase:
    if monitor.paused:
        return "paused"
    if n_missing:
        return "released" if record.memory.cause == "released" else "collecting"
    return "alarm" if _open_alarm(record) is not None else "watching"


def _open_alarm(record: Record) -> Alarm | None:
    """A change that people were told of; what may be chance is no alarm yet."""
    alarm = record.memory.alarm
    return alarm if alarm is not None and (alarm.is_told or alarm.told_with) else None


def _next(monitor: Monitor, phase: Phase, n_missing: int, n_pending: int) -> str:
    if phase == "paused":
        return "none: paused"
    if isinstance(monitor.reference, Pinned) and n_missing:
        return "when the pinned calls are found: too few are stored"
    if n_missing:
        return f"when {_number(n_missing, 'more session')} {'is' if n_missing == 1 else 'are'} in the reference"
    return f"in about {_number(monitor.n_window - n_pending, 'session')}"


def _number(n: float, what: str) -> str:
    text = f"{n:,.0f}" if n >= 10 or math.isclose(n, round(n), rel_tol=1e-6) else f"{n:.2g}"
    return f"{text} {what}{'' if text == '1' else 's'}"
