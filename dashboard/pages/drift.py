"""Did what stands behind a model's name change?"""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from collector.errors import BadRequest
from collector.query import Filters as CallFilters
from collector.query import Page as Found
from collector.store.base import TelemetryReader
from collector.verdict import Verdict
from dashboard import parts, words
from dashboard.pages.base import Badge, Content, Outcome, Page, View
from dashboard.pages.drift_evidence import evidence_card
from dashboard.pages.drift_pairs import pair_card
from dashboard.pages.drift_tables import history
from dashboard.pages.drift_verdict import (
    alarms_of,
    clusters_card,
    effects_card,
    facts,
    marks_of,
    tests_card,
    verdict_card,
)
from dashboard.pages.drift_words import ALARMING, title_of, when_ns
from dashboard.pages.empty import has_calls, nothing_sent
from dashboard.pages.monitor_list import how_monitors_begin, monitors_card, phases_in_words
from dashboard.services import Services
from evaluators.drift.monitors.state import Evidence, MonitorState

_N_VERDICTS = 200
_N_PAGES = 40
EVER = CallFilters(since_ns=0, until_ns=2**62)


def answer(view: View) -> Content:
    services = view.services
    states = services.monitors.states()
    newest = services.store.verdicts(EVER, limit=_N_VERDICTS)
    verdicts = newest.items
    if not states and not verdicts:
        return Content(title="Drift", body=_nothing(view))
    selected, others = _selected(view, states, newest)
    known = verdicts if selected is None else [*verdicts, selected]
    said = services.monitors.feedback([verdict.verdict_id for verdict in known])
    body: list[Component] = []
    if view.filters.verdict and selected is None:
        body.append(parts.answer("quiet", "There is no such verdict; it may have been deleted by retention."))
    elif selected is None:
        body.append(_no_change(states, verdicts))
    else:
        body += _details(view, selected, others, states, verdicts, said)
    body.append(monitors_card(view, states, verdicts))
    if not verdicts:
        body.append(html.Section(how_monitors_begin(), className="card"))
    else:
        note = "newest first" if len(verdicts) < _N_VERDICTS else f"the newest {_N_VERDICTS}"
        chosen = None if selected is None else selected.verdict_id
        table = parts.table("verdicts", history(view, verdicts, said, selected=chosen))
        body.append(parts.card("Verdicts", table, note=note, class_name="scrolls"))
    return Content(title="Drift", body=body)


def _details(
    view: View,
    verdict: Verdict,
    others: Sequence[Verdict],
    states: Sequence[MonitorState],
    verdicts: Sequence[Verdict],
    said: Mapping[str, str],
) -> list[Component]:
    """The sentence, the facts, and what they rest on."""
    of_monitor = [v for v in verdicts if v.monitor == verdict.monitor]
    can_accept = any(state.monitor_id == verdict.monitor for state in states)
    body: list[Component] = [verdict_card(view, verdict, said, can_accept=can_accept)]
    if others:
        body.append(_more_open(others))
    marks = marks_of([v for v in of_monitor if v.verdict_id != verdict.verdict_id] + [verdict])
    if verdict.outcome not in (*ALARMING, "released"):
        marks.append((verdict.current_end_ns, "this window"))
    grid = [
        evidence_card(
            evidence_of(view.services, verdict, of_monitor),
            verdict.alpha,
            related=_related(verdict, states),
            marks=marks,
            tint_ns=when_ns(verdict) if verdict.outcome in ALARMING else None,
            alarms=alarms_of([*of_monitor, verdict]),
        ),
        *([effects_card(verdict)] if verdict.effects else []),
    ]
    body += [facts(verdict), html.Div(grid, className="grid" if len(grid) > 1 else "replayed")]
    if verdict.clusters:
        body.append(clusters_card(verdict))
    if verdict.pairs:
        body.append(pair_card(view, verdict))
    body.append(tests_card(verdict))
    return body


def _related(verdict: Verdict, states: Sequence[MonitorState]) -> list[MonitorState]:
    """Monitors of the same model or service: whether they moved, too, tells whose change it is."""
    return [
        state
        for state in states
        if state.monitor_id != verdict.monitor
        and (state.monitor.request_model == verdict.request_model or state.monitor.service == verdict.service)
    ]


def evidence_of(services: Services, verdict: Verdict, known: Sequence[Verdict]) -> Sequence[Evidence]:
    """What the monitor's windows said; of one that was deleted, what its verdicts tell."""
    found = services.monitors.evidence(verdict.monitor)
    if found:
        return found
    told = {v.verdict_id: v for v in (*known, verdict)}
    ordered = sorted(told.values(), key=lambda v: v.current_end_ns)
    return [Evidence(v.current_end_ns, v.verdict_id, v.p_value) for v in ordered]


def _more_open(others: Sequence[Verdict]) -> html.Div:
    """Other changes that wait for an answer."""
    links = [html.Li(html.A(title_of(v), href=f"/drift?verdict={v.verdict_id}")) for v in others[:12]]
    more = [] if len(others) <= 12 else [html.Li(f"and {len(others) - 12:,} more")]
    head = f"▲ {words.plural(len(others), 'more change waits', 'more changes wait')} for an answer"
    return html.Div([html.Span(head), html.Ul([*links, *more])], className="banner more-open")


def _selected(
    view: View, states: Sequence[MonitorState], newest: Found[Verdict]
) -> tuple[Verdict | None, list[Verdict]]:
    """The verdict that the address names, else the gravest change that nobody has answered; and the other open ones."""
    store = view.services.store
    if view.filters.verdict:
        return find_verdict(store, view.filters.verdict, newest), []
    ids = [state.alarm_verdict_id for state in states if state.alarm_verdict_id is not None]
    found = [v for verdict_id in ids if (v := find_verdict(store, verdict_id, newest)) is not None]
    found.sort(key=lambda v: (v.severity != "critical", -when_ns(v)))
    return (found[0], found[1:]) if found else (None, [])


def find_verdict(store: TelemetryReader, verdict_id: str, newest: Found[Verdict] | None = None) -> Verdict | None:
    """The verdict with this id, looked for from the newest back; `newest` are those that were read already."""
    page_of = newest or store.verdicts(EVER, limit=_N_VERDICTS)
    for _ in range(_N_PAGES):
        found = next((verdict for verdict in page_of.items if verdict.verdict_id == verdict_id), None)
        if found is not None or page_of.next_cursor is None:
            return found
        page_of = store.verdicts(EVER, limit=_N_VERDICTS, cursor=page_of.next_cursor)
    return None


def _no_change(states: Sequence[MonitorState], verdicts: Sequence[Verdict]) -> html.Div:
    told = phases_in_words(states)
    if not verdicts:
        return parts.answer("quiet", f"Nothing was tested yet: {told}.")
    is_answered = any(verdict.outcome in ALARMING for verdict in verdicts)
    sentence = "No change that waits for an answer" if is_answered else "No change found"
    return parts.answer("good", f"{sentence}: {told}." if told else f"{sentence}.", word="All well")


def _nothing(view: View) -> list[Component]:
    if not has_calls(view, ever=True):
        return nothing_sent(view)
    card = html.Section(how_monitors_begin(), className="card")
    return [parts.answer("quiet", "No monitor yet: no answer has been looked at so far."), card]


def badge(services: Services) -> Badge | None:
    n = sum(state.alarm_verdict_id is not None for state in services.monitors.states())
    return Badge(n=n, urgent=True, what="changes that nobody has answered")


def accept(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    verdict = _ordered(services, order)
    services.monitors.accept(verdict, author)
    text = f"Accepted. {title_of(verdict)} is compared with the calls after this window from now on."
    return Outcome(text=text, href=f"/drift?verdict={verdict.verdict_id}")


def report_false(services: Services, author: str, order: Mapping[str, Any]) -> Outcome:
    verdict = _ordered(services, order)
    services.monitors.report_false(verdict, author)
    text = "Noted as a false alarm. The reference stays as it is."
    return Outcome(text=text, href=f"/drift?verdict={verdict.verdict_id}")


def _ordered(services: Services, order: Mapping[str, Any]) -> Verdict:
    verdict = find_verdict(services.store, str(order.get("verdict_id", "")))
    if verdict is None:
        raise BadRequest("there is no such verdict any more; reload the page")
    return verdict


DRIFT = Page(
    name="drift",
    path="/drift",
    title="Drift",
    group="Change",
    answer=answer,
    skeleton=[
        parts.bone(120),
        parts.bone(88),
        html.Div([parts.bone(332), parts.bone(332)], className="grid"),
        parts.bone(240),
    ],
    in_range=False,
    charts=True,
    badge=badge,
    commands={"accept": accept, "report_false": report_false},
)
