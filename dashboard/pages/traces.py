"""Calls, newest first: which one to open."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dash import html
from dash.development.base_component import Component

from collector.call import Call
from collector.errors import UnsupportedQuery
from collector.query import Aggregation
from collector.query import Filters as CallFilters
from collector.score import Score
from dashboard import opinions, parts, words
from dashboard.colours import colour
from dashboard.filters import RANGES, SHARED
from dashboard.pages.base import Content, Page, View
from dashboard.pages.empty import has_calls, nothing_in_range, nothing_sent
from dashboard.parts import Child
from dashboard.table import Cell, Column, Row, Table

N_ROWS = 100
_N_SCORES = 500
_N_CHARACTERS = 120

_OWN = {
    "session_id": "Session", "user_id": "User", "error_type": "Error", "provider": "Provider",
    "response_model": "Answered by",
}  # fmt: skip
"""Filters of this page alone that have no control of their own: they come by links, and go by a click."""

_COLUMNS = (
    Column(title="Time", width="100px"),
    Column(title="Service", width="7.5%"),
    Column(title="Model", width="10%"),
    Column(title="Question", hint="The beginning of what the user said last"),
    Column(title="Answer", hint="The beginning of the answer"),
    Column(title="Latency", numeric=True, width="68px"),
    Column(title="First token", numeric=True, width="76px", hint="Time to the first token of a streamed call"),
    Column(title="Tokens in / out", numeric=True, width="104px", hint="In with caches, out with reasoning"),
    Column(title="Cost", numeric=True, width="96px", hint="A dash: no price is known, which is not free"),
    Column(title="State", width="116px"),
    Column(title="Grounded", width="136px", hint="Do the contexts of the call support its answer?"),
)


def answer(view: View) -> Content:
    calls = view.filters.of_calls(view.now_ns)
    page = view.services.store.calls(calls, limit=N_ROWS, cursor=view.filters.cursor)
    if not page.items:
        return Content(title="Traces", body=_nothing(view), controls=_controls(view))
    table = call_table(view, page.items, _grounded(view, calls, page.items))
    pager = html.Div(_pager(view, page.next_cursor), className="pager")
    card = html.Section([parts.table("calls", table), pager], className="card calls")
    return Content(title="Traces", body=[_headline(view, calls), card], controls=_controls(view))


def call_table(view: View, calls: Sequence[Call], grounded: Mapping[str, Score]) -> Table:
    """`grounded` by call id."""
    models = [call.request_model for call in calls if call.request_model]
    places = view.services.colours.places("request_model", models)
    rows = [
        Row(
            href=view.to(f"/traces/{call.trace_id}", span=call.span_id),
            cells=[
                Cell(text=words.ago(call.start_ns, view.now_ns), ago_ns=call.start_ns,
                     hint=words.absolute(call.start_ns)),
                Cell(text=call.service or words.NONE),
                Cell(text=call.request_model or call.response_model or words.NONE,
                     key=colour(places[call.request_model]) if call.request_model else "s6"),
                Cell(text=words.first_line(call.prompt_text, _N_CHARACTERS)),
                Cell(text=words.first_line(call.output_text, _N_CHARACTERS)),
                Cell(text=str(words.seconds(call.latency_s))),
                Cell(text=str(words.seconds(call.ttft_s))),
                _tokens(call),
                Cell(text=str(words.usd(call.cost_usd))),
                state(call),
                _groundedness(grounded.get(call.call_id)),
            ],
        )
        for call in calls
    ]  # fmt: skip
    return Table(label="Calls, newest first", columns=_COLUMNS, rows=rows)


def state(call: Call) -> Cell:
    if not call.error_type:
        return Cell(text="✓", hint="Answered", tone="good")
    hint = f"{call.error_type}: {call.error_message}" if call.error_message else call.error_type
    return Cell(text=f"✕ {words.first_line(call.error_type, 60)}", hint=words.first_line(hint, 400), tone="crit")


def _tokens(call: Call) -> Cell:
    if call.input_tokens is None and call.output_tokens is None:
        return Cell(text=words.NONE)
    return Cell(text=f"{words.count(call.input_tokens)} / {words.count(call.output_tokens)}")


def _groundedness(score: Score | None) -> Cell:
    if score is None:
        return Cell(text="", hint="Not scored: no contexts to check against, or not reached yet")
    return replace(opinions.cell(score), note=str(words.score(score.value)))


def _grounded(view: View, filters: CallFilters, calls: Sequence[Call]) -> dict[str, Score]:
    """The newest groundedness score of each call that was answered with contexts.

    One question for the whole page where its calls lie close together; where they are few among many, one per call.
    """
    checked = {call.call_id: call for call in calls if call.contexts and call.output_messages}
    if not checked:
        return {}
    starts = [call.start_ns for call in checked.values()]
    window = CallFilters(
        since_ns=min(starts), until_ns=max(starts) + 1, project=filters.project, environment=filters.environment,
        service=filters.service, request_model=filters.request_model,
    )  # fmt: skip
    store = view.services.store
    page = store.scores(window, evaluator="groundedness", limit=_N_SCORES)
    found = list(page.items)
    if page.next_cursor is not None:
        known = found[-1].target_start_ns
        for call in checked.values():
            if call.start_ns <= known:
                instant = CallFilters(since_ns=call.start_ns, until_ns=call.start_ns + 1)
                found += store.scores(instant, evaluator="groundedness", target_id=call.call_id).items
    newest: dict[str, Score] = {}
    for score in sorted(found, key=lambda score: score.created_ns):
        newest[score.target_id] = score
    return newest


def _headline(view: View, calls: CallFilters) -> html.Div:
    """How many calls there are, and how many failed; without numbers where counting would read every message."""
    where = _where(view)
    try:
        if calls.text is not None:
            return parts.answer("quiet", f"Calls with “{calls.text}” in their messages{where}, newest first.")
        found = view.services.store.aggregate(Aggregation(filters=calls, metrics=("requests", "errors")))
    except UnsupportedQuery:
        return parts.answer("quiet", f"Calls{where}, newest first.")
    n, n_failed = (int(found[name][0] or 0) if found[name] else 0 for name in ("requests", "errors"))
    if calls.has_error or calls.error_type:
        return parts.answer("quiet", f"{words.plural(n, 'failed call')}{where}.")
    if not n_failed:
        return parts.answer("quiet", f"{words.plural(n, 'call')}{where}, none failed.")
    failed = html.A(f"{n_failed:,} failed", href=view.here(has_error=True, cursor=None))
    return parts.answer("quiet", [f"{words.plural(n, 'call')}{where}, ", failed, f" ({words.percent(n_failed / n)})."])


def _where(view: View) -> str:
    """of `support` in the last hour"""
    told = [name for field in SHARED if (name := getattr(view.filters, field)) is not None]
    of = f" of {', '.join(told)}" if told else ""
    if view.filters.is_absolute:
        since_ns, until_ns = view.window
        return f"{of} from {words.day_and_clock(since_ns)} to {words.day_and_clock(until_ns)} UTC"
    return f"{of} in the last {RANGES.get(view.filters.range, view.filters.range)}"


def _controls(view: View) -> list[Component]:
    only = bool(view.filters.has_error)
    pressed: dict[str, Any] = {"aria-current": "true"} if only else {}
    errors_href = view.here(has_error=None if only else True, cursor=None)
    toggle = html.A("Errors only", className="control set" if only else "control", href=errors_href, **pressed)
    search = {"name": "text", "label": "Search in messages", "type": "text", "hideLabel": True}
    form = {"fields": [search | {"placeholder": "Search in messages", "value": view.filters.text or ""}]}
    chips = [
        html.A(
            [f"{title} ", html.B(words.first_line(value, 24)), " ✕"], className="control set",
            title=f"{title} {value}: show all again", href=view.here(**{name: None}, cursor=None),
        )
        for name, title in _OWN.items()
        if (value := getattr(view.filters, name)) is not None
    ]  # fmt: skip
    return [*chips, toggle, parts.widget("form", "search", form)]


def _pager(view: View, next_cursor: str | None) -> list[Child]:
    newest = html.A("← Newest", href=view.here(cursor=None)) if view.filters.cursor else html.Span()
    older = html.A("Older →", href=view.here(cursor=next_cursor)) if next_cursor else html.Span("These are the oldest.")
    return [newest, older]


def _nothing(view: View) -> list[Component]:
    if not has_calls(view):
        return nothing_in_range(view) if has_calls(view, ever=True) else nothing_sent(view)
    link = html.P(html.A("Show all calls in this range", href=view.to("/traces")))
    if view.filters.has_error and view.filters.text is None and not any(getattr(view.filters, name) for name in _OWN):
        return [parts.answer("good", f"No call failed{_where(view)}."), html.Section(link, className="card padded")]
    return [
        parts.answer("quiet", f"No call{_where(view)} matches."),
        html.Section(parts.empty("Nothing matches the search and the filters of this page", link), className="card"),
    ]


TRACES = Page(
    name="traces",
    path="/traces",
    title="Traces",
    group="",
    answer=answer,
    skeleton=[parts.bone(50), parts.bone(720)],
)
