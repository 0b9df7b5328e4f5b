"""A monitor on calls that are over: what it would have said, before it is saved."""

from collections.abc import Callable, Sequence

import pytest

from collector.call import Call
from collector.errors import BadRequest
from collector.query import Filters
from collector.store.base import TelemetryStore
from evaluators.drift.monitors import replay as replaying
from evaluators.drift.monitors.definition import Monitor, monitor_from_json
from evaluators.drift.monitors.monitors import Monitors
from tests.evaluators.monitoring import JUNE, MARCH

Featured = Callable[[Sequence[Call]], None]
Answers = Callable[..., list[Call]]
EVER = Filters(since_ns=0, until_ns=2**62)


def shop(**given: object) -> Monitor:
    values = {
        "monitor_id": "replay", "name": "Shop", "project": "default", "service": "shop", "request_model": "gpt-4",
        "n_reference": 40, "n_window": 20,
    }  # fmt: skip
    return monitor_from_json(values | given)


def test_a_replay_says_what_would_have_alarmed_and_saves_nothing(
    monitors: Monitors, store: TelemetryStore, featured: Featured, answers: Answers
) -> None:
    featured([*answers(MARCH, 0, 60), *answers(JUNE, 60, 125)])
    found = monitors.replay(shop(), since_ns=0, until_ns=2**62)
    assert [window.outcome for window in found.windows] == ["no_change", *["model_changed"] * 3]
    assert [window.alarms for window in found.windows] == [False, True, False, False]
    assert (found.n_calls, found.n_sessions, found.n_missing, found.is_complete) == (125, 125, 0, True)
    assert found.note == "4 windows would have been decided, and 1 alarms raised."
    assert len(found.evidence) == 4
    assert found.evidence[1].strength(0.01) > 1 > found.evidence[0].strength(0.01)
    assert monitors.states() == []
    assert store.verdicts(EVER).items == []
    assert found.to_json()["n_alarms"] == 1


def test_a_replay_decides_what_the_monitor_decided(monitors: Monitors, featured: Featured, answers: Answers) -> None:
    """Its draws are its own, so that p-values differ in their last digits; the windows are the same calls."""
    featured([*answers(MARCH, 0, 80), *answers(JUNE, 80, 120)])
    lived = monitors.tick()
    [state] = monitors.states()
    replayed = monitors.replay(state.monitor, since_ns=0, until_ns=2**62)
    assert [w.outcome for w in replayed.windows] == [v.outcome for v in lived]
    assert [(w.start_ns, w.end_ns) for w in replayed.windows] == [(v.current_start_ns, v.current_end_ns) for v in lived]


def test_a_replay_of_too_little_says_how_much_is_missing(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    featured(answers(MARCH, 0, 25))
    found = monitors.replay(shop(), since_ns=0, until_ns=2**62)
    assert (found.windows, found.n_missing) == ([], 15)
    assert found.note == "Nothing would have been decided: 25 sessions, 15 more are needed for the reference."


def test_a_replay_looks_at_the_newest_sessions_only_and_says_so(
    monitors: Monitors, featured: Featured, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MAX_SESSIONS", 70)
    calls = answers(MARCH, 0, 100)
    featured(calls)
    found = monitors.replay(shop(), since_ns=0, until_ns=2**62)
    assert (found.n_sessions, found.is_complete, found.since_ns) == (70, False, calls[30].start_ns)
    assert found.note.endswith("Only the newest 70 sessions were looked at.")


def test_a_replay_compares_across_an_own_release_on_request(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    before, after = {"metadata": {"release": "1"}}, {"metadata": {"release": "2"}}
    old = answers(MARCH, 0, 60, **before)
    featured([*old, *answers(JUNE, 60, 100, **after)])
    rolling = monitors.replay(shop(), since_ns=0, until_ns=2**62)
    assert [window.outcome for window in rolling.windows] == ["no_change", "released"]
    pinned = shop(reference={"policy": "pinned", "version": "1"})
    across = monitors.replay(pinned, since_ns=old[-1].start_ns + 1, until_ns=2**62)
    assert [window.outcome for window in across.windows] == ["model_changed", "model_changed"]
    assert across.reference == "pinned: version 1"


def test_an_empty_range_is_refused(monitors: Monitors) -> None:
    with pytest.raises(BadRequest, match="empty"):
        monitors.replay(shop(), since_ns=7, until_ns=7)
