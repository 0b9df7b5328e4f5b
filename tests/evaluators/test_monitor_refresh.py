"""A rolling reference takes the last days, once there are enough and old against new is quiet."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from collector.call import Call
from evaluators.drift.monitors.monitors import Monitors
from tests.evaluators.monitoring import JUNE, MARCH

Featured = Callable[[Sequence[Call]], None]
Answers = Callable[..., list[Call]]
TWO_HOURS_NS = 2 * 3_600 * 10**9


def every_two_hours(calls: Sequence[Call]) -> list[Call]:
    return [replace(call, start_ns=calls[0].start_ns + i * TWO_HOURS_NS) for i, call in enumerate(calls)]


def test_after_14_quiet_days_the_last_days_are_the_reference(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    calls = every_two_hours(answers(MARCH, 0, 200))
    featured(calls)
    verdicts = monitors.tick()
    assert [verdict.outcome for verdict in verdicts] == ["no_change"] * 8
    [state] = monitors.states()
    assert state.reference.endswith("sessions of the last 14 days less 2, frozen")
    assert (state.phase, state.n_missing) == ("watching", 0)
    assert 100 <= state.n_reference <= 150
    # The newest two days before the window that took it are not in it.
    newest = verdicts[-1].current_end_ns
    assert state.reference_end_ns is not None
    assert state.reference_end_ns < newest - 2 * 24 * 3_600 * 10**9


def test_a_change_that_nobody_answered_does_not_become_the_reference(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    featured(every_two_hours([*answers(MARCH, 0, 60), *answers(JUNE, 60, 200)]))
    monitors.tick()
    [state] = monitors.states()
    assert (state.phase, state.n_reference, state.reference) == ("alarm", 40, "the first 40 sessions")
