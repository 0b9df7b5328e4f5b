"""Drift monitors on recorded answers: they find the change, keep quiet without one, and restart without a trace."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from collector.call import Call
from collector.errors import BadRequest, StoreUnavailable
from collector.query import Filters
from collector.state import open_state
from collector.state.leases import LeaseLost
from collector.store.base import TelemetryStore, TextVector
from collector.verdict import Verdict
from evaluators import features
from evaluators.checkpoints import load_checkpoint, save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.monitors import Monitors
from evaluators.drift.monitors.record import Record
from evaluators.drift.monitors.segment import Segment
from evaluators.drift.monitors.table import DRIFT
from evaluators.drift.pairs import nearest_pairs
from evaluators.embed import VERSION as EMBEDDING_VERSION
from evaluators.text import TEXT
from evaluators.vectors import PROMPT_EMBEDDING
from tests.evaluators.monitoring import JUNE, MARCH, SMALL, Clock

EVERYTHING = Filters(since_ns=0, until_ns=2**62)


def stored(store: TelemetryStore) -> list[Verdict]:
    return list(reversed(store.verdicts(EVERYTHING, limit=1000).items))


def test_a_change_of_the_model_is_found_and_told(engine, store, featured, answers) -> None:
    monitors = Monitors(engine, store, Clock(), DriftConfig())
    featured(answers(MARCH, 0, 300))
    featured(answers(JUNE, 300, 350))
    quiet, quiet_too, change = monitors.tick()
    assert (quiet.outcome, quiet_too.outcome, change.outcome) == ("no_change", "no_change", "model_changed")
    assert (change.n_reference, change.n_current) == (200, 50)
    assert change.p_value <= change.alpha == 0.01
    assert change.guarantee == (
        "At most 1 false alarm in 100 windows in which nothing changed; an alarm also needs a behaviour that moved by "
        "0.1 standard deviations or more, and people are told of at most 0.1 such a month."
    )
    assert change.explanation.startswith("Answers of gpt-4 in shop changed: ")
    assert max(abs(effect.d) for effect in change.effects) >= 0.1
    assert change.reference_end_ns < change.current_start_ns
    assert len(change.pairs) == 5
    for pair in change.pairs:
        old, new = store.call(pair.before_call_id), store.call(pair.after_call_id)
        assert (old.prompt_text, old.output_text) == (pair.prompt_before, pair.before)
        assert (new.prompt_text, new.output_text) == (pair.prompt_after, pair.after)
        assert old.start_ns <= change.reference_end_ns < change.current_start_ns <= new.start_ns
    assert stored(store) == [quiet, quiet_too, change]


@pytest.mark.parametrize("kind", [MARCH, JUNE])
def test_alarms_are_as_rare_as_promised_where_nothing_changed(engine, store, featured, answers, kind) -> None:
    monitors = Monitors(engine, store, Clock(), DriftConfig())
    featured(answers(kind, 0, 700))
    verdicts = monitors.tick()
    assert len(verdicts) == 10
    # At 1 % a window, Binomial(10, 0.01) leaves [0, 2] about once in 9,000 orders of the prompts.
    assert sum(verdict.outcome != "no_change" for verdict in verdicts) <= 2


def test_until_there_is_enough_it_says_how_much_is_missing(monitors, featured, answers) -> None:
    assert monitors.states() == []
    featured(answers(MARCH, 0, 30))
    assert monitors.tick() == []
    [state] = monitors.states()
    assert (state.phase, state.n_reference, state.n_missing) == ("collecting", 30, 10)
    featured(answers(MARCH, 30, 53))
    assert monitors.tick() == []
    [state] = monitors.states()
    assert (state.phase, state.n_reference, state.n_missing) == ("watching", 40, 0)
    assert (state.n_window_pending, state.monitor.n_window) == (13, 20)
    assert state.last_verdict_id is None
    assert state.reference_start_ns is not None
    assert state.reference_end_ns == state.reference_start_ns + 39 * 10**9


def test_each_service_and_model_has_its_own_monitor(monitors, featured, answers) -> None:
    featured(
        [
            *answers(MARCH, 0, 60, service="bank"),
            *answers(MARCH, 0, 60, service="shop"),
            *answers(MARCH, 0, 60, service="shop", request_model=None),
            *answers(JUNE, 60, 80, service="shop"),
        ]
    )
    verdicts = monitors.tick()
    assert [(v.service, v.request_model) for v in verdicts if v.outcome == "model_changed"] == [("shop", "gpt-4")]
    assert len(verdicts) == 4
    assert [(s.monitor.service, s.monitor.request_model) for s in monitors.states()] == [
        ("bank", "gpt-4"), ("shop", "gpt-4"), ("shop", ""),
    ]  # fmt: skip


def test_more_monitors_than_are_allowed_are_not_made_and_that_is_said(
    engine, store, featured, an_answer, caplog: pytest.LogCaptureFixture
) -> None:
    monitors = Monitors(engine, store, Clock(), DriftConfig(max_monitors=3))
    featured([an_answer(request_model=f"model-{i}") for i in range(10)])
    monitors.tick()
    assert len(monitors.states()) == 3
    assert caplog.text.count("raise drift.max_monitors") == 1


def test_calls_without_an_answer_are_not_compared(monitors, featured, answers, an_answer) -> None:
    failed = [replace(call, error_type="timeout") for call in answers(JUNE, 0, 30)]
    silent = [an_answer("Hi", "") for _ in range(30)]
    featured([*failed, *silent, *answers(MARCH, 0, 7)])
    monitors.tick()
    assert [state.n_reference for state in monitors.states()] == [7]


def test_it_waits_for_the_features(monitors, store, engine, arrive, featured, answers) -> None:
    first, second = answers(MARCH, 0, 10), answers(MARCH, 10, 20)
    featured(first)
    arrive(second)
    monitors.tick()
    assert load_checkpoint(engine, DRIFT) == load_checkpoint(engine, TEXT) < store.last_seq()
    assert monitors.states()[0].n_reference == 10


def test_answers_that_are_all_alike_are_no_change(monitors, featured, an_answer) -> None:
    featured([an_answer("Hi", "Hello.") for _ in range(60)])
    [verdict] = monitors.tick()
    assert (verdict.outcome, verdict.p_value, verdict.pairs) == ("no_change", 1.0, ())


@pytest.mark.parametrize("n_at_once", [1, 7, 33])
def test_restarts_change_no_verdict(engine, store, featured, answers, n_at_once: int, tmp_path) -> None:
    """Whether calls come in one piece or the process starts anew after every few."""
    calls = [*answers(MARCH, 0, 80), *answers(JUNE, 80, 120)]
    sessions = random.Random(5)
    calls = [replace(call, session_id=sessions.choice([None, f"s{i // 3}"])) for i, call in enumerate(calls)]
    verdicts: list[Verdict] = []
    for start in range(0, len(calls), n_at_once):
        featured(calls[start : start + n_at_once])
        verdicts += Monitors(engine, store, Clock(), SMALL).tick()
    restarted = Monitors(engine, store, Clock(), SMALL)
    other = open_state(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with other.begin() as connection:
        save_checkpoint(connection, TEXT, seq=store.last_seq(), now_ns=1)
    at_once = Monitors(other, store, Clock(), SMALL)
    assert [replace(v, decided_ns=0) for v in at_once.tick()] == [replace(v, decided_ns=0) for v in verdicts]
    assert len(verdicts) >= 1
    assert at_once.states() == restarted.states()
    other.dispose()


class Failing:
    """A store that fails once, before or after it wrote verdicts."""

    def __init__(self, store: TelemetryStore, *, after_write: bool) -> None:
        self._store = store
        self._after_write = after_write
        self.fails = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def write_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        if self.fails and self._after_write:
            self._store.write_verdicts(verdicts)
        if self.fails:
            self.fails = False
            raise StoreUnavailable("gone")
        self._store.write_verdicts(verdicts)


@pytest.mark.parametrize("after_write", [False, True])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_failure_while_verdicts_are_written_loses_and_repeats_none(
    engine, store, featured, answers, after_write: bool, restarts: bool
) -> None:
    featured([*answers(MARCH, 0, 60), *answers(JUNE, 60, 80)])
    clock = Clock()
    failing = Failing(store, after_write=after_write)
    monitors = Monitors(engine, failing, clock, SMALL)
    with pytest.raises(StoreUnavailable):
        monitors.tick()
    if restarts:
        monitors = Monitors(engine, store, clock, SMALL)
    verdicts = monitors.tick()
    assert [verdict.outcome for verdict in verdicts] == ["no_change", "model_changed"]
    assert stored(store) == verdicts
    assert monitors.tick() == []


def test_a_failure_while_calls_are_read_moves_nothing(engine, store, featured, answers, monkeypatch) -> None:
    monitors = Monitors(engine, store, Clock(), SMALL)
    featured(answers(MARCH, 0, 30))
    monitors.tick()
    before = monitors.states()
    featured(answers(MARCH, 30, 60))
    with monkeypatch.context() as broken:
        broken.setattr(store, "vectors", lambda *_args, **_kinds: (_ for _ in ()).throw(StoreUnavailable("gone")))
        with pytest.raises(StoreUnavailable):
            monitors.tick()
    assert monitors.states() == before
    assert len(monitors.tick()) == 1


def test_an_accepted_change_becomes_the_new_normal(monitors, engine, store, featured, answers) -> None:
    featured([*answers(MARCH, 0, 50), *answers(JUNE, 50, 160)])
    mixed, change, *_ = verdicts = monitors.tick()
    # The change came in the middle of the first window.
    assert [verdict.outcome for verdict in verdicts[1:]] == ["model_changed"] * (len(verdicts) - 1)
    monitors.accept(change, "ada")
    assert monitors.feedback([mixed.verdict_id, change.verdict_id]) == {change.verdict_id: "accepted"}
    [state] = monitors.states()
    assert (state.phase, state.n_reference) == ("collecting", 0)
    again = monitors.tick()
    # Of the 160 calls, 80 came after the accepted window: 40 are the reference, 40 are windows.
    assert [verdict.outcome for verdict in again] == ["no_change", "no_change"]
    assert all(verdict.reference_start_ns > change.current_end_ns for verdict in again)
    assert {v.verdict_id for v in again}.isdisjoint(v.verdict_id for v in verdicts)
    assert Monitors(engine, store, Clock(), SMALL).states() == monitors.states()


def test_an_answer_given_in_another_process_is_what_the_next_tick_begins_from(
    monitors, engine, store, featured, answers
) -> None:
    featured([*answers(MARCH, 0, 50), *answers(JUNE, 50, 160)])
    dashboard = Monitors(engine, store, Clock(), SMALL)
    assert dashboard.states() == []
    _, change, *_ = monitors.tick()
    assert dashboard.states() == monitors.states()
    dashboard.accept(change, "ada")
    with pytest.raises(LeaseLost):  # it had read the calls that are now those of a reference
        monitors.tick()
    again = monitors.tick()
    assert [verdict.outcome for verdict in again] == ["no_change", "no_change"]
    assert all(verdict.reference_start_ns > change.current_end_ns for verdict in again)
    assert dashboard.states() == monitors.states()
    assert {verdict.verdict_id for verdict in again} < {verdict.verdict_id for verdict in stored(store)}


def test_accepting_in_one_segment_leaves_the_others_as_they_are(monitors, featured, answers) -> None:
    featured([*answers(MARCH, 0, 75, service="bank"), *answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    [change] = [verdict for verdict in monitors.tick() if verdict.outcome == "model_changed"]
    [bank, _] = monitors.states()
    monitors.accept(change, "ada")
    assert monitors.tick() == []
    assert monitors.states()[0] == bank


def test_a_false_alarm_is_noted_and_the_reference_stays(monitors, featured, answers) -> None:
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    [change] = monitors.tick()
    [before] = monitors.states()
    assert (before.phase, before.alarm_verdict_id, before.n_alarms) == ("alarm", change.verdict_id, 1)
    monitors.report_false(change, "ada")
    assert monitors.feedback([change.verdict_id, "other"]) == {change.verdict_id: "false_alarm"}
    [after] = monitors.states()
    assert (after.phase, after.alarm_verdict_id, after.n_alarms, after.n_false_alarms) == ("watching", None, 1, 1)
    assert (after.reference_start_ns, after.reference_end_ns) == (before.reference_start_ns, before.reference_end_ns)


def test_a_verdict_of_no_monitor_cannot_be_accepted(monitors, featured, answers) -> None:
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 40, 60)])
    [change] = monitors.tick()
    with pytest.raises(BadRequest, match="no monitor"):
        monitors.accept(replace(change, monitor="answers:none"), "ada")


def test_new_features_need_a_new_reference(monitors, featured, answers, monkeypatch) -> None:
    featured(answers(MARCH, 0, 50))
    monitors.tick()
    monkeypatch.setattr(features, "VERSION", "next")
    featured(answers(MARCH, 50, 70))
    assert monitors.tick() == []
    [state] = monitors.states()
    assert (state.phase, state.n_reference) == ("collecting", 20)


def test_a_reference_that_left_the_store_is_gathered_anew(monitors, featured, answers, monkeypatch, store) -> None:
    featured(answers(MARCH, 0, 45))
    monitors.tick()
    [state] = monitors.states()
    kept = store.vectors

    def without_the_oldest(call_ids: Sequence[str], **given: str) -> dict[str, Sequence[float]]:
        found = kept(call_ids, **given)
        return {i: v for i, v in found.items() if store.call(i).start_ns > (state.reference_end_ns or 0)}

    monkeypatch.setattr(store, "vectors", without_the_oldest)
    featured(answers(MARCH, 45, 60))
    assert monitors.tick() == []
    [renewed] = monitors.states()
    assert (renewed.phase, renewed.n_reference) == ("collecting", 20)


def gather(calls: Sequence[Call], *, n_window: int, n_recent: int = 1000) -> Iterator[list[str]]:
    record = Record(monitor_id="m", features_version="1")
    for seq, call in enumerate(calls, start=1):
        units = record.add(call, seq, n_window=n_window, n_recent=n_recent)
        if units is not None:
            record.window_index += 1
            yield [unit.call_id for unit in units]


def test_a_session_is_counted_once_however_long_it_goes_on(an_answer) -> None:
    calls = [an_answer(session_id=f"s{i % 30}") for i in range(600)]
    blocks = list(gather(calls, n_window=10))
    sessions = {call.call_id: call.session_id for call in calls}
    counted = [sessions[call_id] for block in blocks for call_id in block]
    assert sorted(counted, key=lambda s: int(s[1:])) == [f"s{i}" for i in range(30)]


def test_a_call_without_a_session_stands_for_itself(an_answer) -> None:
    calls = [an_answer() for _ in range(45)]
    assert [len(block) for block in gather(calls, n_window=10)] == [10, 10, 10, 10]


def test_any_call_of_a_session_may_stand_for_it(an_answer) -> None:
    places = []
    for _ in range(2000):
        session = [an_answer(session_id="s") for _ in range(4)]
        [block] = gather([*session, an_answer()], n_window=2)
        places.append([call.call_id for call in session].index(block[0]))
    # Each place is Binomial(2000, 1/4); outside [400, 600] less than once in a million seeds.
    assert all(400 <= n <= 600 for n in np.bincount(places, minlength=4))


def test_sessions_that_had_their_turn_are_remembered_within_bounds(an_answer) -> None:
    record = Record(monitor_id="m", features_version="1")
    for seq in range(1, 500):
        record.add(an_answer(session_id=f"s{seq}"), seq, n_window=10, n_recent=50)
    assert len(record.recent) == 50


def test_a_record_survives_its_json(an_answer) -> None:
    record = Record(monitor_id="m", features_version="1")
    for seq in range(1, 24):
        units = record.add(an_answer(session_id=f"s{seq // 2}"), seq, n_window=5, n_recent=50)
        if units is not None:
            record.gathered(units, 7)
    saved = json.loads(json.dumps([record.to_json(), record.memory.to_json()]))
    assert Record.from_json("m", *saved) == record


def test_segments_whose_names_run_together_are_told_apart() -> None:
    names = [("a", "b", "c"), ("a", "b c", None), ("a", None, "c"), ("a", "None", "c"), ("a", "", "c"), ("ab", "", "c")]
    assert len({Segment(*name).automatic_id for name in names}) == len(names)


def test_the_same_prompt_is_paired_first_and_of_those_the_most_different_answers() -> None:
    before, after = np.array([[0.0], [1.0], [5.0]]), np.array([[1.0], [5.0], [5.2]])
    distance = np.array([[9.0, 9.0, 9.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    assert nearest_pairs(before, after, answer_distance=distance, n_pairs=2) == [(2, 1), (1, 0)]
    assert nearest_pairs(before, after, answer_distance=distance, n_pairs=5) == [(2, 1), (1, 0), (0, 2)]


def test_pairs_are_of_the_same_prompt_where_it_was_asked_before(monitors, featured, answers) -> None:
    featured([*answers(MARCH, 0, 40), *answers(JUNE, 30, 50)])
    [change] = monitors.tick()
    assert [pair.prompt_before == pair.prompt_after for pair in change.pairs] == [True] * 5


def test_where_prompts_are_embedded_their_topic_pairs_them(monitors, store, featured, answers) -> None:
    march, june = answers(MARCH, 0, 40), answers(JUNE, 40, 60)
    topics = np.random.default_rng(2).permutation(40)

    def embedding(call: Call, topic: int) -> TextVector:
        return TextVector(
            call_id=call.call_id,
            call_start_ns=call.start_ns,
            kind=PROMPT_EMBEDDING,
            version=EMBEDDING_VERSION,
            values=[float(topic == i) for i in range(40)],
        )

    store.write_vectors([embedding(call, int(topic)) for call, topic in zip(march, topics, strict=True)])
    store.write_vectors([embedding(call, topic) for topic, call in enumerate(june)])
    featured([*march, *june])
    [change] = monitors.tick()
    expected = {june[topic].call_id: march[i].call_id for i, topic in enumerate(topics.tolist()) if topic < 20}
    assert [pair.before_call_id for pair in change.pairs] == [expected[pair.after_call_id] for pair in change.pairs]
