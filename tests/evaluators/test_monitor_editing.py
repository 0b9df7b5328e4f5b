"""Monitors that people make, change and delete."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.call import Call
from collector.errors import BadRequest
from collector.projects.audit import read_entries
from collector.state.leases import LeaseLost
from collector.store.base import TelemetryStore
from collector.times import parse_rfc3339
from collector.verdict import Verdict
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.definition import Monitor, Pinned, monitor_from_json, new_monitor_id
from evaluators.drift.monitors.monitors import Monitors
from tests.evaluators.monitoring import JUNE, MARCH, SMALL, Clock

Featured = Callable[[Sequence[Call]], None]
Answers = Callable[..., list[Call]]
DAY_S = 86_400


def by_hand(**given: Any) -> Monitor:
    values: dict[str, Any] = {
        "monitor_id": "monitor:1", "name": "Shop", "project": "default", "service": "shop", "n_reference": 40,
        "n_window": 20,
    }  # fmt: skip
    return monitor_from_json(values | given)


def ticked(monitors: Monitors) -> list[Verdict]:
    """What the next tick gives; a deed of people outdates what was read before."""
    try:
        return list(monitors.tick())
    except LeaseLost:
        return list(monitors.tick())


def test_a_monitor_survives_its_json() -> None:
    monitor = by_hand(reference={"policy": "pinned", "since": "2026-11-01T00:00:00Z", "metadata": {"set": "golden"}})
    assert isinstance(monitor.reference, Pinned)
    assert monitor.reference.since == parse_rfc3339("2026-11-01T00:00:00Z")
    assert monitor_from_json(monitor.to_json()) == monitor


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_window": 15}, "try 45"),
        ({"kinds": []}, "name each of"),
        ({"kinds": ["model", "model"]}, "at most once"),
        ({"alpha": 0.9}, "alpha"),
        ({"reference": {"policy": "pinned"}}, "since, version, tag or metadata"),
        ({"reference": {"policy": "pinned", "since": "yesterday"}}, "RFC 3339"),
        ({"reference": {"policy": "other"}}, "rolling"),
        ({"windows": 3}, "unknown"),
        ({"monitor_id": "no id"}, "monitor_id"),
    ],
)
def test_what_is_no_monitor_is_refused_with_the_way_out(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        by_hand(**given)


def test_a_monitor_made_by_hand_watches_its_segment_and_no_more(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    """Over all models of a service, in one environment."""
    monitors.create(by_hand(environment="prod"), "ada")
    prod, dev = {"environment": "prod"}, {"environment": "dev"}
    featured(
        [
            *answers(MARCH, 0, 25, **prod),
            *answers(MARCH, 25, 50, request_model="gpt-5", **prod),
            *answers(JUNE, 0, 40, **dev),
        ]
    )
    ticked(monitors)
    state = monitors.state("monitor:1")
    assert state is not None
    assert (state.n_reference, state.n_missing, state.n_window_pending) == (40, 0, 10)
    assert len(monitors.states()) == 3


def test_its_verdicts_say_by_whom_they_are(monitors: Monitors, featured: Featured, answers: Answers) -> None:
    monitors.create(by_hand(), "ada")
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    verdicts = {verdict.monitor: verdict for verdict in ticked(monitors)}
    assert verdicts["monitor:1"].monitor_name == "Shop"
    assert {verdict.outcome for verdict in verdicts.values()} == {"model_changed"}
    assert [name for name in (v.monitor_name for v in verdicts.values()) if name is None] == [None]


def test_a_new_monitor_takes_the_last_days_for_its_reference_where_they_are_stored(
    engine: Engine, store: TelemetryStore, featured: Featured, answers: Answers
) -> None:
    clock = Clock()
    calls = answers(MARCH, 0, 60)
    before = [replace(call, start_ns=call.start_ns - 5 * DAY_S * 10**9) for call in calls]
    featured(before)
    monitors = Monitors(engine, store, clock, SMALL)
    state = monitors.create(by_hand(), "ada")
    assert (state.phase, state.n_reference, state.reference) == (
        "watching", 60, "60 sessions of the last 14 days less 2, frozen",
    )  # fmt: skip


def test_everything_people_do_is_in_the_audit_log(monitors: Monitors, engine: Engine) -> None:
    monitors.create(by_hand(), "ada")
    monitors.edit(by_hand(alpha=0.05), "ben")
    monitors.delete("monitor:1", "eve")
    entries = [(entry.actor, entry.action) for entry in read_entries(engine, target="monitor:monitor:1")]
    assert entries == [("eve", "monitor.delete"), ("ben", "monitor.edit"), ("ada", "monitor.create")]


def test_ids_and_names_are_given_once(monitors: Monitors) -> None:
    monitors.create(by_hand(), "ada")
    with pytest.raises(BadRequest, match="take another name"):
        monitors.create(by_hand(monitor_id=new_monitor_id()), "ada")
    with pytest.raises(BadRequest, match="PUT changes it"):
        monitors.create(by_hand(name="Other"), "ada")
    monitors.create(by_hand(monitor_id=new_monitor_id(), project="bank"), "ada")
    with pytest.raises(BadRequest, match="there is no monitor 'monitor:7'"):
        monitors.edit(by_hand(monitor_id="monitor:7", name="Seven"), "ada")
    with pytest.raises(BadRequest, match="there is no monitor 'monitor:7'"):
        monitors.delete("monitor:7", "ada")


def test_an_edit_keeps_the_reference_unless_other_calls_are_compared(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    monitors.create(by_hand(), "ada")
    featured(answers(MARCH, 0, 45))
    ticked(monitors)
    assert monitors.edit(by_hand(name="Our shop", alpha=0.05), "ada").n_reference == 40
    moved = monitors.edit(by_hand(environment="prod"), "ada")
    assert (moved.phase, moved.n_reference) == ("collecting", 0)


def test_a_paused_monitor_looks_at_nothing(monitors: Monitors, featured: Featured, answers: Answers) -> None:
    featured(answers(MARCH, 0, 45))
    [state] = (monitors.tick(), monitors.states())[1]
    paused = monitors.edit(state.monitor.model_copy(update={"paused": True}), "ada")
    assert (paused.phase, paused.next_decision) == ("paused", "none: paused")
    featured(answers(JUNE, 45, 70))
    assert ticked(monitors) == []
    [state] = monitors.states()
    assert (state.phase, state.n_window_pending) == ("paused", 5)
    monitors.edit(state.monitor.model_copy(update={"paused": False}), "ada")
    featured(answers(MARCH, 70, 85))
    assert [verdict.outcome for verdict in ticked(monitors)] == ["no_change"]


def test_one_that_made_itself_follows_the_configuration_until_it_is_edited(
    engine: Engine, store: TelemetryStore, featured: Featured, answers: Answers
) -> None:
    monitors = Monitors(engine, store, Clock(), SMALL)
    featured([*answers(MARCH, 0, 5), *answers(MARCH, 0, 5, service="bank")])
    monitors.tick()
    bank, _ = monitors.states()
    monitors.edit(bank.monitor.model_copy(update={"tolerance": 0.3}), "ada")
    other = DriftConfig(n_reference=40, n_window=20, alpha=0.05, tolerance=0.1)
    restarted = Monitors(engine, store, Clock(), other)
    assert [(s.monitor.alpha, s.monitor.tolerance) for s in restarted.states()] == [(0.01, 0.3), (0.05, 0.1)]
    with pytest.raises(BadRequest, match="made itself"):
        monitors.edit(bank.monitor.model_copy(update={"service": "shop"}), "ada")


def test_one_that_made_itself_and_was_deleted_does_not_come_back(
    engine: Engine, store: TelemetryStore, featured: Featured, answers: Answers
) -> None:
    monitors = Monitors(engine, store, Clock(), SMALL)
    featured(answers(MARCH, 0, 30))
    monitors.tick()
    monitors.delete(monitors.states()[0].monitor_id, "ada")
    featured(answers(MARCH, 30, 70))
    assert ticked(monitors) == []
    assert monitors.states() == []
    assert Monitors(engine, store, Clock(), SMALL).states() == []


def test_it_looks_only_at_what_it_was_asked_to(monitors: Monitors, featured: Featured, answers: Answers) -> None:
    monitors.create(by_hand(kinds=["input"]), "ada")
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    outcomes = {verdict.monitor: verdict.outcome for verdict in ticked(monitors)}
    assert outcomes.pop("monitor:1") == "no_change"
    assert [*outcomes.values()] == ["model_changed"]


def test_a_pinned_reference_is_compared_with_across_releases_and_stays(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    """A golden set, imported under another service, against what is answered now."""
    golden = answers(MARCH, 0, 60, service="import", tags=["golden"], metadata={"release": "1"})
    featured(golden)
    pinned = {"policy": "pinned", "tag": "golden"}
    state = monitors.create(by_hand(reference=pinned), "ada")
    assert (state.phase, state.n_reference, state.reference) == ("watching", 60, "pinned: tag golden")
    featured(answers(JUNE, 60, 80, metadata={"release": "2"}))
    [change] = [verdict for verdict in ticked(monitors) if verdict.monitor == "monitor:1"]
    assert (change.outcome, change.n_reference) == ("model_changed", 60)
    monitors.accept(change, "ada")
    after = monitors.state("monitor:1")
    assert after is not None
    assert (after.phase, after.n_reference) == ("watching", 60)


def test_a_pinned_reference_that_is_not_stored_says_so(
    monitors: Monitors, featured: Featured, answers: Answers
) -> None:
    state = monitors.create(by_hand(reference={"policy": "pinned", "version": "9"}), "ada")
    assert (state.phase, state.n_reference) == ("collecting", 0)
    assert state.next_decision == "when the pinned calls are found: too few are stored"
    featured(answers(JUNE, 0, 20))
    ticked(monitors)
    featured(answers(MARCH, 20, 50, metadata={"release": "9"}))
    ticked(monitors)
    found = monitors.state("monitor:1")
    assert found is not None
    assert (found.phase, found.n_reference) == ("watching", 30)
