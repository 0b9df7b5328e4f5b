"""The selected span of a trace, in tabs: what was said, what scores say, what is known, what was sent."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dash import html

from collector.query import Trace
from collector.score import Score
from dashboard import message, opinions, parts, words
from dashboard.conversation import conversation
from dashboard.pages.base import View
from dashboard.parts import Child
from dashboard.table import Cell, Column, Row, Table
from dashboard.waterfall import Row as Bar
from dashboard.waterfall import Waterfall


def panel(view: View, trace: Trace, drawn: Waterfall, row: Bar) -> html.Section:
    """The selected span in tabs; each tab is an address."""
    scores = [s for s in trace.scores if row.call and s.target_id == row.call.call_id]
    tabs: dict[str, tuple[str, Callable[[], Sequence[Child]]]] = {}
    if row.call is not None:
        call = row.call
        tabs["conversation"] = ("Conversation", lambda: conversation(call, scores, trace_start_ns=drawn.start_ns))
        tabs["scores"] = (f"Scores {len(scores)}", lambda: _scores(view, scores))
    tabs["facts"] = ("Facts", lambda: _span_facts(row, drawn.start_ns))
    tabs["attributes"] = ("Attributes", lambda: _attributes(row))
    current = view.filters.tab if view.filters.tab in tabs else next(iter(tabs))
    links = [
        _tab(title, view.here(span=row.span.span_id, tab=name), name == current) for name, (title, _) in tabs.items()
    ]
    content = list(tabs[current][1]())
    # Another id is another element: what was unfolded or scrolled in one span means nothing in the next.
    region: dict[str, Any] = {
        "id": f"{current}-of-{row.span.span_id}",
        "aria-label": f"{tabs[current][0]} of {row.name}",
    }
    inside = html.Div(content, className="panel-content", tabIndex="0", role="region", **region)
    return html.Section(
        [html.Div(links, className="tabs"), html.Div([inside], className="panel-place")], className="card panel"
    )


def _tab(title: str, href: str, is_current: bool) -> html.A:
    marked: dict[str, Any] = {"data-replace": ""} | ({"aria-current": "true"} if is_current else {})
    return html.A(title, href=href, **marked)


def _scores(view: View, scores: Sequence[Score]) -> list[Child]:
    if not scores:
        return [html.P("No score yet. Local evaluators reach a call within seconds of its arrival; they score texts "
                       "only, and groundedness needs contexts.", className="dim")]  # fmt: skip
    columns = (
        Column(title="Evaluator", width="34%"),
        Column(title="Says"),
        Column(title="Value", numeric=True, width="64px"),
        Column(title="When", width="92px"),
    )
    rows = [
        Row(cells=[
            Cell(text=score.evaluator, note=", ".join(filter(None, (score.version, score.author)))),
            opinions.cell(score),
            Cell(text=str(words.score(score.value))),
            Cell(text=words.ago(score.created_ns, view.now_ns), ago_ns=score.created_ns,
                 hint=words.absolute(score.created_ns)),
        ])
        for score in sorted(scores, key=lambda score: (score.evaluator, -score.created_ns))
    ]  # fmt: skip
    told = [
        html.P([html.B(f"{score.evaluator}: "), score.explanation])
        for score in opinions.latest(scores)
        if score.explanation
    ]
    table = Table(label="Scores of this call", columns=columns, rows=rows)
    return [parts.table("scores", table), html.Div(told, className="explanations")]


def _span_facts(row: Bar, start_ns: int) -> list[Child]:
    """What is known of the span and its call; what is unknown is left out."""
    span, call = row.span, row.call
    since_s = (span.start_ns - start_ns) / 1e9
    facts: list[tuple[str, Any]] = [
        ("Span", parts.identifier(span.span_id)),
        ("Started", f"+{words.seconds(since_s)}, {words.absolute(span.start_ns)}"),
        ("Duration", words.seconds(span.duration_s)),
        ("Service", span.service), ("Environment", span.environment), ("Operation", span.operation),
        ("Instrumented by", span.scope),
    ]  # fmt: skip
    if row.failure:
        facts.append(("Failure", row.failure if row.reason is None else f"{row.failure}: {row.reason}"))
    if call is not None:
        usage = {"cache reads": call.cache_read_tokens, "cache writes": call.cache_write_tokens}
        cached = ", ".join(f"{n:,} {name}" for name, n in usage.items() if n)
        reasoning = f"{call.reasoning_tokens:,} reasoning" if call.reasoning_tokens else ""
        facts += [
            ("Call", parts.identifier(call.call_id)),
            ("Provider", call.provider), ("Asked for", call.request_model), ("Answered by", call.response_model),
            ("Fingerprint", call.system_fingerprint),
            ("First token", None if call.ttft_s is None else words.seconds(call.ttft_s)),
            ("Input tokens", _counted(call.input_tokens, cached)),
            ("Output tokens", _counted(call.output_tokens, reasoning)),
            ("Cost", "unknown: no price for this model" if call.cost_usd is None else words.usd(call.cost_usd)),
            ("Ended by", ", ".join(call.finish_reasons or ())),
            *((name, _inline(value)) for name, value in (call.parameters or {}).items()),
            ("Session", call.session_id), ("User", call.user_id), ("Tenant", call.tenant),
            ("Tags", ", ".join(call.tags or ())),
            *((name, _inline(value)) for name, value in (call.metadata or {}).items()),
        ]  # fmt: skip
    told = [
        (name, value if isinstance(value, html.Span) else str(value))
        for name, value in facts
        if value not in (None, "")
    ]
    return [html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in told], className="span-facts")]


def _counted(n: int | None, note: str) -> str | None:
    return None if n is None else f"{n:,}, of which {note}" if note else f"{n:,}"


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _attributes(row: Bar) -> list[Child]:
    """What the sender wrote, as it wrote it."""
    span, call = row.span, row.call
    links = [html.A("JSON of the trace", href=f"/api/v1/traces/{quote(span.trace_id, safe='')}", target="_blank")]
    if call is not None:
        links.append(html.A("JSON of the call", href=f"/api/v1/calls/{quote(call.call_id, safe='')}", target="_blank"))
    blocks: list[tuple[str, Mapping[str, Any]]] = [("Attributes", span.attributes), ("Resource", span.resource)]
    blocks += [(f"Event {event.name}", event.attributes) for event in span.events]
    if call is not None and call.tool_definitions:
        blocks.append(("Tools offered", {_tool_name(tool, i): tool for i, tool in enumerate(call.tool_definitions)}))
    blocks += [(f"Link to span {link.span_id}", {"trace_id": link.trace_id, **link.attributes}) for link in span.links]
    shown: list[Child] = [html.P([child for link in links for child in (" · ", link)][1:])]
    for title, values in blocks:
        if values:
            shown += [html.H3(title), *message.preformatted(_lines(values))]
    return shown


def _tool_name(tool: Mapping[str, Any], place: int) -> str:
    function = tool.get("function")
    return str(tool.get("name") or (function.get("name") if isinstance(function, Mapping) else None) or place)


def _lines(values: Mapping[str, Any]) -> str:
    return "\n".join(f"{name} = {_inline(value)}" for name, value in values.items())
