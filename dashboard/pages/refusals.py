"""The line that says on the overview that something was refused: what was not taken must not go unseen."""

from dash import html

from collector.health import WINDOW_S
from dashboard import words
from dashboard.pages.base import Badge, View
from dashboard.services import Services

_LAST = f"in the last {words.span_s(WINDOW_S)}"


def banner(view: View) -> list[html.Div]:
    """Nothing where nothing was refused."""
    n = view.services.health.n_refused()
    if not n:
        return []
    link = html.A("See why, and what to do", href=view.to("/system"))
    told = f"▲ {words.plural(n, 'request or record was', 'requests and records were')} refused {_LAST}. "
    return [html.Div([html.B(told), link], className="banner warn", role="status")]


def badge(services: Services) -> Badge:
    return Badge(n=services.health.n_refused(), urgent=True, what=f"refused {_LAST}")
