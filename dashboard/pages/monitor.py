"""One monitor: where it stands, what it promises, what it has decided, and how it is set."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from collector.errors import BadRequest
from collector.query import Filters as CallFilters
from collector.verdict import Verdict
from dashboard import parts, words
from dashboard.pages.base import Content, Outcome, Page, View
from dashboard.pages.drift_evidence import evidence_card
from dashboard.pages.drift_tables import history
from dashboard.pages.drift_verdict import alarms_of, marks_of
from dashboard.pages.drift_words import in_a_hundred, tone_of
from dashboard.pages.drift_words import sentence as sentence_of
from dashboard.pages.monitor_form import require_admin
from dashboard.pages.monitor_list import next_in_short
from dashboard.parts import Child, Tone
from dashboard.services import Services
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.state import MonitorState

_N_VERDICTS = 200
_KINDS = {
    "model": "answers", "input": "questions", "retrieval": "retrieval", "quality": "scores",
    "stream": "stream of answers",
}  # fmt: skip


def answer(view: View) -> Content:
    state = view.services.monitors.state(view.place)
    if state is None:
        raise BadRequest("there is no such monitor; it may have been deleted. The list of all is at /drift")
    verdicts = _verdicts(view, state.monitor)
    said = view.services.monitors.feedback([verdict.verdict_id for verdict in verdicts])
    evidence = evidence_card(
        view.services.monitors.evidence(state.monitor_id),
        state.monitor.alpha,
        marks=marks_of(verdicts),
        tint_ns=state.onset_ns,
        alarms=alarms_of(verdicts),
        empty=f"No window was tested yet. Next decision: {state.next_decision}.",
    )
    body: list[Component] = [
        _head(view, state, verdicts), _facts(state), html.Div([evidence, _settings(state.monitor)], className="grid")
    ]  # fmt: skip
    if verdicts:
        note = "newest first" if len(verdicts) < _N_VERDICTS else f"the newest {_N_VERDICTS}"
        table = parts.table("verdicts", history(view, verdicts, said, of_one=True))
        body.append(parts.card("Verdicts", table, note=note, class_name="scrolls"))
    return Content(title=state.monitor.name, body=body)


def _verdicts(view: View, monitor: Monitor) -> Sequence[Verdict]:
    filters = CallFilters(
        since_ns=0, until_ns=2**62, project=monitor.project, service=monitor.service or None,
        request_model=monitor.request_model or None,
    )  # fmt: skip
    found = view.services.store.verdicts(filters, limit=2 * _N_VERDICTS).items
    return [verdict for verdict in found if verdict.monitor == monitor.monitor_id][:_N_VERDICTS]


def _head(view: View, state: MonitorState, verdicts: Sequence[Verdict]) -> html.Section:
    tone, sentence = _sentence(state, verdicts)
    text = html.Div([html.H1(sentence), html.P(_told(state))], className="sentence")
    buttons = html.Div(_buttons(state) if view.services.may_administer else [], className="buttons")
    return html.Section([text, buttons], className=f"card verdict {tone}")


def _sentence(state: MonitorState, verdicts: Sequence[Verdict]) -> tuple[Tone, list[Child]]:
    name = html.B(state.monitor.name)
    alarm = next((verdict for verdict in verdicts if verdict.verdict_id == state.alarm_verdict_id), None)
    match state.phase:
        case "alarm" if alarm is not None:
            return tone_of(alarm, None), sentence_of(alarm)
        case "alarm":
            when = "" if state.onset_ns is None else f" around {words.day_and_clock(state.onset_ns)}"
            return "crit", [name, f" found a change{when}."]
        case "collecting":
            return "quiet", [name, f" collects its reference: {words.plural(state.n_missing, 'session')} missing."]
        case "released":
            missing = words.plural(state.n_missing, "session")
            return "quiet", [name, f" collects a new reference after a release: {missing} missing."]
        case "paused":
            return "quiet", [name, " is paused: it looks at no call."]
        case "watching":
            return "good", [name, " is watching, and found no change that waits for an answer."]


def _told(state: MonitorState) -> list[Child]:
    monitor = state.monitor
    kinds = ", ".join(_KINDS[kind] for kind in monitor.kinds)
    made = "It made itself for this service and model." if monitor.automatic else "It was made by hand."
    told: list[Child] = [f"It watches {monitor.segment.title}: {kinds}. {made}"]
    if state.alarm_verdict_id is not None:
        told += [" ", html.A("Open the verdict to answer it", href=f"/drift?verdict={state.alarm_verdict_id}"), "."]
    return told


def _buttons(state: MonitorState) -> list[Child]:
    monitor = state.monitor
    pause = parts.button(
        "Resume" if monitor.paused else "Pause", "pause-monitor", monitor_id=monitor.monitor_id,
        paused=not monitor.paused,
    )  # fmt: skip
    stays = "Its verdicts stay." + (" It will not make itself again." if monitor.automatic else "")
    confirm = html.Div(
        [html.P(f"Delete {monitor.name}? {stays}"),
         parts.button("Delete it", "delete-monitor", monitor_id=monitor.monitor_id)],
        className="options confirm",
    )  # fmt: skip
    delete = html.Details([html.Summary("Delete…", className="button"), confirm], className="menu right-menu")
    edit = html.A("Change and replay", href=f"/drift/edit/{monitor.monitor_id}", className="button primary")
    return [edit, pause, delete]


def _facts(state: MonitorState) -> html.Section:
    due = "" if state.next_decision_ns is None else f"about {words.day_and_clock(state.next_decision_ns)} UTC"
    gathered = f"{state.n_window_pending:,} of {words.plural(state.monitor.n_window, 'session')} gathered"
    if state.n_missing:
        gathered = f"{state.n_reference:,} gathered, {words.plural(state.n_missing, 'session')} missing"
    spanned = "none yet"
    if state.reference_start_ns is not None and state.reference_end_ns is not None:
        spanned = words.between(state.reference_start_ns, state.reference_end_ns)
    alarms = words.plural(state.n_alarms, "alarm") + (
        f", {state.n_false_alarms:,} called false" if state.n_false_alarms else ""
    )
    cells = [
        ("Guarantee", in_a_hundred(state.monitor.alpha), "windows in which nothing changed, at most", state.guarantee),
        ("Next decision", next_in_short(state), due or gathered, gathered),
        ("Reference", words.plural(state.n_reference, "session"), spanned, state.reference),
        ("So far", words.plural(state.n_windows, "window"), alarms, ""),
    ]
    return html.Section(
        [
            html.Div([html.Div(label), html.Strong(value, title=value), html.Div(note, title=hint)], title=hint)
            for label, value, note, hint in cells
        ],
        className="card four-facts",
    )


def _settings(monitor: Monitor) -> html.Section:
    """How it is set, in words."""
    reference = "rolling: the last 14 days less 2" if monitor.reference.policy == "rolling" else "pinned"
    rows: list[tuple[str, str]] = [
        ("Service", _named(monitor.service)),
        ("Model", _named(monitor.request_model)),
        ("Environment", _named(monitor.environment)),
        ("Prompt template", _named(monitor.prompt_template)),
        ("Route", _named(monitor.route)),
        ("Looks at", ", ".join(_KINDS[kind] for kind in monitor.kinds)),
        ("Score", f"{monitor.score}, may fall by {monitor.tolerance:g}"),
        ("Window", f"{words.plural(monitor.n_window, 'session')}, level {monitor.alpha:g}"),
        ("Streams", f"at most {monitor.false_alarms_per_month:g} false alarms a month each"),
        ("Smallest effect", f"{monitor.effect_floor:g} standard deviations"),
        ("Reference", f"{reference}; at first {words.plural(monitor.n_reference, 'session')}"
         if monitor.reference.policy == "rolling" else reference),
    ]  # fmt: skip
    items = [child for label, value in rows for child in (html.Dt(label), html.Dd(value, title=value))]
    return parts.card("Settings", html.Dl(items, className="settings plot tall"))


def _named(name: str | None) -> str:
    return "any" if name is None else name or "those that have none"


def pause(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    state = _ordered(services, order)
    paused = order.get("paused") is True
    services.monitors.edit(state.monitor.model_copy(update={"paused": paused}), author)
    after = "looks at no call until it is resumed" if paused else "looks at new calls again"
    return Outcome(text=f"{state.monitor.name} {after}.")


def delete(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    state = _ordered(services, order)
    services.monitors.delete(state.monitor_id, author)
    return Outcome(text=f"{state.monitor.name} is deleted. Its verdicts stay.", href="/drift")


def _ordered(services: Services, order: Mapping[str, Any]) -> MonitorState:
    require_admin(services)
    state = services.monitors.state(str(order.get("monitor_id", "")))
    if state is None:
        raise BadRequest("there is no such monitor any more; the list of all is at /drift")
    return state


MONITOR = Page(
    name="drift-detail",
    path="/drift/monitors/",
    title="Monitor",
    group=None,
    answer=answer,
    skeleton=[
        parts.bone(110),
        parts.bone(88),
        html.Div([parts.bone(332), parts.bone(332)], className="grid"),
        parts.bone(240),
    ],
    in_range=False,
    charts=True,
    commands={"pause-monitor": pause, "delete-monitor": delete},
)
