"""What the monitors decided, newest first."""

from collections.abc import Mapping, Sequence

from collector.verdict import Verdict
from dashboard import words
from dashboard.filters import href
from dashboard.pages.base import View
from dashboard.pages.drift_words import ALARMING, FEEDBACK, outcome_of, title_of
from dashboard.table import Cell, Column, Row, Table

_COLUMNS = [
    Column(title="Tested", width="100px"),
    Column(title="Monitor", width="22%", sortable=True),
    Column(title="Outcome", width="170px", sortable=True),
    Column(title="p", numeric=True, width="96px", sortable=True),
    Column(title="Sessions", numeric=True, width="90px"),
    Column(title="What moved most"),
    Column(title="Answered", width="16%"),
]


def history(
    view: View,
    verdicts: Sequence[Verdict],
    said: Mapping[str, str],
    *,
    selected: str | None = None,
    of_one: bool = False,
) -> Table:
    """`of_one`: they are all of one monitor, which need not be named."""
    rows = [
        Row(
            cells=[
                Cell(text=words.ago(v.decided_ns, view.now_ns), ago_ns=v.decided_ns, hint=words.absolute(v.decided_ns)),
                *([] if of_one else [Cell(text=title_of(v))]), outcome_cell(v), _p_value(v),
                Cell(text=f"{v.n_current:,}"), Cell(text=_moved(v), tone="quiet"),
                Cell(text=FEEDBACK[said[v.verdict_id]][0] if said.get(v.verdict_id) in FEEDBACK else ""),
            ],
            href=href("/drift", verdict=v.verdict_id),
            selected=v.verdict_id == selected,
        )
        for v in verdicts
    ]  # fmt: skip
    columns = [column for column in _COLUMNS if not (of_one and column.title == "Monitor")]
    return Table(label="Verdicts of drift monitors, newest first", columns=columns, rows=rows)


def outcome_cell(verdict: Verdict, *, address: str | None = None) -> Cell:
    outcome = outcome_of(verdict)
    return Cell(text=outcome.text, tone=None if outcome.tone == "good" else outcome.tone, href=address)


def _p_value(verdict: Verdict) -> Cell:
    p = verdict.p_value
    return Cell(text=words.NONE if p is None else words.digits(p), sort=p)


def _moved(verdict: Verdict) -> str:
    if verdict.outcome not in (*ALARMING, "cannot_separate"):
        return ""
    moved = [effect.title for effect in verdict.effects if not effect.low <= 0 <= effect.high]
    return ", ".join(moved[:3])
