"""What a metric rule makes of readings: values in, values out."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evaluators.alerts.alert import Alert, Change
from evaluators.alerts.metric_alerts import Reading, metric_changes
from evaluators.alerts.rule import MetricRule
from evaluators.alerts.step import Phase

S = 10**9
RULE = MetricRule(
    rule_id="errors",
    name="Calls fail",
    metric="error_rate",
    comparison="above",
    threshold=0.05,
    window_s=300,
    for_s=120,
    min_samples=20,
    severity="critical",
    summary="{value} of {service}'s calls to {request_model} failed in {window} ({n} calls, {threshold} allowed).",
)
SHOP = {"service": "shop", "request_model": "gpt-4"}


class Desk:
    """Keeps the open alerts between evaluations, as the book does."""

    def __init__(self, rule: MetricRule = RULE) -> None:
        self.rule = rule
        self.open: dict[str, Alert] = {}
        self.notices: list[Alert] = []

    def evaluate(self, at_s: int, *readings: Reading) -> list[Change]:
        changes = metric_changes(self.rule, readings, self.open, at_s * S)
        for change in changes:
            self.open.pop(change.alert.fingerprint, None)
            if change.alert.state in (Phase.PENDING, Phase.FIRING):
                self.open[change.alert.fingerprint] = change.alert
            if change.notifies:
                self.notices.append(change.alert)
        return changes

    def states(self) -> list[Phase]:
        return [alert.state for alert in self.open.values()]


def failing(share: float | None, n: int = 100, labels: Mapping[str, str] = SHOP) -> Reading:
    return Reading(labels=labels, value=share, n=n)


def test_it_waits_fires_and_resolves_and_tells_of_the_last_two() -> None:
    desk = Desk()
    desk.evaluate(1000, failing(0.2))
    assert desk.states() == [Phase.PENDING]
    assert desk.notices == []
    desk.evaluate(1060, failing(0.2))
    desk.evaluate(1120, failing(0.3))
    assert desk.states() == [Phase.FIRING]
    desk.evaluate(1180, failing(0.01))
    assert desk.states() == []
    fired, resolved = desk.notices
    assert (fired.state, fired.since_ns, fired.fired_ns, fired.value) == (Phase.FIRING, 1000 * S, 1120 * S, 0.3)
    assert (resolved.state, resolved.resolved_ns, resolved.value) == (Phase.RESOLVED, 1180 * S, 0.01)
    assert fired.alert_id == resolved.alert_id
    assert fired.summary == "30 % of shop's calls to gpt-4 failed in 5 min (100 calls, 5 % allowed)."
    assert resolved.summary == fired.summary, "a resolved alert keeps saying what was wrong"


def test_a_pending_alert_that_clears_is_forgotten() -> None:
    desk = Desk()
    desk.evaluate(1000, failing(0.2))
    (change,) = desk.evaluate(1010, failing(0.0))
    assert (change.before, change.alert.state, change.notifies) == (Phase.PENDING, Phase.OK, False)


def test_exactly_the_threshold_is_not_beyond_it() -> None:
    assert Desk().evaluate(1000, failing(0.05)) == []


def test_too_few_samples_say_nothing_either_way() -> None:
    desk = Desk()
    assert desk.evaluate(1000, failing(1.0, n=19)) == []
    desk.evaluate(1010, failing(1.0, n=20))
    desk.evaluate(1130, failing(1.0))
    desk.evaluate(1140, failing(0.0, n=19))
    assert desk.states() == [Phase.FIRING]


def test_an_alert_without_data_stays_and_says_that_it_does_not_know() -> None:
    desk = Desk()
    desk.evaluate(1000, failing(0.2))
    desk.evaluate(1120, failing(0.2))
    (change,) = desk.evaluate(1130)
    assert (change.alert.state, change.alert.value, change.notifies) == (Phase.FIRING, None, False)
    assert desk.evaluate(1140) == [], "no news: nothing to store"
    desk.evaluate(1150, failing(0.0))
    assert [alert.state for alert in desk.notices] == [Phase.FIRING, Phase.RESOLVED]


def test_each_service_and_model_has_its_own_alert() -> None:
    desk = Desk(RULE.model_copy(update={"for_s": 0.0}))
    other = {"service": "search", "request_model": "gpt-4"}
    desk.evaluate(1000, failing(0.2), failing(0.0, labels=other))
    desk.evaluate(1010, failing(0.2), failing(0.3, labels=other))
    assert [dict(alert.labels) for alert in desk.notices] == [SHOP, other]


def test_a_new_breach_is_a_new_alert() -> None:
    desk = Desk(RULE.model_copy(update={"for_s": 0.0}))
    for at_s, share in ((1000, 0.2), (1010, 0.0), (1020, 0.2)):
        desk.evaluate(at_s, failing(share))
    first, _, second = desk.notices
    assert first.fingerprint == second.fingerprint
    assert first.alert_id != second.alert_id


def test_a_mean_that_should_be_high_alarms_below_its_threshold() -> None:
    rule = RULE.model_copy(
        update={"metric": "score:groundedness:mean", "comparison": "below", "threshold": 0.6, "for_s": 0.0}
    )
    desk = Desk(rule)
    desk.evaluate(1000, Reading(labels=SHOP, value=0.61, n=20))
    desk.evaluate(1010, Reading(labels=SHOP, value=0.59, n=20))
    assert [alert.value for alert in desk.notices] == [0.59]


def test_what_has_no_name_is_said_so() -> None:
    desk = Desk(RULE.model_copy(update={"for_s": 0.0, "by": ("service",), "summary": "{service}, {request_model}"}))
    desk.evaluate(1000, Reading(labels={}, value=0.2, n=100))
    assert desk.notices[0].summary == "an unnamed service, all models"


@given(st.lists(st.sampled_from([0.0, 0.2, None]), max_size=60), st.integers(0, 5))
def test_firing_and_resolved_take_turns_whatever_comes(shares: list[float | None], hold_steps: int) -> None:
    desk = Desk(RULE.model_copy(update={"for_s": 10.0 * hold_steps}))
    for place, share in enumerate(shares):
        changes = desk.evaluate(1000 + 10 * place, failing(share))
        assert len(changes) <= 1
        assert len(desk.open) <= 1
    states = [alert.state for alert in desk.notices]
    assert states[::2] == [Phase.FIRING] * len(states[::2])
    assert states[1::2] == [Phase.RESOLVED] * len(states[1::2])
    for fired, resolved in zip(desk.notices[::2], desk.notices[1::2], strict=False):
        assert replace(resolved, state=Phase.FIRING).alert_id == fired.alert_id
