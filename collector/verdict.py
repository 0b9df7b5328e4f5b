"""One decision of a drift monitor about one window."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
class Verdict:
    """`outcome` is no_change, model_changed or not_enough_data; later monitors add theirs. Times are Unix ns."""

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
    statistic: float
    p_value: float
    alpha: float
    guarantee: str
    explanation: str
    effects: Sequence[Effect] = ()
    pairs: Sequence[Pair] = ()

    def to_json(self) -> dict[str, Any]:
        values: Mapping[str, Any] = asdict(self)
        times = {k.removesuffix("_ns") + "_time": format_rfc3339(v) for k, v in values.items() if k.endswith("_ns")}
        return {k: v for k, v in values.items() if not k.endswith("_ns")} | times
