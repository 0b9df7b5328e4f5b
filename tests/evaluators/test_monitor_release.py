"""Releases of one's own: what is one, and that none is ever an alarm."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from collector.call import Call
from evaluators.drift.monitors.comparable import is_comparable
from evaluators.drift.monitors.monitors import Monitors
from evaluators.drift.monitors.release import news, release_key, release_of
from tests.evaluators.monitoring import JUNE, MARCH


def instructions(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "content": text}]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"parameters": {"temperature": 0.9}}, "temperature 0.2 → 0.9"),
        ({"metadata": {"prompt": {"name": "answer", "version": "2"}}}, "prompt version none → 2"),
        ({"metadata": {"release": "2026.11"}}, "version none → 2026.11"),
        ({"system_instructions": instructions("Be brief.")}, "system prompt changed"),
        ({"tool_definitions": [{"name": "search"}]}, "tools none → "),
    ],
)
def test_what_an_application_changes_is_news(an_answer: Callable[..., Call], given: dict[str, Any], told: str) -> None:
    usual = {"parameters": {"temperature": 0.2}, "system_instructions": instructions("Be kind.")}
    known = [release_of(an_answer(**usual)) for _ in range(20)]
    found = news(known, release_of(an_answer(**usual | given)))
    assert any(text.startswith(told) for text in found), found
    assert news(known, known[0]) == []


@pytest.mark.parametrize(
    "given",
    [
        {"parameters": {"seed": 3}},
        {"parameters": {"user": "u7"}},
        {"system_instructions": instructions("Today is Saturday, November 22, 2026. Be kind.")},
    ],
)
def test_what_belongs_to_a_call_or_a_day_is_none(an_answer: Callable[..., Call], given: dict[str, Any]) -> None:
    usual = {
        "parameters": {"seed": 2},
        "system_instructions": instructions("Today is Friday, November 21, 2026. Be kind."),
    }
    known = [release_of(an_answer(**usual)) for _ in range(20)]
    assert news(known, release_of(an_answer(**usual | given))) == []


def test_what_differs_from_call_to_call_is_none(an_answer: Callable[..., Call]) -> None:
    known = [release_of(an_answer(parameters={"max_tokens": 100 + i, "temperature": 0.2})) for i in range(50)]
    assert news(known, release_of(an_answer(parameters={"max_tokens": 999, "temperature": 0.2}))) == []
    assert news(known, release_of(an_answer(parameters={"max_tokens": 999, "temperature": 0.7}))) == [
        "temperature 0.2 → 0.7"
    ]


def test_the_same_release_has_the_same_key_in_any_order(an_answer: Callable[..., Call]) -> None:
    one, other = ({"a": 1, "b": [2]}, {"b": [2], "a": 1})
    assert release_key(release_of(an_answer(parameters=one))) == release_key(release_of(an_answer(parameters=other)))


@pytest.mark.parametrize(
    "given",
    [
        {"error_type": "timeout"},
        {"finish_reasons": ["length"]},
        {"finish_reasons": ["stop", "MAX_TOKENS"]},
        {"metadata": {"cache_hit": True}},
        {"metadata": {"cache_hit": "true"}},
    ],
)
def test_failed_cut_and_cached_calls_are_not_compared(an_answer: Callable[..., Call], given: dict[str, Any]) -> None:
    assert not is_comparable(an_answer(**given))
    assert is_comparable(an_answer(finish_reasons=["stop"], metadata={"cache_hit": False}))


def test_an_own_release_is_told_and_never_an_alarm(
    monitors: Monitors, featured: Callable[[Sequence[Call]], None], answers: Callable[..., list[Call]]
) -> None:
    old, new = {"parameters": {"temperature": 0.0}}, {"parameters": {"temperature": 1.0}}
    featured([*answers(MARCH, 0, 60, **old), *answers(JUNE, 60, 150, **new)])
    verdicts = monitors.tick()
    assert [verdict.outcome for verdict in verdicts] == ["no_change", "released", "no_change"]
    release = verdicts[1]
    assert "temperature 0.0 → 1.0" in release.explanation
    assert (release.p_value, release.statistic, release.effects) == (None, None, ())
    assert verdicts[2].reference_start_ns > release.current_end_ns
    [state] = monitors.states()
    assert (state.phase, state.n_alarms) == ("watching", 0)
    assert state.reference == "after the release, the first 40 sessions"


def test_while_its_new_reference_is_gathered_a_monitor_says_released(
    monitors: Monitors, featured: Callable[[Sequence[Call]], None], answers: Callable[..., list[Call]]
) -> None:
    featured([*answers(MARCH, 0, 60), *answers(MARCH, 60, 85, metadata={"release": "2"})])
    assert [verdict.outcome for verdict in monitors.tick()] == ["no_change", "released"]
    [state] = monitors.states()
    assert (state.phase, state.n_missing) == ("released", 35)
    assert state.next_decision == "when 35 more sessions are in the reference"


def test_a_release_that_has_only_begun_stays_out_of_the_test(
    monitors: Monitors, featured: Callable[[Sequence[Call]], None], answers: Callable[..., list[Call]]
) -> None:
    """Six of twenty sessions answered by a changed model with other parameters would show, were they compared."""
    featured([*answers(MARCH, 0, 54), *answers(JUNE, 54, 60, parameters={"temperature": 1.0})])
    [verdict] = monitors.tick()
    assert (verdict.outcome, verdict.n_current) == ("no_change", 14)
    assert verdict.notes[-1].startswith("6 sessions of a new release stayed out: temperature none → 1.0")
