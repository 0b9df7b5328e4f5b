"""From a full window to its verdict."""

import hashlib
from collections.abc import Sequence

import numpy as np

from collector.store.base import TelemetryReader
from collector.verdict import Effect, Verdict, WindowTest
from evaluators.drift.comparison import Comparison
from evaluators.drift.decide import MIN_ROWS
from evaluators.drift.decide import decide as decide_behaviours
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.pairs import pairs_of
from evaluators.drift.monitors.reference import matched
from evaluators.drift.monitors.rows import rows_of
from evaluators.drift.monitors.unit import Unit, span_of
from evaluators.drift.windows.rows import Rows

_WARNING_D, _CRITICAL_D = 0.1, 0.3
_GRAVE = ("refus", "json", "latency")
"""Behaviours whose moving breaks what is built on the answers, however little it is."""

SHOWN = ("model_changed", "traffic_changed", "quality_dropped", "cannot_separate")
"""Outcomes that are shown with answers from before and after."""


class UnitsGone(Exception):
    """The store no longer has what is to be compared."""


class Reading:
    """Rows of units, of which those of references are kept: they are the same for every window."""

    def __init__(self, store: TelemetryReader, *, n_kept: int = 8) -> None:
        self.store = store
        self._n_kept = n_kept
        self._kept: dict[str, tuple[list[Unit], Rows]] = {}

    def of_reference(self, name: str, units: Sequence[Unit], monitor: Monitor) -> tuple[list[Unit], Rows]:
        """
        Raises:
            UnitsGone: if too little of the reference is still stored.
        """
        key = f"{name}/{len(units)}/{monitor.kinds}/{monitor.score}"
        present, rows = self._kept.pop(key) if key in self._kept else rows_of(self.store, units, monitor)
        if len(present) < max(MIN_ROWS, len(units) / 2):
            raise UnitsGone(f"only {len(present)} of {len(units)} answers of the reference are still stored")
        self._kept[key] = present, rows
        while len(self._kept) > self._n_kept:
            del self._kept[next(iter(self._kept))]
        return present, rows

    def of_window(self, units: Sequence[Unit], monitor: Monitor) -> tuple[list[Unit], Rows]:
        """
        Raises:
            UnitsGone: if too little of the window is still stored.
        """
        present, rows = rows_of(self.store, units, monitor)
        if len(present) < MIN_ROWS:
            raise UnitsGone(f"only {len(present)} of {len(units)} answers of the window are still stored")
        return present, rows


def decide(reference: Rows, current: Rows, *, alpha: float, rng: np.random.Generator, subject: str) -> Comparison:
    """Until `decide` takes rows."""
    found = decide_behaviours(reference.behaviours, current.behaviours, alpha=alpha, rng=rng, subject=subject)
    tests = {}
    if found.p_value is not None and found.statistic is not None:
        tests["output"] = WindowTest(
            name="output", statistic=found.statistic, p_value=found.p_value, n_reference=len(reference),
            n_current=len(current), guarantee=found.guarantee,
        )  # fmt: skip
    return Comparison(
        verdict=found.verdict, p_value=found.p_value, alpha=alpha, n_reference=len(reference), n_current=len(current),
        tests=tests, effects={effect.behaviour: effect for effect in found.effects}, explanation=found.explanation,
        guarantee=found.guarantee,
    )  # fmt: skip


def seeded(name: str) -> np.random.Generator:
    """The same name gives the same numbers."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def verdict_id_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def judge(
    reading: Reading,
    monitor: Monitor,
    reference: Sequence[Unit],
    window: Sequence[Unit],
    *,
    reference_name: str,
    name: str,
    decided_ns: int,
    alpha: float | None = None,
) -> tuple[Verdict, Rows]:
    """Compare a window with a reference; gives the verdict and the rows of the window.

    Args:
        reference_name: of the reference, for good.
        name: of the window, for good: the same name gives the same verdict.
        alpha: None: that of the monitor.
    Raises:
        UnitsGone: if too little of either is still stored.
        StoreUnavailable: if the store does not answer now.
    """
    alpha = monitor.alpha if alpha is None else alpha
    there, of_reference = reading.of_reference(reference_name, reference, monitor)
    after, current = reading.of_window(window, monitor)
    before = matched(there, after)
    chosen = {unit.call_id for unit in before}
    positions = np.array([i for i, unit in enumerate(there) if unit.call_id in chosen], dtype=np.int64)
    rows = of_reference if len(before) == len(there) else of_reference.take(positions)
    comparison = decide(rows, current, alpha=alpha, rng=seeded(name), subject=monitor.segment.title)
    outcome = outcome_of(comparison, monitor)
    reference_start_ns, reference_end_ns = span_of(before)
    current_start_ns, current_end_ns = span_of(after)
    effects = tuple(comparison.effects.values())
    verdict = Verdict(
        verdict_id=verdict_id_of(name),
        monitor=monitor.monitor_id,
        monitor_name=None if monitor.automatic else monitor.name,
        project=monitor.project,
        service=monitor.service or None,
        request_model=monitor.request_model or None,
        outcome=outcome,
        decided_ns=decided_ns,
        reference_start_ns=reference_start_ns,
        reference_end_ns=reference_end_ns,
        current_start_ns=current_start_ns,
        current_end_ns=current_end_ns,
        n_reference=len(before),
        n_current=len(after),
        statistic=_statistic(comparison),
        # Enough rows, and nothing to tell them apart by: every split is as extreme as the real one.
        p_value=1.0 if comparison.verdict == "not_enough_data" else comparison.p_value,
        alpha=alpha,
        guarantee=f"{comparison.guarantee}; an alarm also needs a behaviour that moved by {monitor.effect_floor:g} "
        "standard deviations or more.",
        explanation=comparison.explanation,
        effects=effects,
        pairs=pairs_of(reading.store, before, after) if outcome in SHOWN else (),
        severity=severity_of(outcome, effects),
        onset_ns=None if outcome == "no_change" else current_start_ns,
        tests=comparison.tests,
        clusters=tuple(comparison.clusters),
        notes=tuple(comparison.notes),
    )
    return verdict, current


def outcome_of(comparison: Comparison, monitor: Monitor) -> str:
    """What the monitor makes of it: what it does not look at is no change to it."""
    if comparison.verdict == "model_changed":
        furthest = max((abs(effect.d) for effect in comparison.effects.values()), default=0.0)
        return comparison.verdict if monitor.watches("model") and furthest >= monitor.effect_floor else "no_change"
    if comparison.verdict == "traffic_changed":
        return comparison.verdict if monitor.watches("input") or monitor.watches("retrieval") else "no_change"
    return "no_change" if comparison.verdict == "not_enough_data" else comparison.verdict


def severity_of(outcome: str, effects: Sequence[Effect]) -> str:
    """info, warning or critical: by how far the answers moved, and in what."""
    if outcome not in ("model_changed", "quality_dropped"):
        return "info"
    moved = [effect for effect in effects if not effect.low <= 0 <= effect.high]
    furthest = max((abs(effect.d) for effect in effects), default=0.0)
    is_grave = any(word in effect.behaviour for effect in moved for word in _GRAVE if abs(effect.d) >= _WARNING_D)
    if outcome == "quality_dropped" or furthest > _CRITICAL_D or is_grave:
        return "critical"
    return "warning" if furthest >= _WARNING_D else "info"


def _statistic(comparison: Comparison) -> float | None:
    test = comparison.tests.get("model") or comparison.tests.get("output")
    return None if test is None else test.statistic


def released_verdict(
    monitor: Monitor,
    reference: Sequence[Unit],
    window: Sequence[Unit],
    told: Sequence[str],
    *,
    name: str,
    decided_ns: int,
) -> Verdict:
    """Nothing was compared: most calls of the window come from a new release of one's own."""
    reference_start_ns, reference_end_ns = span_of(reference)
    current_start_ns, current_end_ns = span_of(window)
    return Verdict(
        verdict_id=verdict_id_of(name),
        monitor=monitor.monitor_id,
        monitor_name=None if monitor.automatic else monitor.name,
        project=monitor.project,
        service=monitor.service or None,
        request_model=monitor.request_model or None,
        outcome="released",
        decided_ns=decided_ns,
        reference_start_ns=reference_start_ns,
        reference_end_ns=reference_end_ns,
        current_start_ns=current_start_ns,
        current_end_ns=current_end_ns,
        n_reference=len(reference),
        n_current=len(window),
        statistic=None,
        p_value=None,
        alpha=monitor.alpha,
        guarantee="A release of one's own is never an alarm.",
        explanation=f"A new release of {monitor.segment.title}: {'; '.join(told)}. Calls from now on are the new "
        "reference; to compare across the release, replay with a pinned reference.",
        onset_ns=current_start_ns,
    )
