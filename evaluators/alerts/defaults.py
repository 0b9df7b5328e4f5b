"""The rules that a new installation starts with. They are ordinary rules: change them or switch them off."""

from evaluators.alerts.rule import MetricRule, Rule, VerdictRule

DEFAULT_RULES: tuple[Rule, ...] = (
    VerdictRule(rule_id="model-changed", name="The model behind a name changed", severity="critical"),
    VerdictRule(
        rule_id="quality-dropped", name="The quality of answers dropped", outcome="quality_dropped", severity="critical"
    ),
    MetricRule(
        rule_id="failing-calls",
        name="Calls fail",
        metric="error_rate",
        comparison="above",
        threshold=0.05,
        window_s=300,
        for_s=120,
        min_samples=20,
        severity="critical",
        summary="{value} of the calls of {service} to {request_model} failed in the last {window} ({n} calls).",
    ),
    MetricRule(
        rule_id="slow-answers",
        name="Answers are slow",
        metric="latency_p95_s",
        comparison="above",
        threshold=30,
        window_s=600,
        for_s=300,
        min_samples=20,
        severity="warning",
        summary="One in twenty calls of {service} to {request_model} takes {value} or longer ({window}, {n} calls).",
    ),
    MetricRule(
        rule_id="ungrounded-answers",
        name="Answers leave their sources",
        metric="score:groundedness:mean",
        comparison="below",
        threshold=0.6,
        window_s=1800,
        for_s=300,
        min_samples=20,
        severity="warning",
        summary="Groundedness of {request_model} in {service} is {value} on average over the last {window}"
        " ({n} answers); it should be {threshold} or more.",
    ),
)
