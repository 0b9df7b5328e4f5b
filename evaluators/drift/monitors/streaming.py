"""The streams of one monitor: evidence that adds up over windows, saved with the rest of what the monitor remembers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators import features
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.judgement import seeded
from evaluators.drift.monitors.reference import split
from evaluators.drift.monitors.rows import Side
from evaluators.drift.streams.alarm import Alarm
from evaluators.drift.streams.baseline import MIN_SCORES, Baseline
from evaluators.drift.streams.betting import Betting
from evaluators.drift.streams.conformal import MONTH_NS, Conformal
from evaluators.drift.streams.scores import MIN_FIT_ROWS, Scorer

_DECADES = 6.0
"""Evidence of a millionth of what an alarm needs is shown as none."""

Saved = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stream after a window. `saved` None: it has not begun, and `note` says why. `share` is how far the evidence
    has come towards an alarm, on a logarithmic scale from 0 to 1."""

    saved: Saved | None = None
    share: float | None = None
    alarm: Alarm | None = None
    e_value: float | None = None
    guarantee: str = ""
    note: str | None = None


def step_stream(saved: Saved | None, monitor: Monitor, reference: Side, window: Side) -> Step:
    """The answers given their prompts, after one more window. The first one begins the stream: 30 % of the reference
    fit its scores, the others calibrate them."""
    try:
        stream = _resumed(saved) if saved else _begun(monitor, reference, window.units[0].start_ns)
        if stream is None:
            return Step(note=f"the stream begins when {MIN_FIT_ROWS} sessions of the reference can be fitted")
        scorer, conformal = stream
        usable = _usable(window, scorer)
        conformal = conformal.steps(
            scorer.bins(usable.rows),
            call_ids=[unit.call_id for unit in usable.units],
            starts_ns=[unit.start_ns for unit in usable.units],
        )
    except ValueError as error:
        return Step(note=f"the stream rests: {error}")
    return Step(
        saved={"scorer": scorer.to_json() if saved is None else saved["scorer"], "conformal": conformal.to_json()},
        share=_share(conformal.level()),
        alarm=conformal.alarm,
        e_value=conformal.e_value(),
        guarantee=conformal.guarantee(),
    )


def step_quality(
    saved: Saved | None, monitor: Monitor, reference: Side, window: Side, *, sessions_a_month: float, name: str
) -> Step:
    """The scores after one more window."""
    if window.rows.scores is None:
        return Step(saved=saved)
    try:
        if saved is not None:
            betting = Betting.from_json(saved)
        else:
            baseline = _baseline(monitor, reference, sessions_a_month, name)
            if baseline is None:
                return Step(
                    note=f"the quality stream begins when the reference has {MIN_SCORES} scores {monitor.score}"
                )
            betting = Betting.begin(baseline, began_ns=window.units[0].start_ns)
        betting = betting.steps(window.rows.scores, starts_ns=[unit.start_ns for unit in window.units])
    except ValueError as error:
        return Step(note=f"the quality stream rests: {error}")
    return Step(
        saved=betting.to_json(),
        share=_share(betting.level()),
        alarm=betting.alarm,
        e_value=betting.e_value(),
        guarantee=betting.guarantee(),
    )


def month_of(session_s: float | None) -> float:
    """Sessions a month at this rate; one an hour where none is known."""
    return MONTH_NS / 1e9 / (session_s or 3600.0)


def _begun(monitor: Monitor, reference: Side, began_ns: int) -> tuple[Scorer, Conformal] | None:
    fit_units, _ = split(reference.units)
    chosen = {unit.call_id for unit in fit_units}
    is_fit = np.array([unit.call_id in chosen for unit in reference.units], dtype=bool)
    fit = _with_prompts(reference, is_fit)
    if len(fit.units) < MIN_FIT_ROWS:
        return None
    scorer = Scorer.fit(fit.rows, features.NAMES)
    calibrate = _usable(reference.take(np.flatnonzero(~is_fit)), scorer)
    conformal = Conformal.begin(
        scorer.names,
        scorer.bins(calibrate.rows),
        [unit.start_ns for unit in calibrate.units],
        began_ns=began_ns,
        alarms_per_month=monitor.false_alarms_per_month,
    )
    return scorer, conformal


def _resumed(saved: Saved) -> tuple[Scorer, Conformal]:
    return Scorer.from_json(saved["scorer"]), Conformal.from_json(saved["conformal"])


def _baseline(monitor: Monitor, reference: Side, sessions_a_month: float, name: str) -> Baseline | None:
    scores = reference.rows.scores
    if scores is None or np.isfinite(scores).sum() < MIN_SCORES:
        return None
    return Baseline.measure(
        scores,
        [unit.start_ns for unit in reference.units],
        scores_per_month=max(1.0, sessions_a_month),
        alarms_per_month=min(0.5, monitor.false_alarms_per_month),
        tolerance=monitor.tolerance,
        rng=seeded(name),
    )


def _with_prompts(side: Side, chosen: NDArray[np.bool_]) -> Side:
    """The chosen rows whose prompts are known; where half of them are not, the rows without their prompts."""
    left_out: dict[str, Any] = {}
    for name in ("prompts", "topics"):
        known = _finite(getattr(side.rows, name))
        if known is None or known[chosen].mean() < 0.5:
            left_out[name] = None
        else:
            chosen = chosen & known
    side = replace(side, rows=replace(side.rows, **left_out))
    return side.take(np.flatnonzero(chosen))


def _usable(side: Side, scorer: Scorer) -> Side:
    """The rows that have what the scorer looks at."""
    chosen = np.ones(len(side.units), dtype=bool)
    for name in ("prompts", "topics"):
        if getattr(scorer, name).shape[1]:
            known = _finite(getattr(side.rows, name))
            chosen &= np.zeros_like(chosen) if known is None else known
    if not chosen.any():
        raise ValueError("the prompts of these calls are not known, and the reference's are")
    return side.take(np.flatnonzero(chosen))


def _finite(rows: NDArray[np.float64] | None) -> NDArray[np.bool_] | None:
    return None if rows is None else np.asarray(np.isfinite(rows).all(axis=1))


def _share(level: float) -> float:
    return 0.0 if level <= 0 else max(0.0, 1 + math.log10(level) / _DECADES)
