"""One trace: what ran when at the left, what was said in the selected span at the right."""

from collections.abc import Sequence

from dash import html

from collector.query import Trace
from collector.score import Score
from dashboard import opinions, parts, words
from dashboard.pages.base import Content, Page, View
from dashboard.pages.selected import panel
from dashboard.pages.trace_logs import log_card
from dashboard.parts import Child
from dashboard.waterfall import Row as Bar
from dashboard.waterfall import Waterfall, waterfall

_CHATS = ("chat", "text_completion", "generate_content")


def answer(view: View) -> Content:
    trace_id = view.place.lower()
    trace = view.services.store.trace(trace_id)
    if trace is None or not trace.spans:
        return _unknown(view, trace_id)
    drawn = waterfall(trace)
    selected = chosen(drawn, trace.scores, view.filters.span)
    spec = drawn.to_json(selected.span.span_id)
    list_card = html.Section(parts.widget("waterfall", f"waterfall-{trace_id}", spec), className="card waterfall")
    columns = html.Div([list_card, panel(view, trace, drawn, selected)], className="trace-columns")
    body = [_head(view, trace, drawn), _facts(trace, drawn), columns, *log_card(view, trace, drawn)]
    return Content(title=drawn.rows[0].name or "Trace", body=body)


def chosen(drawn: Waterfall, scores: Sequence[Score], span_id: str | None) -> Bar:
    """The span that the address names, else what someone opens a trace for: the answer that the contexts do not
    support, the call that failed, the last answer."""
    ungrounded = {s.target_id for s in scores if s.evaluator == "groundedness" and s.label == "ungrounded"}
    answers = [row for row in drawn.rows if row.call and row.span.operation in _CHATS]
    candidates: tuple[Sequence[Bar], ...] = (
        [row for row in drawn.rows if row.span.span_id == span_id],
        [row for row in answers if row.call and row.call.call_id in ungrounded],
        [row for row in answers if row.failure],
        answers[-1:],
    )
    return next((rows[0] for rows in candidates if rows), drawn.rows[0])


def _unknown(view: View, trace_id: str) -> Content:
    sentence: list[Child] = [
        "There is no trace ", html.Code(words.first_line(trace_id, 64)),
        ". It may have been deleted by retention, or it has not arrived yet; this page asks again when it is reloaded.",
    ]  # fmt: skip
    link = html.P(html.A("Show all traces", href=view.to("/traces")))
    return Content(title="Trace", body=[parts.answer("quiet", sentence), html.Section(link, className="card padded")])


def _head(view: View, trace: Trace, drawn: Waterfall) -> html.Div:
    name = html.H1([html.A("Traces", href=view.to("/traces")), " / ", html.B(drawn.rows[0].name or "Trace")])
    when = html.Time(words.absolute(drawn.start_ns), className="dim")
    rest: list[Child] = [
        html.Span(html.A(title, href=href), className="dim") for title, href in _relatives(view, trace)
    ]
    if len(drawn.rows) > 1:
        rest.append(html.Span([html.Kbd("J"), " next span ", html.Kbd("K"), " previous"], className="dim hint"))
    return html.Div([name, parts.identifier(trace.trace_id), when, _state(trace, drawn), *rest], className="trace-head")


def _state(trace: Trace, drawn: Waterfall) -> html.Span:
    root = drawn.rows[0]
    n_failed = sum(row.failure is not None for row in drawn.rows)
    if root.failure:
        return parts.chip(f"Failed: {words.first_line(root.failure, 60)}", "crit", hint=root.reason)
    if (worst := _worst_groundedness(trace)) and worst.label == "ungrounded":
        return parts.chip("ungrounded", "crit", hint=worst.explanation)
    if n_failed:
        return parts.chip(f"{words.plural(n_failed, 'span')} failed", "warn")
    return parts.chip("ok", "good")


def _relatives(view: View, trace: Trace) -> list[tuple[str, str]]:
    """Links to the calls of the same session and user."""
    found = []
    for field, title in (("session_id", "session"), ("user_id", "user")):
        value = next((v for call in trace.calls if (v := getattr(call, field)) is not None), None)
        if value is not None:
            found.append((f"{title} {words.first_line(value, 24)}", view.to("/traces", **{field: value})))
    return found


def _worst_groundedness(trace: Trace) -> Score | None:
    found = [s for s in trace.scores if s.evaluator == "groundedness" and s.value is not None]
    return min(found, key=lambda score: score.value or 0.0, default=None)


def _facts(trace: Trace, drawn: Waterfall) -> html.Dl:
    counted = drawn.counted
    tokens = [(call.input_tokens or 0) + (call.output_tokens or 0) for call in counted]
    cached = sum(call.cache_read_tokens or 0 for call in counted)
    costs = [call.cost_usd for call in counted if call.cost_usd is not None]
    unpriced = len(counted) - len(costs)
    first = next((call.ttft_s for call in reversed(counted) if call.ttft_s is not None), None)
    n_tokens = words.count(sum(tokens) if tokens else None)
    cost_usd = words.usd(sum(costs) if costs else None)
    facts: list[tuple[str, str, str, str]] = [
        (str(words.seconds(drawn.duration_s)), "duration", "", ""),
        (f"{len(drawn.rows):,}", "span" if len(drawn.rows) == 1 else "spans", "", ""),
        (str(n_tokens), f"tokens, {words.count(cached)} cached" if cached else "tokens", f"{sum(tokens):,}", ""),
        (str(cost_usd), f"cost, {words.plural(unpriced, 'call')} unpriced" if unpriced else "cost", "", ""),
    ]
    if first is not None:
        facts.append((str(words.seconds(first)), "to first token", "Of the last streamed call, since it was sent", ""))
    if worst := _worst_groundedness(trace):
        n = len(worst.marks)
        note = f"grounded, {words.plural(n, 'passage')} unsupported" if n else "grounded"
        facts.append((str(words.score(worst.value)), note, worst.explanation or "", f"tone-{opinions.tone(worst)}"))
    return html.Dl(
        [html.Div([html.Dt(label), html.Dd(value, className=tone)], title=hint) for value, label, hint, tone in facts],
        className="facts",
    )


TRACE = Page(
    name="traces-detail",
    path="/traces/",
    title="Trace",
    group=None,
    answer=answer,
    skeleton=[
        html.Div(className="bone-head"),
        html.Div(className="bone-facts"),
        html.Div([parts.bone(640), parts.bone(640)], className="trace-columns"),
    ],
    in_range=False,
    live=False,
)
