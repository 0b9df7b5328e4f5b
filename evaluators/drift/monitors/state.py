"""Where a drift monitor stands, as people are shown it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from collector.times import format_rfc3339
from evaluators.drift.monitors.definition import Monitor

Phase = Literal["collecting", "watching", "alarm", "released", "paused"]
"""collecting: its first reference, or a new one after an answer; released: a new one after a release of one's own."""

N_SPARK = 60


class Evidence(NamedTuple):
    """What one window said, and how far the streams were after it.

    `stream` and `quality` are shares of the way to an alarm on a logarithmic scale: 0 is no evidence, 1 an alarm.
    """

    time_ns: int
    """The start of its last call."""
    verdict_id: str
    p_value: float | None
    stream: float | None = None
    quality: float | None = None
    e_value: float = 1.0
    """Of the streams, as evidence against "nothing changed": 1 on average where nothing did."""

    def strength(self, alpha: float) -> float:
        """The strongest of them on the same scale."""
        window = 0.0 if self.p_value is None else math.log(self.p_value) / math.log(alpha)
        return max(window, self.stream or 0.0, self.quality or 0.0)

    def to_json(self) -> dict[str, Any]:
        values = self._asdict()
        return {"time": format_rfc3339(values.pop("time_ns")), **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState:
    """Where one monitor stands. Texts are sentences for people; counts are of sessions, but for `n_windows` and the
    alarms, which are of verdicts since the monitor began."""

    monitor: Monitor
    phase: Phase
    n_reference: int
    n_missing: int
    """Sessions that the reference lacks; 0: it is complete."""
    reference: str
    """What it is: "the first 200 sessions", "pinned: version 12"."""
    reference_start_ns: int | None
    reference_end_ns: int | None
    n_window_pending: int
    """Gathered for the next decision, of `monitor.n_window`."""
    next_decision: str
    """"in about 12 sessions", "when 40 more sessions are in the reference", "none: paused"."""
    next_decision_ns: int | None
    """When that is, should sessions go on as in the last window."""
    guarantee: str
    sparkline: Sequence[tuple[int, float]]
    """(time in ns, strength): 1 is an alarm, at most N_SPARK points, oldest first."""
    n_windows: int
    n_alarms: int
    n_false_alarms: int
    """Those that people called false."""
    last_verdict_id: str | None
    alarm_verdict_id: str | None
    """The newest alarm that nobody has answered; None: there is none, or it was accepted, or is over."""
    onset_ns: int | None
    """When that change began, as far as can be told."""

    @property
    def monitor_id(self) -> str:
        return self.monitor.monitor_id

    @property
    def project(self) -> str:
        return self.monitor.project

    def to_json(self) -> dict[str, Any]:
        """The public shape: the definition with its state beside it."""
        times = {
            "reference_start_time": self.reference_start_ns,
            "reference_end_time": self.reference_end_ns,
            "next_decision_time": self.next_decision_ns,
            "onset_time": self.onset_ns,
        }
        names = (
            "phase", "n_reference", "n_missing", "n_window_pending", "next_decision", "guarantee", "n_windows",
            "n_alarms", "n_false_alarms", "last_verdict_id", "alarm_verdict_id",
        )  # fmt: skip
        state = {name: getattr(self, name) for name in names}
        state |= {name: None if at_ns is None else format_rfc3339(at_ns) for name, at_ns in times.items()}
        state |= {
            "reference": self.reference,
            "sparkline": [[format_rfc3339(at_ns), strength] for at_ns, strength in self.sparkline],
        }
        return {**self.monitor.to_json(), "state": state}
