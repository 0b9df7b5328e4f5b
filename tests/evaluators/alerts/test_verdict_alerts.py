"""What a verdict rule makes of drift verdicts and of people's answers, on the real store and state database."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Engine, insert

from collector.state.tables import verdict_feedback
from collector.store.base import TelemetryStore
from collector.times import NS_PER_S
from collector.verdict import Verdict
from evaluators.alerts import AlertBook, VerdictRule
from evaluators.alerts.alert import Alert
from evaluators.alerts.evaluate import evaluate
from evaluators.alerts.step import Phase

RULE = VerdictRule(rule_id="model-changed", name="The model behind a name changed", severity="critical")
MINUTE_NS = 60 * NS_PER_S

AVerdict = Callable[..., Verdict]


class Desk:
    """Writes verdicts and answers at their time, and evaluates then."""

    def __init__(self, engine: Engine, store: TelemetryStore, book: AlertBook, now_ns: int) -> None:
        self.engine, self.store, self.book, self.noon_ns = engine, store, book, now_ns
        self.notices: list[Alert] = []

    def see(self, *verdicts: Verdict, at_minute: float | None = None) -> None:
        self.store.write_verdicts(verdicts)
        if at_minute is None:
            self.evaluate_at(max(verdict.decided_ns for verdict in verdicts) + NS_PER_S)
        else:
            self.evaluate(at_minute)

    def answer(self, verdict: Verdict, feedback: str, minute: float) -> None:
        created_ns = self.noon_ns + round(minute * MINUTE_NS)
        with self.engine.begin() as connection:
            connection.execute(
                insert(verdict_feedback).values(
                    verdict_id=verdict.verdict_id, feedback=feedback, author="ada", created_ns=created_ns
                )
            )

    def evaluate(self, minute: float, rules: Sequence[VerdictRule] = (RULE,)) -> None:
        self.evaluate_at(self.noon_ns + round(minute * MINUTE_NS), rules)

    def evaluate_at(self, now_ns: int, rules: Sequence[VerdictRule] = (RULE,)) -> None:
        changes = evaluate(rules, self.store, self.book, now_ns)
        self.notices += [change.alert for change in changes if change.notifies]

    def told(self) -> list[Phase]:
        return [alert.state for alert in self.notices]


@pytest.fixture
def desk(engine: Engine, store: TelemetryStore, book: AlertBook, now_ns: int) -> Desk:
    return Desk(engine, store, book, now_ns)


def test_a_changed_model_fires_at_once(desk: Desk, a_verdict: AVerdict) -> None:
    verdict = a_verdict(1)
    desk.see(a_verdict(0, outcome="no_change"), verdict)
    (alert,) = desk.notices
    assert (alert.state, alert.severity, alert.value) == (Phase.FIRING, "critical", verdict.p_value)
    assert alert.labels == {"service": "shop", "request_model": "gpt-4"}
    assert alert.summary == verdict.explanation
    assert alert.links == {"verdict": "/drift?verdict=verdict-1"}
    assert alert.since_ns == verdict.decided_ns


def test_a_verdict_that_is_held_back_raises_no_alert_and_a_later_one_may(desk: Desk, a_verdict: AVerdict) -> None:
    desk.see(a_verdict(1, held_back="may look like this by chance"))
    assert desk.notices == []
    desk.see(a_verdict(2))
    assert desk.told() == [Phase.FIRING]
    desk.see(a_verdict(3, held_back="told of already"))
    assert desk.told() == [Phase.FIRING]


def test_dropped_quality_is_an_alert_of_its_own_rule(desk: Desk, a_verdict: AVerdict) -> None:
    quality = VerdictRule(rule_id="quality-dropped", name="Quality dropped", outcome="quality_dropped")
    desk.store.write_verdicts([a_verdict(1), a_verdict(2, outcome="quality_dropped", p_value=None)])
    desk.evaluate(3, [RULE, quality])
    assert [(alert.rule_id, alert.value is None) for alert in desk.notices] == [
        ("model-changed", False), ("quality-dropped", True),
    ]  # fmt: skip


def test_a_monitor_that_people_made_has_alerts_of_its_own(desk: Desk, a_verdict: AVerdict) -> None:
    desk.see(a_verdict(1), a_verdict(2, monitor_name="Refunds"))
    assert [alert.labels.get("monitor") for alert in desk.notices] == [None, "Refunds"]


def test_later_verdicts_of_the_same_change_update_the_alert_and_page_nobody(desk: Desk, a_verdict: AVerdict) -> None:
    for minute in (1, 2, 3):
        desk.see(a_verdict(minute, p_value=0.01 / minute))
    assert desk.told() == [Phase.FIRING]
    (alert,) = desk.book.open_alerts()
    assert alert.value == 0.01 / 3
    assert alert.links == {"verdict": "/drift?verdict=verdict-3"}


@pytest.mark.parametrize("outcome", ["no_change", "not_enough_data"])
def test_a_quieter_window_resolves_nothing(desk: Desk, a_verdict: AVerdict, outcome: str) -> None:
    desk.see(a_verdict(1))
    desk.see(a_verdict(2, outcome=outcome))
    assert desk.told() == [Phase.FIRING]


@pytest.mark.parametrize("feedback", ["accepted", "false_alarm"])
@pytest.mark.parametrize("answered", [0, 1, 2])
def test_an_answer_to_any_verdict_of_the_alert_resolves_it(
    desk: Desk, a_verdict: AVerdict, feedback: str, answered: int
) -> None:
    verdicts = [a_verdict(minute) for minute in (1, 2, 3)]
    for verdict in verdicts:
        desk.see(verdict)
    desk.answer(verdicts[answered], feedback, minute=4)
    desk.evaluate(5)
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED]
    assert desk.notices[1].resolved_ns == desk.noon_ns + 4 * MINUTE_NS
    desk.evaluate(6)
    assert len(desk.notices) == 2, "the answered verdicts are still read, and are no news"


def test_an_answer_to_another_series_resolves_nothing(desk: Desk, a_verdict: AVerdict) -> None:
    other = a_verdict(1, verdict_id="other", service="search")
    desk.see(a_verdict(1), other)
    desk.answer(other, "accepted", minute=2)
    desk.evaluate(3)
    assert [(alert.state, alert.labels["service"]) for alert in desk.notices][2:] == [(Phase.RESOLVED, "search")]


def test_no_change_against_a_newer_reference_resolves(desk: Desk, a_verdict: AVerdict) -> None:
    desk.see(a_verdict(1))
    newer_ns = a_verdict(1).reference_start_ns + 1
    desk.see(a_verdict(30, outcome="no_change", reference_start_ns=newer_ns))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED]


def test_a_second_change_after_an_accepted_one_pages_again(desk: Desk, a_verdict: AVerdict) -> None:
    first = a_verdict(1)
    desk.see(first)
    desk.answer(first, "accepted", minute=2)
    desk.evaluate(3)
    desk.see(a_verdict(60, reference_start_ns=first.current_end_ns))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED, Phase.FIRING]
    assert desk.notices[0].alert_id != desk.notices[2].alert_id


def test_a_verdict_against_the_reference_that_was_replaced_is_no_news(desk: Desk, a_verdict: AVerdict) -> None:
    first = a_verdict(1)
    desk.see(first)
    desk.answer(first, "accepted", minute=2)
    desk.see(a_verdict(2.5, current_start_ns=first.current_end_ns))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED]


def test_a_false_alarm_is_not_raised_again_from_the_same_calls(desk: Desk, a_verdict: AVerdict) -> None:
    first = a_verdict(1)
    desk.see(first)
    desk.answer(first, "false_alarm", minute=2)
    desk.see(a_verdict(3, current_start_ns=first.current_start_ns, current_end_ns=first.current_end_ns + 1))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED]
    desk.see(a_verdict(4, current_start_ns=first.current_end_ns - NS_PER_S))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED, Phase.FIRING]


def test_what_was_answered_before_alerting_saw_it_pages_nobody(desk: Desk, a_verdict: AVerdict) -> None:
    verdicts = [a_verdict(1), a_verdict(2)]
    desk.store.write_verdicts(verdicts)
    desk.answer(verdicts[1], "accepted", minute=3)
    desk.evaluate(60)
    assert desk.notices == []


def test_an_answer_covers_what_was_decided_before_it(desk: Desk, a_verdict: AVerdict) -> None:
    first = a_verdict(1)
    desk.see(first)
    desk.answer(first, "false_alarm", minute=5)
    desk.see(a_verdict(4), at_minute=6)
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED]
    desk.see(a_verdict(7))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED, Phase.FIRING]


def test_what_happened_while_alerting_was_down_is_told_in_order(desk: Desk, a_verdict: AVerdict) -> None:
    first = a_verdict(1)
    desk.see(first)
    desk.answer(first, "accepted", minute=2)
    desk.see(a_verdict(50, reference_start_ns=first.current_end_ns), at_minute=60)
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED, Phase.FIRING]


def test_a_verdict_that_arrives_late_is_not_missed(desk: Desk, a_verdict: AVerdict) -> None:
    desk.see(a_verdict(5, verdict_id="other", service="search"))
    desk.see(a_verdict(1), at_minute=6)
    assert [alert.labels["service"] for alert in desk.notices] == ["search", "shop"]


def test_the_same_verdicts_evaluated_again_change_nothing(desk: Desk, a_verdict: AVerdict) -> None:
    desk.see(a_verdict(1), a_verdict(2), at_minute=3)
    assert evaluate([RULE], desk.store, desk.book, desk.noon_ns + 4 * MINUTE_NS) == []


def test_a_rule_for_one_service_is_silent_about_others(desk: Desk, a_verdict: AVerdict) -> None:
    desk.store.write_verdicts([a_verdict(1), a_verdict(1, verdict_id="other", service="search")])
    desk.evaluate(2, rules=[RULE.model_copy(update={"service": "search"})])
    assert [alert.labels["service"] for alert in desk.notices] == ["search"]


def test_the_alert_of_a_rule_that_is_switched_off_ends(desk: Desk, a_verdict: AVerdict) -> None:
    desk.see(a_verdict(1))
    desk.evaluate(2, rules=[RULE.model_copy(update={"enabled": False})])
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED]
    desk.evaluate(3)
    assert len(desk.notices) == 2
    desk.see(a_verdict(4))
    assert desk.told() == [Phase.FIRING, Phase.RESOLVED, Phase.FIRING]
