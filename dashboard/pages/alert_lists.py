"""The alarms that are over, and the rules that raise alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dash import html

from dashboard import parts, words
from dashboard.filters import RANGES
from dashboard.pages.alert_words import place, rule_in_words, told_in_short
from dashboard.pages.base import View
from dashboard.parts import Child
from dashboard.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from evaluators.alerts import Alert, Rule

N_ROWS = 50

_HISTORY = (
    Column(title="Ended", width="96px"),
    Column(title="Rule", width="15%"),
    Column(title="What"),
    Column(title="Where", width="13%"),
    Column(title="Began", width="156px"),
    Column(title="Lasted", numeric=True, width="92px"),
    Column(title="Webhooks", width="96px"),
    Column(title="Acknowledged", width="128px"),
)
_RULES = (
    Column(title="Rule", width="22%"),
    Column(title="Fires when"),
    Column(title="Severity", width="96px"),
    Column(title="State", width="64px"),
    Column(title="Change", width="112px"),
)


def matches(view: View, alert: Alert) -> bool:
    """Whether the filters of the bar leave it. An alarm over all services is about each of them."""
    if view.filters.project not in (None, alert.project):
        return False
    chosen = {name: getattr(view.filters, name) for name in ("environment", "service", "request_model")}
    return all(value is None or alert.labels.get(name, value) == value for name, value in chosen.items())


def last_ended_ns(view: View) -> int | None:
    """When an alarm ended last, of those that began last; None: none ever did."""
    page = view.services.alerts.alerts(since_ns=0, until_ns=view.now_ns + 1, state="resolved", limit=N_ROWS)
    return max((alert.resolved_ns or 0 for alert in page.items if matches(view, alert)), default=None)


def history(view: View) -> html.Section:
    """Alarms that ended in the range of the bar."""
    since_ns, until_ns = view.window
    found = view.services.alerts.alerts(
        since_ns=since_ns, until_ns=until_ns, state="resolved", limit=N_ROWS, cursor=view.filters.cursor
    )
    shown = [alert for alert in found.items if matches(view, alert) and (alert.resolved_ns or 0) < until_ns]
    filters = view.filters
    when = "in this range" if filters.is_absolute else f"in the last {RANGES.get(filters.range, filters.range)}"
    has_more = bool(filters.cursor or found.next_cursor)
    if not shown and not has_more:
        return parts.card("History", html.P(_none_ended(view, when), className="nothing-here"))
    body: list[Child] = [parts.table("history", _history_table(view, shown))]
    if has_more:
        newest = html.A("← Newest", href=view.here(cursor=None)) if filters.cursor else html.Span()
        older = html.A("Older →", href=view.here(cursor=found.next_cursor)) if found.next_cursor else html.Span()
        body.append(html.Div([newest, older], className="pager"))
    return parts.card("History", body, note=f"alarms that ended {when}", class_name="history")


def _none_ended(view: View, when: str) -> list[Child]:
    ended_ns = last_ended_ns(view)
    if ended_ns is None:
        return [f"No alarm ended {when}, and none before. One that fired and cleared leaves a row here."]
    month = view.here(range="30d", since_ns=None, until_ns=None, cursor=None)
    ago = parts.ago(ended_ns, view.now_ns)
    return [f"No alarm ended {when}; the last one ", ago, ". ", html.A("Show the last 30 days", href=month)]


def _history_table(view: View, alerts: Sequence[Alert]) -> Table:
    deliveries = view.services.alerts.deliveries([alert.alert_id for alert in alerts])
    rows = []
    for alert in alerts:
        ended_ns = alert.resolved_ns or alert.since_ns
        webhooks, tone = told_in_short(deliveries.get(alert.alert_id, ()))
        cells = [
            Cell(text=words.ago(ended_ns, view.now_ns), ago_ns=ended_ns, hint=words.absolute(ended_ns)),
            Cell(text=alert.rule_name),
            Cell(text=alert.summary),
            Cell(text=place(alert) or "everywhere"),
            Cell(text=words.day_and_clock(alert.since_ns), hint=words.absolute(alert.since_ns)),
            Cell(text=str(words.span_s((ended_ns - alert.since_ns) / 1e9))),
            Cell(text=webhooks, tone=tone),
            Cell(text=alert.acknowledged_by or words.NONE),
        ]
        selected = alert.alert_id == view.filters.alert
        rows.append(Row(href=view.here(alert=alert.alert_id), selected=selected, cells=cells))
    return Table(label="Alarms that ended", columns=_HISTORY, rows=rows)


def rules(known: Sequence[Rule]) -> html.Section:
    """Each rule in words, with a switch."""
    if not known:
        told = "Nothing is watched. Add a rule by PUT /api/v1/rules/{rule_id}; docs/alerts.md has examples."
        return parts.card("Rules", html.P(told, className="nothing-here"))
    rows = [
        Row(cells=[
            Cell(text=rule.name),
            Cell(text=rule_in_words(rule), tone=None if rule.enabled else "quiet"),
            Cell(text=rule.severity.capitalize()),
            Cell(text="✓ on" if rule.enabled else "off", tone="good" if rule.enabled else "quiet"),
            Cell(text="Switch off" if rule.enabled else "Switch on",
                 command=("switch-rule", {"rule": rule.rule_id, "enabled": not rule.enabled})),
        ])
        for rule in known
    ]  # fmt: skip
    table = Table(label="Rules", columns=_RULES, rows=rows)
    note = f"{sum(rule.enabled for rule in known)} of {len(known)} on"
    return parts.card("Rules", parts.table("rules", table), note=note, class_name="rules")
