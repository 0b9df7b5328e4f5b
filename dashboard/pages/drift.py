"""Did what stands behind a model's name change?"""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from collector.errors import BadRequest
from collector.query import Filters as CallFilters
from collector.store.base import TelemetryReader
from collector.verdict import Verdict
from dashboard import parts, words
from dashboard.pages.base import Badge, Content, Outcome, Page, View
from dashboard.pages.drift_pairs import pair_card
from dashboard.pages.drift_tables import history, monitors_table
from dashboard.pages.drift_verdict import CHANGED, effects_card, evidence_card, facts, title_of, verdict_card
from dashboard.pages.empty import has_calls, nothing_sent
from dashboard.services import Services

_N_VERDICTS = 300
_N_PAGES = 40
EVER = CallFilters(since_ns=0, until_ns=2**62)


def answer(view: View) -> Content:
    services = view.services
    states = services.monitors.states()
    verdicts = list(services.store.verdicts(EVER, limit=_N_VERDICTS).items)
    if not states and not verdicts:
        return Content(title="Drift", body=_nothing(view))
    said = services.monitors.feedback([verdict.verdict_id for verdict in verdicts])
    selected = _selected(view, verdicts, said)
    body: list[Component] = []
    if view.filters.verdict and selected is None:
        body.append(parts.answer("quiet", "There is no such verdict; it may have been deleted by retention."))
    elif selected is None or (selected.outcome != CHANGED and not view.filters.verdict):
        body.append(_no_change(states, verdicts, said))
    else:
        body.append(verdict_card(view, selected, services.monitors.feedback([selected.verdict_id])))
    if selected is not None:
        body.append(facts(selected, view.now_ns))
        body.append(html.Div([evidence_card(view, selected, verdicts), effects_card(selected)], className="grid"))
        if selected.pairs:
            body.append(pair_card(view, selected))
    body.append(parts.card("Monitors", parts.table("monitors", monitors_table(view, states, verdicts)),
                           note="one for each service and model"))  # fmt: skip
    if not verdicts:
        body.append(_how_monitors_begin())
    else:
        note = "newest first" if len(verdicts) < _N_VERDICTS else f"the newest {_N_VERDICTS}"
        chosen = None if selected is None else selected.verdict_id
        table = parts.table("verdicts", history(view, verdicts, said, chosen))
        body.append(parts.card("Tests", table, note=note, class_name="scrolls"))
    return Content(title="Drift", body=body)


def _selected(view: View, verdicts: Sequence[Verdict], said: Mapping[str, str]) -> Verdict | None:
    """The one that the address names, else the newest change that nobody has answered, else the newest of all."""
    if view.filters.verdict:
        return find_verdict(view.services.store, view.filters.verdict, verdicts)
    open_changes = (v for v in verdicts if v.outcome == CHANGED and v.verdict_id not in said)
    return next(open_changes, verdicts[0] if verdicts else None)


def find_verdict(store: TelemetryReader, verdict_id: str, known: Sequence[Verdict] = ()) -> Verdict | None:
    """The verdict with this id, looked for from the newest back."""
    cursor: str | None = None
    page_of: Sequence[Verdict] = known
    for _ in range(_N_PAGES):
        found = next((verdict for verdict in page_of if verdict.verdict_id == verdict_id), None)
        if found is not None:
            return found
        page = store.verdicts(EVER, limit=_N_VERDICTS, cursor=cursor)
        page_of, last_cursor, cursor = page.items, cursor, page.next_cursor
        if cursor is None and last_cursor is not None:
            break
    return next((verdict for verdict in page_of if verdict.verdict_id == verdict_id), None)


def _no_change(states: Sequence[Any], verdicts: Sequence[Verdict], said: Mapping[str, str]) -> html.Div:
    n_watching = sum(state.n_missing == 0 for state in states)
    n_collecting = len(states) - n_watching
    told = [f"{words.plural(n_watching, 'monitor')} watching"] if n_watching else []
    if n_collecting:
        told.append(
            f"{words.plural(n_collecting, 'monitor')} collecting {'its' if n_collecting == 1 else 'their'} reference"
        )
    if not verdicts:
        return parts.answer("quiet", f"Nothing was tested yet: {', '.join(told)}.")
    is_answered = any(verdict.outcome == CHANGED and verdict.verdict_id in said for verdict in verdicts)
    sentence = "No change that waits for an answer" if is_answered else "No change found"
    return parts.answer("good", f"{sentence}: {', '.join(told)}.", word="All well")


def _nothing(view: View) -> list[Component]:
    if not has_calls(view, ever=True):
        return nothing_sent(view)
    return [parts.answer("quiet", "No monitor yet: no answer has been looked at so far."), _how_monitors_begin()]


def _how_monitors_begin() -> html.Section:
    how = (
        "A monitor begins for each service and model with its first answer. It collects a reference of normal answers, "
        "and then compares every further window of sessions with it. Nothing has to be configured."
    )
    return html.Section(parts.empty("How monitors begin", html.P(how)), className="card")


def badge(services: Services) -> Badge | None:
    links = [alert.links for alert in services.alerts.open_alerts() if alert.state == "firing"]
    n = sum(any(link.startswith("/drift") for link in found.values()) for found in links)
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
