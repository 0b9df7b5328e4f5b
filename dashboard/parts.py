"""The pieces that pages are made of. Texts of calls go into them as text and never as HTML."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from dashboard import words
from dashboard.figures import Chart
from dashboard.table import Table
from dashboard.words import Quantity

Child = Any
"""A component or a text. Dash's own types are not followed, see pyproject.toml."""
Tone = Literal["crit", "warn", "good", "quiet"]

SIGNS: Mapping[str, str] = {"crit": "▲", "warn": "▲", "good": "✓", "quiet": ""}
"""A state is never told by colour alone."""


def widget(kind: str, name: str, spec: Mapping[str, Any], *, class_name: str = "", **props: Any) -> html.Div:
    """A place that assets/widgets.js fills by the `spec`; React leaves what is inside alone."""
    text = json.dumps(spec, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return html.Div(
        id=f"w-{name}", className=f"widget {class_name}".strip(), **{"data-widget": kind, "data-spec": text}, **props
    )


def card(title: str, body: Sequence[Child] | Child, *, note: str = "", keys: Sequence[tuple[str, str]] = (),
         tools: Sequence[Child] = (), class_name: str = "") -> html.Section:  # fmt: skip
    """`keys` are (name, CSS variable) of the series inside."""
    head = [
        html.H2(title, title=title),
        html.Span(note, className="note", title=note),
        html.Span([key(name, colour) for name, colour in keys], className="keys"),
        *tools,
    ]
    return html.Section([html.Header(head), *as_list(body)], className=f"card {class_name}".strip())


def key(name: str, colour: str) -> html.Span:
    return html.Span(name, className=f"key c-{colour}", title=name)


def chart_card(title: str, name: str, chart: Chart, *, note: str, empty: str) -> html.Section:
    """`empty` says why there is nothing, and what would fill it."""
    if chart.is_empty:
        return card(title, html.P(empty, className="plot empty"), note=note)
    tools = [tool("log", "Logarithmic axis", "log")] if chart.can_log else []
    tools.append(tool("table", "Show as table", "table"))
    keys = [(s.name, s.colour) for s in chart.series] if len(chart.series) > 1 else []
    label = f"{title}, {note}"
    body = widget("chart", name, chart.to_json(), class_name="plot", role="img", **{"aria-label": label})
    return card(title, body, note=note, keys=keys, tools=tools)


def tool(name: str, label: str, icon_name: str) -> html.Button:
    """A small button in a card's head; the widget in the card listens to it."""
    return html.Button(icon(icon_name), className="tool", title=label, **{"aria-label": label, "data-tool": name})


def table(name: str, content: Table) -> html.Div:
    return widget("table", name, content.to_json(), class_name="table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One header figure. `wrong` says in words what is wrong with it; then it alone is coloured."""

    label: str
    value: Quantity
    note: str = ""
    trend: Sequence[float | None] = ()
    wrong: str | None = None
    href: str | None = None
    hint: str = ""


def figures(items: Sequence[Figure]) -> html.Section:
    return html.Section([_figure(item) for item in items], className="card figures", **{"aria-label": "Key figures"})


def _figure(item: Figure) -> html.Div:
    label: Child = html.A(item.label, href=item.href) if item.href else item.label
    return html.Div(
        [
            html.Div(label, className="label", title=item.hint or item.label),
            html.Div([html.Span(item.value.number), html.Small(item.value.unit)], className="value"),
            html.Div(item.wrong or item.note or "\u00a0", className="change", title=item.wrong or item.note),
            sparkline(item.trend),
        ],
        className="figure wrong" if item.wrong else "figure",
    )


def sparkline(values: Sequence[float | None]) -> html.Div:
    """A line of 22 px as a mask over the text colour, so that it follows the theme without a redraw."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return html.Div(className="spark")
    low, high = min(known), max(known)
    x_step, scale = 100 / (len(values) - 1), 18 / ((high - low) or 1)
    path, pen = [], "M"
    for i, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{i * x_step:.1f} {20 - (value - low) * scale:.1f}")
        pen = "L"
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 22' preserveAspectRatio='none'>"
        f"<path d='{''.join(path)}' fill='none' stroke='#000' stroke-width='1.3' vector-effect='non-scaling-stroke' "
        "stroke-linecap='round' stroke-linejoin='round'/></svg>"
    )
    image = f'url("data:image/svg+xml,{quote(svg)}")'
    return html.Div(
        html.I(style={"maskImage": image, "WebkitMaskImage": image}), className="spark", **{"aria-hidden": "true"}
    )


def answer(
    tone: Tone, sentence: Sequence[Child] | Child, *, word: str = "", aside: Sequence[Child] | Child = ()
) -> html.Div:
    """The one line on top of a page that says whether something is wrong: its h1."""
    sign = html.Span(f"{SIGNS[tone]} {word}".strip(), className="sign")
    children = [sign, html.H1(as_list(sentence)), html.Div(as_list(aside), className="aside")]
    return html.Div(children, className=f"answer {tone}")


def chip(text: str, tone: Tone = "quiet", *, hint: str | None = None) -> html.Span:
    return html.Span(f"{SIGNS[tone]} {text}".strip(), className=f"chip {tone}", **({"title": hint} if hint else {}))


def icon(name: str) -> html.I:
    return html.I(className=f"icon i-{name}", **{"aria-hidden": "true"})


def ago(time_ns: int, now_ns: int) -> html.Time:
    """Relative, with the absolute time on hover."""
    return html.Time(
        words.ago(time_ns, now_ns),
        title=words.absolute(time_ns),
        dateTime=words.at(time_ns).isoformat(),
        **{"data-ago": str(time_ns // 1_000_000)},
    )


def moment(time_ns: int) -> html.Time:
    return html.Time(
        words.day_and_clock(time_ns), title=words.absolute(time_ns), dateTime=words.at(time_ns).isoformat()
    )


def identifier(text: str) -> html.Span:
    """A short id with a button that copies the whole of it."""
    return html.Span([html.Code(words.short_id(text), title=text), copy_button(text)], className="id")


def copy_button(text: str) -> html.Button:
    return html.Button(icon("copy"), className="tool", title="Copy", **{"aria-label": "Copy", "data-copy": text})


def button(
    text: str | Sequence[Child], command: str, *, primary: bool = False, shortcut: str | None = None, **arguments: Any
) -> html.Button:
    """Does one of the commands of the page; `shortcut` is the key that presses it."""
    attributes = {"data-command": json.dumps({"name": command, **arguments})}
    children: list[Child] = as_list(text)
    if shortcut:
        attributes["data-key"] = shortcut
        attributes["aria-keyshortcuts"] = shortcut
        children = [*children, html.Kbd(shortcut.upper())]
    return html.Button(children, className="button primary" if primary else "button", **attributes)


def link_key(text: str | Sequence[Child], href: str | None, shortcut: str) -> html.A:
    """A link that a key follows; without an address it is there and does nothing, so that nothing jumps."""
    attributes: dict[str, Any] = (
        {"data-key": shortcut, "aria-keyshortcuts": shortcut} if href else {"aria-disabled": "true"}
    )
    address = {"href": href} if href else {}
    return html.A([html.Kbd(shortcut.upper()), " ", *as_list(text)], className="key-link", **address, **attributes)


def fold(name: str, text: str, *, class_name: str = "text") -> html.Div:
    """A text that folds after 12 lines."""
    return html.Div(html.Div(text, className=class_name), className="fold", id=f"fold-{name}", **{"data-fold": ""})


def empty(title: str, sentences: Sequence[Child] | Child, *, class_name: str = "") -> html.Div:
    """A page or card that has nothing to show: why, and what would fill it."""
    return html.Div([html.H2(title), *as_list(sentences)], className=f"nothing {class_name}".strip())


def code(text: str) -> html.Div:
    return html.Div([html.Pre(html.Code(text)), copy_button(text)], className="code")


def as_list(children: Sequence[Child] | Child) -> list[Child]:
    return [children] if isinstance(children, (str, Component)) else list(children)


def bone(height_px: int) -> html.Div:
    """A card of the first paint, as high as the one that follows."""
    return html.Div(className="card bone", style={"height": f"{height_px}px"})
