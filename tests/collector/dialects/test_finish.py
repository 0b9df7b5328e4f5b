"""Why answers ended, in one vocabulary."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.calllog import call_of
from collector.dialects.finish import fill, fold, fold_reason


@pytest.mark.parametrize(
    ("sent", "folded"),
    [
        ("stop", "stop"), ("end_turn", "stop"), ("STOP", "stop"), ("stop_sequence", "stop"), ("completed", "stop"),
        ("length", "length"), ("max_tokens", "length"), ("MAX_TOKENS", "length"),
        ("tool_calls", "tool_call"), ("tool-calls", "tool_call"), ("tool_use", "tool_call"),
        ("function_call", "tool_call"), ("content_filter", "content_filter"), ("SAFETY", "content_filter"),
        ("refusal", "content_filter"), ("error", "error"), ("pause_turn", "pause_turn"), ("Odd One", "Odd One"),
    ],
)  # fmt: skip
def test_what_providers_call_an_end_is_folded_and_an_unknown_word_is_kept(sent: str, folded: str) -> None:
    assert fold_reason(sent) == folded


def test_a_column_of_lists_is_folded_and_an_empty_list_says_nothing() -> None:
    column = pa.array([["end_turn", None, "tool_use"], None, [], ["stop"], ["weird"]], pa.list_(pa.string()))
    assert fold(column).to_pylist() == [["stop", None, "tool_call"], None, None, ["stop"], ["weird"]]


@settings(deadline=None)
@given(st.lists(st.none() | st.lists(st.none() | st.sampled_from(["STOP", "length", "x", ""]), max_size=3)))
def test_folding_a_column_is_folding_its_words_in_any_slice(rows: list[list[str | None] | None]) -> None:
    column = pa.array([None, *rows], pa.list_(pa.string())).slice(1)
    expected = [None if not row else [word if word is None else fold_reason(word) for word in row] for row in rows]
    assert fold(column).to_pylist() == expected
    assert fold(fold(column)).equals(fold(column))


def test_holes_are_filled_from_the_answers_themselves() -> None:
    told = pa.array([["stop"], None, None, None], pa.list_(pa.string()))
    answers = [
        json.dumps([{"role": "assistant", "parts": [], "finish_reason": reason}]) for reason in ("length", "tool_calls")
    ]
    cut = '[{"finish_reason": "st'
    filled = fill(told, pa.array([*answers, cut, None], pa.string()))
    assert filled.to_pylist() == [["stop"], ["tool_calls"], None, None]


def test_a_posted_call_speaks_the_same_words() -> None:
    call = call_of({"start_time": "2026-11-21T12:00:00Z", "finish_reasons": ["tool_use", "odd"]})
    assert call.finish_reasons == ["tool_call", "odd"]
    assert call_of({"start_time": "2026-11-21T12:00:00Z", "finish_reasons": []}).finish_reasons is None
