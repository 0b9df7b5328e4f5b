"""What stands around every page: navigation, the filter bar, the first paint."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dash import dcc, html
from dash.development.base_component import Component

from collector.query import Dimension
from dashboard import parts, words
from dashboard.filters import RANGES, Filters, Shared, href
from dashboard.markup import to_html
from dashboard.pages.base import Badge, Content, Page, View

_DIMENSIONS: tuple[tuple[Shared, str, str], ...] = (
    ("project", "Project", "Projects"), ("environment", "Environment", "Environments"),
    ("service", "Service", "Services"), ("request_model", "Model", "Models"),
)  # fmt: skip


def layout() -> Component:
    """Empty places; assets/app.js fills them with the answer of the page."""
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="tick"),
            dcc.Store(id="command"),
            dcc.Store(id="outcome"),
            html.Nav(id="nav", **{"aria-label": "Pages"}),
            html.Div([html.Header(id="bar"), html.Main(id="page")], className="column"),
        ],
        className="app",
    )


def nav(pages: Sequence[Page], badges: Sequence[Badge | None], current: str, filters: Filters) -> list[Component]:
    """The pages, grouped, with their open items; links keep the range and the shared filters."""
    rows: list[Component] = [html.A([parts.icon("mark"), html.Span("Watchkeeper")], href="/", className="brand")]
    group: str | None = None
    for page, badge in zip(pages, badges, strict=True):
        if page.group and page.group != group:
            rows.append(html.Div(page.group, className="group"))
        group = page.group
        rows.append(_nav_link(page, badge, current, filters))
    toggle = html.Button(
        [parts.icon("fold"), html.Span("Collapse")], className="collapse", title="Collapse or open the navigation",
        **{"data-action": "collapse", "aria-label": "Collapse or open the navigation"},
    )  # fmt: skip
    return [*rows, toggle]


def _nav_link(page: Page, badge: Badge | None, current: str, filters: Filters) -> html.A:
    children: list[Component] = [parts.icon(page.name), html.Span(page.title)]
    if badge is not None and badge.n > 0:
        tone = "badge urgent" if badge.urgent else "badge"
        children.append(html.Span(f"{badge.n:,}", className=tone, title=f"{badge.n:,} {badge.what}"))
    attributes = {"aria-current": "page"} if page.name == current else {}
    return html.A(children, href=href(page.path, filters.shared()), title=page.title, **attributes)


def bar(page: Page, view: View, content: Content) -> list[Component]:
    """The filters that apply to this page at the left; range, live and theme at the right."""
    left = [*(_dimension_menus(view) if page.in_range else []), *content.controls]
    right = [_range_menu(view)] if page.in_range else []
    if page.live and not view.filters.is_absolute:
        hint = "Show new data as it comes"
        right.append(
            html.Button([html.I(className="dot"), "Live"], className="control", title=hint, **{"data-action": "live"})
        )
    theme = html.Button("Theme", className="control", title="Light or dark", **{"data-action": "theme"})
    right.append(theme)
    if view.services.is_signed_in:  # its target makes it a page of its own, which the script leaves to the browser
        right.append(html.A("Signed in", href="/login", target="_self", className="control", title="Who, and sign out"))
    return [html.Div(left, className="left"), html.Div(right, className="right")]


def menu(label: str, value: str, options: Sequence[Component], *, is_set: bool = False) -> html.Details:
    """A control that opens a list of links: every choice is an address."""
    summary = html.Summary(
        [label, " ", html.B(value)], className="control set" if is_set else "control", title=f"{label} {value}"
    )
    return html.Details([summary, html.Div(options, className="options")], className="menu")


def option(text: str, address: str, *, selected: bool) -> html.A:
    return html.A(text, href=address, title=text, **({"aria-current": "true"} if selected else {}))


def _dimension_menus(view: View) -> list[Component]:
    everything = replace(
        Filters(), range=view.filters.range, since_ns=view.filters.since_ns, until_ns=view.filters.until_ns
    )
    return [
        found
        for dimension, label, many in _DIMENSIONS
        if (found := _dimension_menu(view, dimension, label, many, everything)) is not None
    ]


def _dimension_menu(view: View, dimension: Shared, label: str, many: str, everything: Filters) -> html.Details | None:
    chosen: str | None = getattr(view.filters, dimension)
    column: Dimension = dimension
    known = list(view.services.store.values(column, everything.of_calls(view.now_ns)))
    if chosen is None and (not known or (dimension == "project" and len(known) == 1)):
        return None  # a control without a choice would have no effect
    if chosen is not None and chosen not in known:
        known.insert(0, chosen)
    options = [option(f"All {many.lower()}", view.here(**{dimension: None, "cursor": None}), selected=chosen is None)]
    options += [option(n, view.here(**{dimension: n, "cursor": None}), selected=n == chosen) for n in known[:100]]
    return menu(label, chosen or "all", options, is_set=chosen is not None)


def _range_menu(view: View) -> html.Details:
    filters, (since_ns, until_ns) = view.filters, view.window
    relative = {"since_ns": None, "until_ns": None, "cursor": None}
    options: list[Component] = [
        option(
            f"Last {title}",
            view.here(range=name, **relative),
            selected=not filters.is_absolute and filters.range == name,
        )
        for name, title in RANGES.items()
    ]
    form = {
        "fields": [
            {"name": "since", "label": "From", "type": "datetime", "value": since_ns // 1_000_000},
            {"name": "until", "label": "To", "type": "datetime", "value": until_ns // 1_000_000},
        ],
        "submit": "Show this range, UTC",
    }
    options.append(parts.widget("form", "range", form))
    if filters.is_absolute:
        value = f"{words.day_and_clock(since_ns)} to {words.day_and_clock(until_ns)} UTC"
    else:
        value = f"last {RANGES.get(filters.range, filters.range)}, to {words.clock(until_ns)[:5]} UTC"
    return menu("Range", value, options, is_set=True)


def error_page(title: str, sentence: str) -> Content:
    """What happened, and what to do; the rest of the page stays usable."""
    again = html.Button("Try again", className="button", **{"data-action": "reload"})
    return Content(
        title=title,
        body=[
            parts.answer("crit", title, word="Failed"),
            html.Section([html.P(sentence), again], className="card padded"),
        ],
    )


def skeleton(pages: Sequence[Page], page: Page) -> str:
    """The first paint, in the sizes of the page that follows."""
    columns = html.Div(
        [
            html.Nav(nav(pages, [None] * len(pages), page.name, Filters())),
            html.Div([html.Header(className="bar"), html.Main(list(page.skeleton))], className="column"),
        ],
        className="app",
    )
    # What is only shown for a moment is not read out, and it holds the id of nothing.
    return re.sub(r' id="[^"]*"', "", to_html(columns))


def index_string(*, static: str, assets: Mapping[str, bytes]) -> str:
    """The HTML around Dash. boot.js runs before the first paint; `static` is the address of the assets."""
    # Every style and script of the folder; those that others build on come first.
    styles = sorted((name for name in assets if name.endswith(".css")), key=lambda name: (name != "style.css", name))
    late = (name for name in assets if name.endswith(".js") and name != "boot.js" and not name.startswith("plotly"))
    first = {"app.js": 0, "widgets.js": 1}
    scripts = sorted(late, key=lambda name: (first.get(name, 2), name))
    style_tags = "\n".join(f'<link rel="stylesheet" href="{static}/{name}">' for name in styles)
    script_tags = "\n".join(f'<script src="{static}/{name}"></script>' for name in scripts)
    boot = boot_script(assets)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
{{%metas%}}
<title>{{%title%}}</title>
<link rel="icon" type="image/svg+xml" href="{static}/favicon.svg">
{style_tags}
<script>{boot}</script>
{{%css%}}
</head>
<body>
<div id="skeleton" aria-hidden="true"><!--skeleton--></div>
{{%app_entry%}}
<div id="toast" role="status"></div>
<footer>
{{%config%}}
{{%scripts%}}
{script_tags}
{{%renderer%}}
</footer>
</body>
</html>"""


def boot_script(assets: Mapping[str, bytes]) -> str:
    return assets["boot.js"].decode().strip()
