"""What the store says about a range, asked once for the whole overview."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from collector.query import Aggregation, Columns, Dimension
from collector.query import Filters as CallFilters
from dashboard.figures import Steps, spread_by
from dashboard.pages.base import View

GROUNDED, N_GROUNDED = "score:groundedness:label:grounded", "score:groundedness:n"
_TOTALS = (
    "requests",
    "errors",
    "error_rate",
    "latency_p95_s",
    "ttft_p50_s",
    "cost_usd",
    "unpriced",
    "input_tokens",
    "output_tokens",
)
_SERIES = (
    "requests",
    "error_rate",
    "latency_p50_s",
    "latency_p95_s",
    "latency_p99_s",
    "ttft_p50_s",
    "input_tokens",
    "output_tokens",
    "cost_usd",
)
_BY_MODEL = (
    "requests",
    "error_rate",
    "latency_p50_s",
    "latency_p95_s",
    "ttft_p50_s",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the store says, asked once for the whole page."""

    steps: Steps
    coarse: Steps
    """For shares, which need calls to be exact."""
    now: dict[str, Any]
    before: dict[str, Any]
    series: Columns
    errors: Columns
    costs: Columns
    grounded: Columns
    models: Columns
    grounded_models: Columns


def ask_store(view: View) -> Facts:
    aggregate = view.services.store.aggregate
    calls = view.calls
    since_ns, until_ns = calls.since_ns, calls.until_ns
    steps, coarse = Steps.over(since_ns, until_ns), Steps.over(since_ns, until_ns, at_most=30)
    earlier = replace(calls, since_ns=max(0, 2 * since_ns - until_ns), until_ns=since_ns)

    def ask(
        filters: CallFilters, metrics: Sequence[str], steps: Steps | None = None, by: Sequence[Dimension] = ()
    ) -> Columns:
        step_s = None if steps is None else float(steps.step_s)
        return aggregate(Aggregation(filters=filters, metrics=metrics, step_s=step_s, by=by))

    totals = (*_TOTALS, GROUNDED, N_GROUNDED)
    return Facts(
        steps=steps,
        coarse=coarse,
        now=_only_row(ask(calls, totals)),
        before=_only_row(ask(earlier, totals)),
        series=ask(calls, _SERIES, steps),
        errors=ask(replace(calls, has_error=True), ("requests",), steps, ("error_type",)),
        costs=ask(calls, ("cost_usd",), steps, ("request_model",)),
        grounded=ask(calls, (GROUNDED, N_GROUNDED), coarse, ("service",)),
        models=ask(calls, _BY_MODEL, None, ("request_model",)),
        grounded_models=ask(calls, (GROUNDED, N_GROUNDED), None, ("request_model",)),
    )


def _only_row(columns: Columns) -> dict[str, Any]:
    """{} where there was nothing. Scores and calls of no dimension share one row."""
    return {name: values[0] for name, values in columns.items() if values}


def overall_grounded(facts: Facts) -> list[float | None]:
    """The share of grounded answers over all services, at each coarse step."""
    labels = spread_by(facts.grounded, "service", GROUNDED, facts.coarse).values()
    counts = spread_by(facts.grounded, "service", N_GROUNDED, facts.coarse).values()
    shares: list[float | None] = []
    for i in range(len(facts.coarse.starts_ns)):
        pairs = [(share[i], n[i]) for share, n in zip(labels, counts, strict=True)]
        known = [(share, n) for share, n in pairs if share is not None and n]
        total = sum(n for _, n in known)
        shares.append(sum(share * n for share, n in known) / total if total else None)
    return shares
