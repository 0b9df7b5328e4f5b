"""All monitors: where each stands, how far its evidence went, when it decides next."""

from collections.abc import Mapping, Sequence

from dash import html

from collector.errors import BadRequest
from collector.verdict import Verdict
from dashboard import parts, words
from dashboard.filters import href
from dashboard.pages.base import View
from dashboard.pages.drift_tables import outcome_cell
from dashboard.pages.drift_words import in_a_hundred
from dashboard.parts import Child
from dashboard.table import Cell, Column, Row, Table
from evaluators.drift.monitors.state import MonitorState

PHASES = ("alarm", "released", "collecting", "watching", "paused")
"""The most urgent first."""

_COLUMNS = [
    Column(title="Monitor", sortable=True),
    Column(title="State", width="18%", sortable=True),
    Column(title="Evidence", width="140px", sortable=True,
           hint="Of the last windows, log scale; the dashed line is an alarm"),
    Column(title="Next decision", width="19%"),
    Column(title="Guarantee", width="15%", hint="Windows in which nothing changed"),
    Column(title="Last verdict", width="15%"),
]  # fmt: skip


def monitors_card(view: View, states: Sequence[MonitorState], verdicts: Sequence[Verdict]) -> html.Section:
    """Those in the state that the address names, the most urgent first."""
    chosen = view.filters.state
    if chosen is not None and chosen not in PHASES:
        raise BadRequest(f"state is {chosen[:40]!r}; a monitor is one of {', '.join(PHASES)}")
    shown = [state for state in states if chosen is None or state.phase == chosen]
    shown.sort(key=lambda state: (PHASES.index(state.phase), state.monitor.name.lower()))
    newest = {verdict.monitor: verdict for verdict in reversed(verdicts)}
    rows = [_row(state, newest.get(state.monitor_id)) for state in shown]
    body: list[Child] = [parts.table("monitors", Table(label="Drift monitors", columns=_COLUMNS, rows=rows))]
    if not shown:
        body = [html.P(f"No monitor is in this state: {chosen}.", className="nothing-here")]
    if not states:
        body = [how_monitors_begin()]
    tools = [_choices(view, states, chosen)] if len(states) > 1 else []
    return parts.card("Monitors", body, tools=[*tools, *_make(view)], class_name="monitors")


def _make(view: View) -> list[Child]:
    if not view.services.may_administer:
        return []
    return [html.A("New monitor", href=view.to("/drift/new"), className="button small new-monitor")]


def _choices(view: View, states: Sequence[MonitorState], chosen: str | None) -> html.Div:
    """Links that keep one state; a state without monitors has none."""
    counts = {phase: sum(state.phase == phase for state in states) for phase in PHASES}
    links = [_choice(f"All {len(states):,}", view.here(state=None, verdict=view.filters.verdict), chosen is None)]
    links += [
        _choice(f"{phase.capitalize()} {n:,}", view.here(state=phase), chosen == phase)
        for phase, n in counts.items()
        if n or phase == chosen
    ]
    return html.Div(links, className="choices", role="group", **{"aria-label": "Monitors by state"})


def _choice(text: str, address: str, is_chosen: bool) -> html.A:
    return html.A(text, href=address, **({"aria-current": "true"} if is_chosen else {}))


def _row(state: MonitorState, newest: Verdict | None) -> Row:
    last = Cell(text=words.NONE, tone="quiet")
    if newest is not None:
        last = outcome_cell(newest, address=href("/drift", verdict=newest.verdict_id))
    elif state.last_verdict_id is not None:
        last = Cell(text="open it", href=href("/drift", verdict=state.last_verdict_id))
    strengths = [strength for _, strength in state.sparkline]
    evidence = Cell(text="", spark=strengths, sort=strengths[-1], hint=_evidence_hint(strengths[-1])) if strengths \
        else Cell(text=words.NONE, tone="quiet", sort=-1)  # fmt: skip
    return Row(
        cells=[
            Cell(text=state.monitor.name, hint=state.monitor.segment.title,
                 note=None if state.monitor.automatic else "own"),
            phase_cell(state), evidence,
            Cell(text=next_in_short(state), hint=_next_hint(state)),
            Cell(text=in_a_hundred(state.monitor.alpha).removesuffix(" windows"), hint=state.guarantee),
            last,
        ],
        href=monitor_href(state.monitor_id),
    )  # fmt: skip


def monitor_href(monitor_id: str) -> str:
    return f"/drift/monitors/{monitor_id}"


def phase_cell(state: MonitorState) -> Cell:
    place = float(PHASES.index(state.phase))
    if state.phase == "alarm":
        return Cell(text="▲ alarm", tone="crit", sort=place, hint=_since(state))
    if state.phase in ("collecting", "released"):
        after = "collecting" if state.phase == "collecting" else "released"
        has = f"It has {words.plural(state.n_reference, 'session')} and needs {state.n_missing:,} more"
        return Cell(text=f"{after}, {state.n_missing:,} missing", tone="quiet", sort=place, hint=has)
    if state.phase == "paused":
        return Cell(text="paused", tone="quiet", sort=place, hint="It looks at no call until somebody resumes it")
    return Cell(text="✓ watching", tone="good", sort=place, hint=f"Reference: {state.reference}")


def _since(state: MonitorState) -> str:
    return "" if state.onset_ns is None else f"Changed around {words.day_and_clock(state.onset_ns)}"


def next_in_short(state: MonitorState) -> str:
    """As short as it gets."""
    if state.n_missing and state.phase != "paused" and state.monitor.reference.policy == "rolling":
        return f"after {words.plural(state.n_missing, 'more session', 'more sessions')}"
    return state.next_decision


def _next_hint(state: MonitorState) -> str:
    if state.next_decision_ns is None:
        return state.next_decision
    return f"About {words.day_and_clock(state.next_decision_ns)} UTC, should sessions go on as in the last window"


def _evidence_hint(strength: float) -> str:
    return f"The last window went {words.percent(strength)} of the way to an alarm, on a log scale"


def phases_in_words(states: Sequence[MonitorState]) -> str:
    """3 monitors watching, 1 monitor collecting its reference"""
    told: Mapping[str, tuple[str, str]] = {
        "watching": ("watching", "watching"),
        "collecting": ("collecting its reference", "collecting their references"),
        "released": ("collecting a reference after a release", "collecting references after a release"),
        "paused": ("paused", "paused"),
    }
    counts = {phase: sum(state.phase == phase for state in states) for phase in told}
    return ", ".join(
        f"{words.plural(n, 'monitor')} {told[phase][n != 1]}" for phase, n in counts.items() if n
    )  # fmt: skip


def how_monitors_begin() -> html.Div:
    how = (
        "A monitor begins for each service and model with its first answer. It collects a reference of normal answers, "
        "and then compares every further window of sessions with it. Nothing has to be configured."
    )
    own = "For a narrower segment, another window or a reference of your own choice, make a monitor yourself."
    return parts.empty("How monitors begin", [html.P(how), html.P(own)])
