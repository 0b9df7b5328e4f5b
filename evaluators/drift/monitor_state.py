"""Where a drift monitor stands, as people are shown it."""

from dataclasses import dataclass
from typing import Literal

from evaluators.drift.config import DriftConfig
from evaluators.drift.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState:
    """Where one monitor stands. `n_reference` and `n_missing` count the sessions that its reference has and lacks,
    `n_window_pending` those gathered for the next test, of `n_window`."""

    monitor_id: str
    project: str
    service: str | None
    request_model: str | None
    phase: Literal["collecting reference", "watching"]
    n_reference: int
    n_missing: int
    n_window_pending: int
    n_window: int
    last_verdict_id: str | None
    reference_start_ns: int | None
    reference_end_ns: int | None


def state_of(record: Record, config: DriftConfig) -> MonitorState:
    is_watching = len(record.reference) >= config.n_reference
    n_gathered = len(record.block)
    n_reference = len(record.reference) + (0 if is_watching else n_gathered)
    starts = [unit.start_ns for unit in record.reference]
    segment = record.segment
    return MonitorState(
        monitor_id=segment.monitor_id,
        project=segment.project,
        service=segment.service,
        request_model=segment.request_model,
        phase="watching" if is_watching else "collecting reference",
        n_reference=n_reference,
        n_missing=0 if is_watching else config.n_reference - n_reference,
        n_window_pending=n_gathered if is_watching else 0,
        n_window=config.n_window,
        last_verdict_id=record.windows[-1].verdict_id if record.windows else None,
        reference_start_ns=min(starts, default=None),
        reference_end_ns=max(starts, default=None),
    )
