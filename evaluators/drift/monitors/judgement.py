"""From a full window to its verdict."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.store.base import TelemetryReader
from collector.verdict import Effect, Verdict
from evaluators.drift.comparison import Comparison
from evaluators.drift.decide import decide
from evaluators.drift.monitors.blame import clusters_of, contributors_of
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.pairs import pairs_of
from evaluators.drift.monitors.reference import matched
from evaluators.drift.monitors.rows import Side, rows_of
from evaluators.drift.monitors.unit import Unit, span_of
from evaluators.drift.windows.battery import MIN_ROWS
from evaluators.drift.windows.rows import Rows

_WARNING_D, _CRITICAL_D = 0.1, 0.3
_GRAVE = ("refus", "json", "latency")
"""Behaviours whose moving breaks what is built on the answers, however little it is."""

FINE_ALPHA = 0.0005
"""At this level `decide` takes 60,000 permutations, which tell evidence that stands among hundreds of monitors."""
SHOWN = ("model_changed", "traffic_changed", "quality_dropped", "cannot_separate")
"""Outcomes that are shown with answers from before and after."""


class UnitsGone(Exception):
    """The store no longer has what is to be compared."""


class Reading:
    """Rows of units, of which those of references are kept: they are the same for every window."""

    def __init__(self, store: TelemetryReader, *, n_kept: int = 8) -> None:
        self.store = store
        self._n_kept = n_kept
        self._kept: dict[str, Side] = {}

    def of_reference(self, name: str, units: Sequence[Unit], monitor: Monitor) -> Side:
        """
        Raises:
            UnitsGone: if too little of the reference is still stored.
        """
        key = f"{name}/{len(units)}/{monitor.kinds}/{monitor.score}"
        side = self._kept.pop(key) if key in self._kept else rows_of(self.store, units, monitor)
        if len(side.units) < max(MIN_ROWS, len(units) / 2):
            raise UnitsGone(f"only {len(side.units)} of {len(units)} answers of the reference are still stored")
        self._kept[key] = side
        while len(self._kept) > self._n_kept:
            del self._kept[next(iter(self._kept))]
        return side

    def of_window(self, units: Sequence[Unit], monitor: Monitor) -> Side:
        """
        Raises:
            UnitsGone: if too little of the window is still stored.
        """
        side = rows_of(self.store, units, monitor)
        if len(side.units) < MIN_ROWS:
            raise UnitsGone(f"only {len(side.units)} of {len(units)} answers of the window are still stored")
        return side


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, and what it compared: the whole reference, and the window."""

    verdict: Verdict
    reference: Side
    window: Side


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
    refine: bool = False,
) -> Judged:
    """Compare a window with a reference.

    Args:
        reference_name: of the reference, for good.
        name: of the window, for good: the same name gives the same verdict.
        alpha: None: that of the monitor.
        refine: where a change is found, say more exactly how unlikely it is: somebody may be told of it.
    Raises:
        UnitsGone: if too little of either is still stored.
        StoreUnavailable: if the store does not answer now.
    """
    alpha = monitor.alpha if alpha is None else alpha
    whole = reading.of_reference(reference_name, reference, monitor)
    after = reading.of_window(window, monitor)
    before = whole.only(matched(whole.units, after.units))
    rng = seeded(name)
    old, new = _comparable(before.rows, after.rows)
    comparison = decide(old, new, alpha=alpha, rng=rng, subject=monitor.segment.title)
    if refine and comparison.verdict == "model_changed":
        finer = decide(old, new, alpha=FINE_ALPHA, rng=rng, subject=monitor.segment.title)
        if finer.verdict == comparison.verdict:
            comparison = replace(finer, alpha=alpha, guarantee=comparison.guarantee)
    outcome = outcome_of(comparison, monitor)
    reference_start_ns, reference_end_ns = span_of(before.units)
    current_start_ns, current_end_ns = span_of(after.units)
    effects = tuple(comparison.effects.values())
    clusters = clusters_of(reading.store, before, after, rng) if outcome in SHOWN else ()
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
        n_reference=len(before.units),
        n_current=len(after.units),
        statistic=_statistic(comparison),
        # Enough rows, and nothing to tell them apart by: every split is as extreme as the real one.
        p_value=1.0 if comparison.verdict == "not_enough_data" else comparison.p_value,
        alpha=alpha,
        guarantee=f"{comparison.guarantee}; an alarm also needs a behaviour that moved by {monitor.effect_floor:g} "
        f"standard deviations or more, and people are told of at most {monitor.false_alarms_per_month:g} such a month.",
        explanation=comparison.explanation,
        effects=effects,
        pairs=pairs_of(reading.store, before.units, after.units) if outcome in SHOWN else (),
        severity=severity_of(outcome, effects),
        onset_ns=None if outcome == "no_change" else current_start_ns,
        tests=comparison.tests,
        clusters=clusters,
        contributors=contributors_of(clusters),
        notes=tuple(comparison.notes),
    )
    return Judged(verdict=verdict, reference=whole, window=after)


def _comparable(before: Rows, after: Rows) -> tuple[Rows, Rows]:
    """Traffic of one part has no parts to tell apart, and a golden set was imported from another one altogether."""
    old, new = set(before.segments or ()), set(after.segments or ())
    if len(old | new) > 1 and old & new:
        return before, after
    return replace(before, segments=None), replace(after, segments=None)


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
