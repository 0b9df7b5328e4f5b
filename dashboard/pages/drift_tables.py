"""The monitors and their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from collector.verdict import Verdict
from dashboard import words
from dashboard.filters import href
from dashboard.pages.base import View
from dashboard.pages.drift_verdict import CHANGED, title_of
from dashboard.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from evaluators.drift.monitors.state import MonitorState

_OUTCOMES = {"no_change": "✓ no change", CHANGED: "▲ changed", "not_enough_data": "not enough data"}
_SAID = {"accepted": "accepted as the new normal", "false_alarm": "reported as false"}


def monitors_table(view: View, states: Sequence[MonitorState], verdicts: Sequence[Verdict]) -> Table:
    columns = [
        Column(title="Service", width="14%", sortable=True), Column(title="Model", width="16%", sortable=True),
        Column(title="State", sortable=True), Column(title="Reference", width="24%"),
        Column(title="Next test", numeric=True, width="12%", hint="Sessions gathered for the next window"),
        Column(title="Last test", width="12%"),
    ]  # fmt: skip
    newest = {verdict.monitor: verdict for verdict in reversed(verdicts)}
    return Table(label="Drift monitors", columns=columns, rows=[_monitor(s, newest.get(s.monitor_id)) for s in states])


def _monitor(state: MonitorState, newest: Verdict | None) -> Row:
    if state.n_missing:
        phase = Cell(text=f"collecting reference, {state.n_missing:,} missing", tone="quiet", sort=0,
                     hint=f"It has {state.n_reference:,} sessions and needs {state.n_missing:,} more")  # fmt: skip
    elif state.phase == "alarm":
        phase = Cell(text="▲ changed", tone="crit", sort=2)
    else:
        phase = Cell(text=f"✓ {state.phase}", tone="good", sort=1)
    reference = words.NONE
    if state.reference_start_ns is not None and state.reference_end_ns is not None:
        times = words.between(state.reference_start_ns, state.reference_end_ns)
        reference = f"{words.plural(state.n_reference, 'session')}, {times}"
    waiting = f"{state.n_window_pending:,} of {words.plural(state.monitor.n_window, 'session')}"
    last = Cell(text=words.NONE) if newest is None else _outcome(newest)
    return Row(
        cells=[
            Cell(text=_named(state.monitor.service)), Cell(text=_named(state.monitor.request_model)), phase,
            Cell(text=reference), Cell(text=words.NONE if state.n_missing else waiting), last,
        ],
        href=None if newest is None else href("/drift", verdict=newest.verdict_id),
    )  # fmt: skip


def _named(name: str | None) -> str:
    return "all" if name is None else name or "unnamed"


def history(view: View, verdicts: Sequence[Verdict], said: Mapping[str, str], selected: str | None) -> Table:
    columns = [
        Column(title="Tested", width="110px"),
        Column(title="Model", width="22%", sortable=True),
        Column(title="Outcome", width="14%", sortable=True),
        Column(title="p", numeric=True, width="80px", sortable=True),
        Column(title="Sessions", numeric=True, width="90px"),
        Column(title="What moved most"),
        Column(title="Answered", width="16%"),
    ]
    rows = [
        Row(
            cells=[
                Cell(text=words.ago(v.decided_ns, view.now_ns), ago_ns=v.decided_ns, hint=words.absolute(v.decided_ns)),
                Cell(text=title_of(v)), _outcome(v), _p_value(v),
                Cell(text=f"{v.n_current:,}"), Cell(text=_moved(v), tone="quiet"),
                Cell(text=_SAID.get(said.get(v.verdict_id, ""), "")),
            ],
            href=href("/drift", verdict=v.verdict_id),
            selected=v.verdict_id == selected,
        )
        for v in verdicts
    ]  # fmt: skip
    return Table(label="Tests of the drift monitors, newest first", columns=columns, rows=rows)


def _outcome(verdict: Verdict) -> Cell:
    text = _OUTCOMES.get(verdict.outcome, verdict.outcome)
    return Cell(text=text, tone="crit" if verdict.outcome == CHANGED else None, sort=verdict.p_value)


def _p_value(verdict: Verdict) -> Cell:
    p = verdict.p_value
    return Cell(text=words.NONE if p is None else f"{p:.3g}", sort=p)


def _moved(verdict: Verdict) -> str:
    moved = [effect.title for effect in verdict.effects if not effect.low <= 0 <= effect.high]
    return ", ".join(moved[:3]) if verdict.outcome == CHANGED else ""
