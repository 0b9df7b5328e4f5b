"""The demo's plan: what is replayed, when, and that its two halves differ only where they should."""

import random
from pathlib import Path

import pytest

from collector.errors import WatchkeeperError
from watchkeeper.demo.answers import load
from watchkeeper.demo.generate import exchanges
from watchkeeper.demo.traffic import HISTORY_S, N_HISTORY_SESSIONS, history, live

LLMDRIFT = Path(__file__).parents[3] / "shared" / "data" / "drift-llmdrift.jsonl.gz"


def test_recorded_answers_are_those_of_two_services_and_say_where_they_are_from() -> None:
    replay = load(LLMDRIFT)
    assert {service: len(items) for service, items in replay.exchanges.items()} == {"survey": 1506, "tutor": 1000}
    assert "real answers" in replay.source
    assert all(exchange.document for exchange in replay.exchanges["survey"])


def test_the_package_brings_generated_answers_that_are_labelled_as_such() -> None:
    replay = load(None)
    assert replay.exchanges.keys() == {"survey", "tutor"}
    assert "no real model" in replay.source


def test_the_packaged_answers_are_what_the_generator_writes() -> None:
    written = [(row["prompt"], row["before"], row["after"]) for row in exchanges(random.Random(20230613))]
    packaged = [(e.prompt, e.before, e.after) for items in load(None).exchanges.values() for e in items]
    assert packaged == written


def test_a_file_that_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "answers.jsonl.gz"
    broken.write_bytes(b"not gzip")
    with pytest.raises(WatchkeeperError, match=r"answers\.jsonl\.gz"):
        load(broken)


def test_history_is_in_order_in_the_past_and_holds_a_reference_with_windows_after_it() -> None:
    turns = history(load(None).exchanges, random.Random(1))
    assert [turn.at_s for turn in turns] == sorted(turn.at_s for turn in turns)
    assert all(-HISTORY_S <= turn.at_s < 0 and not turn.changed for turn in turns)
    for service in ("survey", "tutor"):
        assert len({turn.session_id for turn in turns if turn.service == service}) == N_HISTORY_SESSIONS


def test_live_turns_before_and_after_the_change_differ_in_the_answer_alone() -> None:
    replay = load(None).exchanges
    plans = [list(live(replay, from_s=5.0, until_s=25.0, changed=flag, rng=random.Random(3))) for flag in (False, True)]
    for before, after in zip(*plans, strict=False):
        assert (before.exchange, before.session_id) == (after.exchange, after.session_id)
        assert (before.answer, after.answer) == (before.exchange.before, before.exchange.after)
        assert 5.0 <= before.at_s < 25.0
