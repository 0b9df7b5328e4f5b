"""What goes into the intake and what comes out, in forms that may cross to another process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.batch import Batch
from collector.otlp.limits import Limits
from collector.otlp.signal import Signal
from collector.packed import PackedBatch
from collector.projects.access import OPEN, Access
from collector.retention import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One OTLP export as it came, unpacked.

    Args:
        access: of the key that came with it, without its limiter: what it brings was admitted.
        now_ns: when it came.
    """

    signal: Signal
    body: bytes
    is_json: bool = False
    access: Access = OPEN
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    now_ns: int | None = None

    @property
    def n_bytes(self) -> int:
        return len(self.body)


Item = Sent | Batch
"""What one request brought: an export, or telemetry that was decoded already and is not priced and redacted yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one item: records that are kept, and those left out or changed, by reason.

    `error`: it cannot be read, nothing of it is kept.
    """

    n_kept: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What several items came to: an outcome for each, in order, and all that is to be stored.

    `counts` are of values redacted, by kind, and of calls `unpriced`.
    """

    outcomes: Sequence[Outcome]
    batches: Sequence[Batch | PackedBatch]
    counts: Mapping[str, int]
