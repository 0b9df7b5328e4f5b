"""Is something wrong, where, and what to open next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dash import html

from dashboard import parts, words
from dashboard.figures import spread
from dashboard.pages.base import Content, Page, View
from dashboard.pages.empty import has_calls, nothing_in_range, nothing_sent
from dashboard.pages.headline import headline
from dashboard.pages.overview_charts import charts
from dashboard.pages.overview_facts import GROUNDED, Facts, ask_store, overall_grounded
from dashboard.pages.overview_models import models_table
from dashboard.pages.refusals import banner
from dashboard.parts import Figure

if TYPE_CHECKING:
    from evaluators.alerts import Alert, Rule

_MIN_BEFORE = 20
"""Fewer calls in the period before are nothing to compare with."""
_ABOUT = ("error_rate", "latency", "ttft", "groundedness", "cost_usd", "requests")


def answer(view: View) -> Content:
    facts = ask_store(view)
    if not facts.now.get("requests"):
        body = nothing_in_range(view) if has_calls(view, ever=True) else nothing_sent(view)
        return Content(title="Overview", body=[*body, *banner(view)])
    alerts = view.services.alerts.open_alerts()
    body = [
        headline(view, alerts),
        *banner(view),
        parts.figures(_figures(view, facts, alerts)),
        html.Div(charts(view, facts, alerts), className="grid"),
        parts.card("Models", parts.table("models", models_table(view, facts)), note="all calls of the range"),
    ]
    return Content(title="Overview", body=body)


def _figures(view: View, facts: Facts, alerts: Sequence[Alert]) -> list[Figure]:
    now, steps = facts.now, facts.steps
    before = facts.before if (facts.before.get("requests") or 0) >= _MIN_BEFORE else {}
    rules = view.services.alerts.rules()
    wrong = _wrong(alerts, rules)
    change, points = words.relative_change, words.points_change
    latency, ttft = now.get("latency_p95_s"), now.get("ttft_p50_s")
    cost, unpriced, n = now.get("cost_usd"), now.get("unpriced") or 0, now.get("requests") or 0
    firing = [alert for alert in alerts if alert.state == "firing"]
    n_critical = sum(alert.severity == "critical" for alert in firing)
    n_rules = sum(rule.enabled for rule in rules)
    hint = "Compared with the period of the same length before"
    return [
        Figure(
            label="Requests",
            value=words.count(n),
            note=change(n, before.get("requests")) or "",
            hint=hint,
            trend=[value or 0 for value in spread(facts.series, "requests", steps)],
            wrong=wrong.get("requests"),
            href=view.to("/traces"),
        ),
        Figure(
            label="Error rate",
            value=words.percent(now.get("error_rate")),
            hint=hint,
            note=points(now.get("error_rate"), before.get("error_rate")) or "",
            trend=spread(facts.series, "error_rate", steps),
            wrong=wrong.get("error_rate"),
            href=view.to("/traces", has_error=True),
        ),
        Figure(
            label="Latency p95",
            value=words.seconds(latency),
            note=change(latency, before.get("latency_p95_s")) or "",
            hint=hint,
            trend=spread(facts.series, "latency_p95_s", steps),
            wrong=wrong.get("latency"),
        ),
        Figure(
            label="Time to first token p50",
            value=words.seconds(ttft),
            hint=hint,
            note=("no streamed calls" if ttft is None else change(ttft, before.get("ttft_p50_s")) or ""),
            trend=spread(facts.series, "ttft_p50_s", steps),
            wrong=wrong.get("ttft"),
        ),
        Figure(
            label="Cost",
            value=words.usd(cost),
            hint=hint,
            note=_cost_note(change(cost, before.get("cost_usd")), unpriced, n),
            trend=spread(facts.series, "cost_usd", steps),
            wrong=wrong.get("cost_usd"),
        ),
        Figure(
            label="Grounded answers",
            value=words.percent(now.get(GROUNDED)),
            hint=hint,
            note=(
                "no answers with contexts"
                if now.get(GROUNDED) is None
                else points(now.get(GROUNDED), before.get(GROUNDED)) or ""
            ),
            trend=overall_grounded(facts),
            wrong=wrong.get("groundedness"),
        ),
        Figure(
            label="Open alarms",
            value=words.Quantity(str(len(firing)), f"of {words.plural(n_rules, 'rule')}"),
            note=f"{n_critical} critical, {len(firing) - n_critical} other" if firing else "none firing",
            wrong=f"{n_critical} critical, {len(firing) - n_critical} other" if wrong.get("drift") else None,
            href="/alerts",
        ),
    ]


def _wrong(alerts: Sequence[Alert], rules: Sequence[Rule]) -> dict[str, str]:
    """Which header figure an alarm is about, and since when: only that one is coloured."""
    metrics = {rule.rule_id: rule.metric for rule in rules if rule.kind == "metric"}
    found: dict[str, str] = {}
    for alert in alerts:
        if alert.state == "firing":
            metric = metrics.get(alert.rule_id, "")
            about = next((name for name in _ABOUT if name in metric), "drift")
            where = ", ".join(alert.labels[name] for name in ("service", "request_model") if name in alert.labels)
            found.setdefault(about, f"▲ since {words.clock(alert.since_ns)[:5]}, {where or alert.rule_name}")
    return found


def _cost_note(change: str | None, unpriced: int, n: int) -> str:
    unknown = f"{words.percent(unpriced / n)} unpriced" if unpriced and n else None
    return " · ".join(note for note in (change, unknown) if note)


OVERVIEW = Page(
    name="overview",
    path="/",
    title="Overview",
    group=None,
    answer=answer,
    skeleton=[parts.bone(50), parts.bone(123), html.Div([parts.bone(282) for _ in range(6)], className="grid")],
    charts=True,
)
