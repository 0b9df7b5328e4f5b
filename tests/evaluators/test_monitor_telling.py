"""Of many alarms, which people are told of."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from collector.call import Call
from collector.verdict import Verdict
from evaluators.drift.monitors.definition import Monitor
from evaluators.drift.monitors.judgement import FINE_ALPHA
from evaluators.drift.monitors.monitors import Monitors
from evaluators.drift.monitors.record import Alarm, Memory, Record
from evaluators.drift.monitors.state import Evidence
from evaluators.drift.monitors.table import Watched
from evaluators.drift.monitors.telling import SUM_OF_SHARES, e_value_of, tell, told_level
from tests.evaluators.monitoring import JUNE, MARCH

HOUR_NS = 3_600 * 10**9
NOON_NS = 20_000 * 24 * HOUR_NS + 12 * HOUR_NS


def a_verdict(verdict_id: str) -> Verdict:
    return Verdict(
        verdict_id=verdict_id, monitor="m", project="default", service="shop", request_model="gpt-4",
        outcome="model_changed", decided_ns=NOON_NS, reference_start_ns=1, reference_end_ns=2, current_start_ns=3,
        current_end_ns=4, n_reference=200, n_current=50, statistic=9.5, p_value=0.001, alpha=0.01, guarantee="g",
        explanation="e",
    )  # fmt: skip


def watched(
    name: str, *, service: str | None = None, model: str = "gpt-4", e_value: float = 1.0, p_value: float = 0.5,
    is_told: bool = False, alarms: bool = False, onset_ns: int = NOON_NS, told_ns: tuple[int, ...] = (),
    at_ns: int = NOON_NS,
) -> Watched:  # fmt: skip
    monitor = Monitor(
        monitor_id=f"m:{name}", name=name, project="default", service=service or name, request_model=model
    )
    alarm = Alarm(f"v:{name}", onset_ns, is_told) if alarms else None
    evidence = Evidence(at_ns, f"v:{name}", p_value, stream=1.0 if e_value > 1 else None, e_value=e_value)
    memory = Memory(evidence=(evidence,), alarm=alarm, told_ns=told_ns)
    record = Record(monitor_id=monitor.monitor_id, features_version="1", memory=memory)
    record.undelivered = [a_verdict(f"v:{name}")]
    return Watched(monitor, record)


def held_back(own: Watched, others: Sequence[Watched] = (), **given: Any) -> str | None:
    tell(own.monitor, own.record, others, **{"most_per_day": 5} | given)
    return own.record.undelivered[-1].held_back


def test_strong_evidence_of_one_monitor_is_told() -> None:
    own = watched("shop", p_value=0.01, alarms=True)
    assert held_back(own) is None
    assert own.record.memory.alarm is not None
    assert own.record.memory.alarm.is_told
    assert (own.record.memory.n_alarms, own.record.memory.told_ns) == (1, (NOON_NS,))


def test_weak_evidence_waits_for_the_next_window() -> None:
    own = watched("shop", p_value=0.011, alarms=True)
    assert str(held_back(own)) == (
        "p is above 0.01, at which people are told, for at most 0.1 false alarms a month; the next window may tell"
    )
    assert own.record.memory.n_alarms == 0


def test_the_windows_of_a_month_share_what_it_allows() -> None:
    own = watched("shop", alarms=True)
    point = own.record.memory.evidence[0]

    def level(n_windows: int, apart_ns: int) -> float:
        evidence = tuple(point._replace(time_ns=NOON_NS + i * apart_ns) for i in range(n_windows))
        return told_level(own.monitor, replace(own.record.memory, evidence=evidence, n_windows=n_windows))

    assert level(1, HOUR_NS) == 0.01, "no more than the level of the window test itself"
    assert level(300, 2 * HOUR_NS) == pytest.approx(0.1 / 300 / SUM_OF_SHARES)
    assert sum(level(n, HOUR_NS) for n in range(1, 480)) < 0.1
    assert level(100, 30 * 24 * HOUR_NS) == 0.01, "one window a month"


def test_a_stream_that_alarms_has_kept_the_promise_by_itself() -> None:
    assert held_back(watched("shop", p_value=0.5, e_value=2, alarms=True)) is None


def test_the_more_monitors_are_tested_the_more_evidence_one_needs() -> None:
    quiet = [watched(f"q{i}", model=f"model-{i}") for i in range(9)]
    said = str(held_back(watched("shop", p_value=0.0014, e_value=999, alarms=True), quiet))
    assert "10 monitors that were tested within a day" in said
    assert held_back(watched("shop", p_value=0.0013, alarms=True), quiet) is None
    assert held_back(watched("shop", e_value=1000, alarms=True), quiet) is None
    yesterday = [watched(f"q{i}", model=f"model-{i}", at_ns=NOON_NS - 25 * HOUR_NS) for i in range(9)]
    assert held_back(watched("shop", p_value=0.01, alarms=True), yesterday) is None


def test_one_changed_model_among_hundreds_is_told_after_one_window() -> None:
    """No p-value of a window is below one over its permutations, and that must do."""
    quiet = [watched(f"q{i}", model=f"model-{i}") for i in range(300)]
    least = 1 / (1 + math.ceil(30 / FINE_ALPHA))
    assert held_back(watched("shop", p_value=least, alarms=True), quiet) is None


def test_a_change_that_several_monitors_see_is_told_once() -> None:
    bank = watched("bank", e_value=5000.0, alarms=True, is_told=True, onset_ns=NOON_NS - 5 * HOUR_NS)
    shop = watched("shop", e_value=5000.0, alarms=True)
    assert str(held_back(shop, [bank])).startswith("told of with the alarm of bank")
    other_model = watched("shop", model="gpt-5", e_value=5000.0, alarms=True)
    assert held_back(other_model, [bank]) is None
    later = watched("shop", e_value=5000.0, alarms=True, onset_ns=NOON_NS + 2 * HOUR_NS)
    assert held_back(later, [bank]) is None


def test_what_was_told_with_another_stays_so() -> None:
    bank = watched("bank", e_value=5000.0, alarms=True, is_told=True)
    shop = watched("shop", e_value=5000.0, alarms=True)
    first = held_back(shop, [bank])
    assert first is not None
    assert held_back(shop, []) == first


def test_no_more_are_told_in_a_day_than_anybody_reads() -> None:
    told = [watched(f"t{i}", model=f"model-{i}", e_value=1e6, told_ns=(NOON_NS - i,)) for i in range(3)]
    own = watched("shop", e_value=1e6, alarms=True)
    assert "3 alarms of this project were told of today" in str(held_back(own, told, most_per_day=3))
    assert held_back(own, told, most_per_day=4) is None
    tomorrow = watched("shop", e_value=1e6, alarms=True, at_ns=NOON_NS + 12 * HOUR_NS)
    assert held_back(tomorrow, told, most_per_day=3) is None


def test_streams_speak_when_they_have_something_to_say() -> None:
    assert e_value_of(None, None) == 1.0
    assert e_value_of(1e6, None) >= 1e5


def test_two_monitors_of_the_same_calls_alarm_once(
    monitors: Monitors, featured: Callable[[Sequence[Call]], None], answers: Callable[..., list[Call]]
) -> None:
    again = Monitor(
        monitor_id="monitor:1", name="Again", project="default", service="shop", request_model="gpt-4", n_reference=40,
        n_window=20,
    )  # fmt: skip
    monitors.create(again, "ada")
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    first, second = monitors.tick()
    assert [first.outcome, second.outcome] == ["model_changed", "model_changed"]
    assert first.held_back is None
    assert str(second.held_back).startswith("told of with the alarm of")
    assert [state.phase for state in monitors.states()] == ["alarm", "alarm"]
