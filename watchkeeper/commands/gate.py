"""What a pipeline asks of a candidate, and what became of it: pure functions of a comparison and of scores."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from evaluators.drift.comparison import Comparison, Outcome
from evaluators.drift.report import words

State = Literal["passed", "failed", "skipped", "error"]
Bound = Literal["min", "max"]

FAILABLE: tuple[Outcome, ...] = ("model_changed", "traffic_changed", "quality_dropped", "cannot_separate")
PASSED, FAILED, UNUSABLE = 0, 1, 2
"""Exit statuses."""
_Z_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was asked. `error`: it could not be answered."""

    group: str
    name: str
    state: State
    message: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What the mean of a score must reach, or must not exceed."""

    score: str
    bound: Bound
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    value: float
    low: float
    high: float
    n: int


def drift_checks(comparison: Comparison, *, fail_on: Collection[Outcome], allow_not_enough_data: bool) -> list[Check]:
    """The verdict, and each test behind it: of a failed verdict those fail whose own p-value is at most alpha."""
    has_failed = comparison.verdict in fail_on
    state: State = "failed" if has_failed else "passed"
    if comparison.verdict == "not_enough_data":
        state = "skipped" if allow_not_enough_data else "error"
    message = f"{comparison.verdict}: {comparison.explanation}"
    checks = [Check(group="drift", name="verdict", state=state, message=message)]
    for test in comparison.tests.values():
        is_evidence = has_failed and test.p_value <= comparison.alpha
        told = (
            f"p = {words.p_value(test.p_value)}, statistic {words.digits(test.statistic)}, "
            f"n = {test.n_reference:,} before and {test.n_current:,} after. {test.guarantee}"
        )
        checks.append(
            Check(group="drift.tests", name=test.name, state="failed" if is_evidence else "passed", message=told)
        )
    return checks


def score_check(limit: Limit, values: Sequence[float], *, allow_not_enough_data: bool) -> Check:
    """Whether the mean keeps the limit. The interval tells how far chance could have moved it; the mean decides."""
    name = f"{limit.score} {'>=' if limit.bound == 'min' else '<='} {limit.value:g}"
    if not values:
        state: State = "skipped" if allow_not_enough_data else "error"
        return Check(group="scores", name=name, state=state, message=f"no answer has a score of {limit.score}")
    mean = mean_of(values)
    keeps = mean.value >= limit.value if limit.bound == "min" else mean.value <= limit.value
    told = f"mean {mean.value:.4g} (95 % interval {mean.low:.4g} to {mean.high:.4g}, n = {mean.n:,})"
    is_clear = mean.high < limit.value or mean.low > limit.value
    doubt = "" if keeps or is_clear else "; the limit is within the interval, so this may be chance: more answers tell"
    return Check(group="scores", name=name, state="passed" if keeps else "failed", message=told + doubt)


def mean_of(values: Sequence[float]) -> Mean:
    """The mean and its 95 % interval.

    For values in [0, 1] two 0s and two 1s are added before the normal approximation, so that ten times the same value
    is not certainty; others get the plain normal approximation.
    Source: Agresti & Coull (1998), "Approximate is better than 'exact' for interval estimation of binomial
    proportions".
    """
    mean = sum(values) / len(values)
    is_share = all(0 <= value <= 1 for value in values)
    sample = [*values, 0.0, 0.0, 1.0, 1.0] if is_share else list(values)
    n = len(sample)
    centre = sum(sample) / n
    variance = sum((value - centre) ** 2 for value in sample) / max(n - (0 if is_share else 1), 1)
    half = _Z_95 * math.sqrt(variance / n)
    low, high = centre - half, centre + half
    if is_share:
        low, high = max(low, 0.0), min(high, 1.0)
    return Mean(value=mean, low=min(low, mean), high=max(high, mean), n=len(values))


def exit_status(checks: Sequence[Check]) -> int:
    """A failed check is a failure, also beside one that could not be answered."""
    states = {check.state for check in checks}
    return FAILED if "failed" in states else UNUSABLE if "error" in states else PASSED


def summary(checks: Sequence[Check]) -> Mapping[State, int]:
    states: tuple[State, ...] = ("passed", "failed", "skipped", "error")
    return {state: sum(check.state == state for check in checks) for state in states}
