"""One alarm in full: what is wrong, since when, who was told, who cares, what to open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dash import html

from dashboard import parts, words
from dashboard.pages import your_name
from dashboard.pages.alert_words import TONES, fires_at_ns, place, told, value_in_words
from dashboard.pages.base import View
from dashboard.parts import Child

if TYPE_CHECKING:
    from evaluators.alerts import Alert, Delivery, Rule

_OPENS = {"verdict": "Open the verdict", "calls": "Open the calls"}


def alarm(view: View, alert: Alert, rule: Rule | None, deliveries: Sequence[Delivery]) -> html.Article:
    selected = view.filters.alert == alert.alert_id
    tone = TONES[alert.severity] if alert.state == "firing" else "quiet"
    marked: dict[str, Any] = {"data-into-view": "", "aria-current": "true"} if selected else {}
    links = [
        html.A(_OPENS.get(name, f"Open the {name}"), href=href, className="button")
        for name, href in alert.links.items()
    ]
    return html.Article(
        [
            html.Div(
                [
                    html.Header([_state(alert, rule), html.H3(alert.rule_name)]),
                    html.P(alert.summary, className="summary"),
                    html.P(_facts(view, alert, rule), className="quiet"),
                    html.Ul(_notifications(view, alert, deliveries), className="quiet told"),
                ],
                className="what",
            ),
            html.Div([*links, *_care(view, alert)], className="do"),
        ],
        className=f"alarm {tone}",
        key=alert.alert_id,
        **marked,
    )


def _state(alert: Alert, rule: Rule | None) -> html.Span:
    severity = alert.severity.capitalize()
    if alert.state == "resolved":
        return parts.chip(f"✓ Resolved, was {alert.severity}")
    if alert.state == "pending":
        fires_ns = fires_at_ns(rule, alert)
        until = "waits for data" if fires_ns is None or alert.value is None else f"until {words.clock(fires_ns)[:5]}"
        return parts.chip(f"○ {severity}, pending, {until}")
    return parts.chip(f"{severity}, firing", TONES[alert.severity])


def _facts(view: View, alert: Alert, rule: Rule | None) -> list[Child]:
    began: list[Child] = ["Began ", parts.ago(alert.since_ns, view.now_ns)]
    if alert.resolved_ns is not None:
        lasted = words.span_s((alert.resolved_ns - alert.since_ns) / 1e9)
        began = [parts.moment(alert.since_ns), f" for {lasted}, ended ", parts.ago(alert.resolved_ns, view.now_ns)]
    facts: list[Sequence[Child]] = [began]
    facts += [[fact] for fact in (value_in_words(rule, alert), place(alert)) if fact]
    return [child for fact in facts for child in (" · ", *fact)][1:]


def _notifications(view: View, alert: Alert, deliveries: Sequence[Delivery]) -> list[html.Li]:
    if not deliveries:
        if alert.state == "pending":
            return [html.Li("Nobody has been told yet: it has not fired.")]
        return [html.Li("Nobody was told: no webhook receiver was configured when it fired.")]
    return [html.Li(_notification(view, delivery)) for delivery in deliveries]


def _notification(view: View, delivery: Delivery) -> list[Child]:
    how = told(delivery)
    sign = f"{parts.SIGNS[how.tone]} " if parts.SIGNS[how.tone] else ""
    reason = f": {words.first_line(how.reason, 160)}" if how.reason else ""
    next_try: list[Child] = []
    if how.tone == "warn":
        next_try = [f"; next try at {words.clock(delivery.next_attempt_ns)}"]
    text = html.Span(f"{sign}{how.text}{reason}", className=f"tone-{how.tone}")
    return [text, *next_try, ", ", parts.ago(how.time_ns, view.now_ns)]


def _care(view: View, alert: Alert) -> list[Child]:
    """Who cares for it, or how to say so."""
    if alert.acknowledged_ns is not None:
        since = parts.ago(alert.acknowledged_ns, view.now_ns)
        return [html.Span(["✓ Acknowledged by ", html.B(alert.acknowledged_by), ", ", since], className="quiet")]
    if alert.state == "resolved":
        return []
    if not your_name.is_known(view.author):
        ask = your_name.form(view, f"name-{alert.alert_id}", "Keep my name")
        return [
            html.Details(
                [html.Summary("Acknowledge…", className="button primary"), html.Div(ask, className="options")],
                className="menu",
            )
        ]
    return [parts.button("Acknowledge", "acknowledge-alert", primary=True, alert=alert.alert_id)]
