"""The charts of the overview; each point opens the calls behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dash.development.base_component import Component

from dashboard import parts, words
from dashboard.colours import N_SERIES, colour
from dashboard.figures import Chart, Series, Steps, per_second, spread, spread_by, wilson, with_rest
from dashboard.pages.base import View
from dashboard.pages.headline import by_urgency
from dashboard.pages.overview_facts import GROUNDED, N_GROUNDED, Facts

if TYPE_CHECKING:
    from evaluators.alerts import Alert


def charts(view: View, facts: Facts, alerts: Sequence[Alert]) -> list[Component]:
    firing = [alert for alert in by_urgency(alerts) if alert.state == "firing"]
    tint_ns = firing[0].since_ns if firing else None
    since_ns, until_ns = view.window
    if tint_ns is not None and not since_ns < tint_ns < until_ns:
        tint_ns = None  # an alarm from before the range would tint all of it and tell nothing
    calls, steps = view.to("/traces"), facts.steps

    def chart(
        label: str, series: Sequence[Series], unit: Any, *, steps: Steps = steps, calls: str | None = calls, **more: Any
    ) -> Chart:
        return Chart(label=label, steps=steps, series=series, unit=unit, calls=calls, tint_ns=tint_ns, **more)

    def line(name: str, variable: str, metric: str) -> Series:
        return Series(name=name, colour=variable, y=spread(facts.series, metric, steps))

    per_step = f"per {words.span_s(steps.step_s)}"
    requests = [Series(name="calls", colour="s1", y=per_second(spread(facts.series, "requests", steps), steps))]
    latency = [
        line("p50", "p50", "latency_p50_s"),
        line("p95", "p95", "latency_p95_s"),
        line("p99", "p99", "latency_p99_s"),
    ]
    tokens = [line("output", "s1", "output_tokens"), line("input", "s2", "input_tokens")]
    return [
        parts.chart_card(
            "Groundedness by service",
            "grounded",
            note="share of grounded answers, 95 % interval",
            chart=chart(
                "Groundedness by service", _grounded(view, facts), "percent", steps=facts.coarse, from_zero=False
            ),
            empty="No answer in this range came with contexts to check it against. Send retrieved texts with the call.",
        ),
        parts.chart_card(
            "Latency by percentile",
            "latency",
            note="seconds",
            chart=chart("Latency by percentile", latency, "s", can_log=True),
            empty="No call in this range says how long it took.",
        ),
        parts.chart_card(
            "Throughput",
            "throughput",
            note="calls per second",
            chart=chart("Throughput", requests, "per_s", kind="area"),
            empty="No calls in this range.",
        ),
        parts.chart_card(
            "Errors by kind",
            "errors",
            note=f"failed calls {per_step}",
            chart=chart(
                "Errors by kind",
                _errors(view, facts),
                "count",
                kind="stacked",
                calls=view.to("/traces", has_error=True),
            ),
            empty="No call failed in this range.",
        ),
        parts.chart_card(
            "Tokens",
            "tokens",
            note=per_step,
            chart=chart("Tokens", tokens, "count", kind="stacked"),
            empty="No call in this range says how many tokens it took.",
        ),
        parts.chart_card(
            "Cost by model",
            "cost",
            note=f"USD {per_step}",
            chart=chart("Cost by model", _costs(view, facts), "usd", kind="stacked"),
            empty="No price is known for the models in this range.",
        ),
    ]


def _grounded(view: View, facts: Facts) -> list[Series]:
    shares = spread_by(facts.grounded, "service", GROUNDED, facts.coarse)
    counts = spread_by(facts.grounded, "service", N_GROUNDED, facts.coarse)
    biggest = sorted(shares, key=lambda name: -sum(n or 0 for n in counts[name]))[:N_SERIES]
    places = view.services.colours.places("service", [name or "" for name in biggest])
    found = []
    for name in sorted(biggest, key=lambda name: places[name or ""]):
        intervals = [wilson(share, n) for share, n in zip(shares[name], counts[name], strict=True)]
        found.append(
            Series(
                name=name or "no service",
                colour=colour(places[name or ""]),
                y=shares[name],
                low=[None if i is None else i[0] for i in intervals],
                high=[None if i is None else i[1] for i in intervals],
                n=[None if n is None else int(n) for n in counts[name]],
                only={"service": name} if name else None,
            )
        )
    return found


def _errors(view: View, facts: Facts) -> list[Series]:
    by_kind = spread_by(facts.errors, "error_type", "requests", facts.steps)
    return _stack(view, "error_type", by_kind)


def _costs(view: View, facts: Facts) -> list[Series]:
    by_model = spread_by(facts.costs, "request_model", "cost_usd", facts.steps)
    return _stack(view, "request_model", {name: y for name, y in by_model.items() if any(y)})


def _stack(view: View, dimension: str, columns: dict[str | None, list[float | None]]) -> list[Series]:
    places = view.services.colours.places(dimension, [name for name in columns if name])
    series = [
        Series(name=name, colour=colour(places[name]), y=y, only={dimension: name})
        if name
        else Series(name="unnamed", colour="s6", y=y)
        for name, y in columns.items()
    ]
    return with_rest(series, N_SERIES)
