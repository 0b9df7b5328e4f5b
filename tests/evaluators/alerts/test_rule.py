"""Rules as values and as JSON."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import BadRequest
from collector.query import CALL_METRICS
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.metric_alerts import Reading, metric_changes
from evaluators.alerts.rule import MetricRule, Rule, VerdictRule, rule_from_json

METRIC: dict[str, Any] = {
    "rule_id": "errors",
    "kind": "metric",
    "name": "Calls fail",
    "metric": "error_rate",
    "comparison": "above",
    "threshold": 0.05,
}


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.rule_id)
def test_a_rule_survives_json(rule: Rule) -> None:
    assert rule_from_json(rule.to_json()) == rule


@given(
    st.builds(
        MetricRule,
        rule_id=st.from_regex(r"[a-z0-9][a-z0-9-]{0,63}", fullmatch=True),
        name=st.text(min_size=1, max_size=120),
        metric=st.sampled_from([m for m in CALL_METRICS if m != "error_rate"]),
        comparison=st.just("above"),
        threshold=st.floats(allow_nan=False, allow_infinity=False),
        window_s=st.floats(1, 7 * 86_400),
        for_s=st.floats(0, 86_400),
        min_samples=st.integers(1, 10**9),
        by=st.lists(st.sampled_from(["service", "request_model", "environment"]), unique=True).map(tuple),
        service=st.none() | st.text(),
        enabled=st.booleans(),
    )
)
def test_any_rule_survives_json_and_says_something_for_any_value(rule: MetricRule) -> None:
    assert rule_from_json(rule.to_json()) == rule
    reading = Reading(labels={}, value=1e300, n=10**9)
    assert all(change.alert.summary for change in metric_changes(rule, [reading], {}, now_ns=10**18))


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"kind": "metrics"}, "kind must be one of metric, verdict, got 'metrics'"),
        ({"metric": "latency_p95"}, "metric: unknown metric, did you mean latency_p95_s?, got 'latency_p95'"),
        ({"threshold": 5}, "threshold must too; write 0.05 for 5 %"),
        ({"threshold": float("nan")}, "threshold: "),
        ({"comparison": "over"}, "comparison: input should be 'above' or 'below', got 'over'"),
        ({"by": ["service", "service"]}, "by: must name each dimension once"),
        ({"by": ["user_id"]}, "'environment', 'service' or 'request_model'"),
        ({"min_samples": 0}, "min_samples: "),
        ({"for": 60}, "for: unknown, did you mean for_s?"),
        ({"rule_id": "Calls fail"}, "rule_id: "),
        ({"summary": "{value.__class__}"}, "summary: can only hold {metric}, {value}"),
        ({"summary": "{value:>999999999}"}, "summary: can only hold"),
        ({"summary": "{"}, "write {{ for a brace"),
        ({"metric": "requests", "threshold": 10, "comparison": "below"}, "where nothing comes, there is no data"),
        ({"metric": "score:judge:helpful:n", "comparison": "below"}, "where nothing comes, there is no data"),
    ],
)
def test_a_bad_rule_is_refused_with_what_to_write(wrong: dict[str, Any], advice: str) -> None:
    with pytest.raises(BadRequest) as refused:
        rule_from_json(METRIC | wrong)
    assert advice in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "rule", 3, {}, {"kind": {}}, {"kind": "verdict"}])
def test_what_is_no_rule_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        rule_from_json(document)


@pytest.mark.parametrize(
    ("metric", "samples"),
    [
        ("latency_p95_s", "requests"),
        ("score:groundedness:mean", "score:groundedness:n"),
        ("score:judge:helpful:mean", "score:judge:helpful:n"),
        ("score:refusal:label:mean", "score:refusal:n"),
    ],
)
def test_the_samples_of_a_metric_are_its_calls_or_its_scores(metric: str, samples: str) -> None:
    rule = MetricRule(rule_id="r", name="r", metric=metric, comparison="above", threshold=0.5)
    assert rule.samples_metric == samples


def test_a_new_installation_watches_for_a_changed_model() -> None:
    assert any(isinstance(rule, VerdictRule) and rule.severity == "critical" for rule in DEFAULT_RULES)
