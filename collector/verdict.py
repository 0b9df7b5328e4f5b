"""One decision of a drift monitor about one window."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from collector.times import format_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How far one behaviour moved: standardised mean difference (Cohen's d) with its 95 % interval."""

    behaviour: str
    title: str
    d: float
    low: float
    high: float
    reference_mean: float
    current_mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An answer from before and one from after, to the same or the nearest prompt."""

    prompt_before: str
    before: str
    before_call_id: str
    prompt_after: str
    after: str
    after_call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTest:
    """One test of a window against its reference.

    `p_value` is never 0 and holds its level by itself; what a verdict is decided by takes into account that there are
    several tests. `guarantee` says in one sentence what P(p <= a) <= a rests on.
    """

    name: str
    statistic: float
    p_value: float
    n_reference: int
    n_current: int
    guarantee: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Prompts of one topic, named by its typical words: which share of the calls they are, and how far their answers
    moved. `p_value` None: too few answers on a side to tell."""

    words: Sequence[str]
    share_before: float
    share_after: float
    n_before: int
    n_after: int
    is_new: bool
    statistic: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a monitor decided about one window. Times are Unix ns.

    `outcome` is that of a comparison (no_change, model_changed, traffic_changed, quality_dropped, cannot_separate,
    not_enough_data) or `released`: the calls come from a new release of one's own, nothing was compared. Without a
    comparison `statistic` and `p_value` are None.
    """

    verdict_id: str
    monitor: str
    project: str
    service: str | None
    request_model: str | None
    outcome: str
    decided_ns: int
    reference_start_ns: int
    reference_end_ns: int
    current_start_ns: int
    current_end_ns: int
    n_reference: int
    n_current: int
    statistic: float | None
    p_value: float | None
    alpha: float
    guarantee: str
    explanation: str
    effects: Sequence[Effect] = ()
    pairs: Sequence[Pair] = ()
    monitor_name: str | None = None
    """None: of the monitor that made itself for the service and model."""
    severity: str = "info"
    """info, warning or critical: by how far the answers moved, and in what."""
    onset_ns: int | None = None
    """When the change began, as far as can be told."""
    tests: Mapping[str, WindowTest] = field(default_factory=dict)
    clusters: Sequence[Cluster] = ()
    """Topics of the prompts, those that changed most first."""
    contributors: Sequence[str] = ()
    """Where most of the change comes from, the most to blame first: "service bank", "prompts on refund, parcel"."""
    notes: Sequence[str] = ()
    """What was left out or could not be tested, and why."""
    held_back: str | None = None
    """Why nobody is told of this change; None: people are, by the rules that there are."""

    def to_json(self) -> dict[str, Any]:
        values: Mapping[str, Any] = asdict(self)
        times = {
            k.removesuffix("_ns") + "_time": None if v is None else format_rfc3339(v)
            for k, v in values.items()
            if k.endswith("_ns")
        }
        return {k: v for k, v in values.items() if not k.endswith("_ns")} | times
