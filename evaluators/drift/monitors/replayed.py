"""What a monitor would have said of calls that are over."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from collector.times import format_rfc3339
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.state import Evidence

MAX_SESSIONS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedWindow:
    """One window that would have been decided; `alarms` says whether somebody would have been told."""

    start_ns: int
    end_ns: int
    n_current: int
    outcome: str
    p_value: float | None
    severity: str
    alarms: bool
    explanation: str
    onset_ns: int | None

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        times = {name: values.pop(f"{name}_ns") for name in ("start", "end", "onset")}
        return values | {f"{name}_time": None if at is None else format_rfc3339(at) for name, at in times.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """`windows` oldest first, with their `evidence` beside them. `is_complete` False: these are the newest MAX_SESSIONS
    sessions, from `since_ns` on. `n_missing`: sessions that the reference lacks; nothing was decided then."""

    monitor: Monitor
    since_ns: int
    until_ns: int
    n_calls: int
    n_sessions: int
    n_missing: int
    is_complete: bool
    reference: str
    windows: Sequence[ReplayedWindow]
    evidence: Sequence[Evidence]
    guarantee: str
    note: str
    """What it comes to: "5 windows would have been decided, and 1 alarms raised."."""

    @property
    def alarms(self) -> Sequence[ReplayedWindow]:
        return [window for window in self.windows if window.alarms]

    def to_json(self) -> dict[str, Any]:
        names = ("n_calls", "n_sessions", "n_missing", "is_complete", "reference", "guarantee", "note")
        return {name: getattr(self, name) for name in names} | {
            "monitor": self.monitor.to_json(),
            "since": format_rfc3339(self.since_ns),
            "until": format_rfc3339(self.until_ns),
            "windows": [window.to_json() for window in self.windows],
            "evidence": [point.to_json() for point in self.evidence],
            "n_alarms": len(self.alarms),
        }
