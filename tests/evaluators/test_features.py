import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.features import BY_NAME, NAMES, TITLES, features

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)
"""Lone surrogates and unassigned characters included: telemetry holds whatever a client sent."""


def measured(text: str) -> dict[str, float]:
    return dict(zip(NAMES, features(text), strict=True))


@given(ANY_TEXT)
def test_any_text_gives_a_full_row_of_small_finite_numbers(text: str) -> None:
    row = features(text)
    assert len(row) == len(NAMES) == len(TITLES) == len(set(NAMES))
    assert all(0 <= value <= 12 for value in row)


@given(st.text("abc,.[]{}()#*`|-:1 \n\"'", max_size=300))
def test_markup_soup_stays_within_the_range_of_its_kind(text: str) -> None:
    for name, value in measured(text).items():
        if BY_NAME[name].kind in ("share", "flag"):
            assert 0 <= value <= 1, name


@pytest.mark.parametrize(
    "text", ["", " \n\t", "a" * 100_000, "[" * 100_000, "\ud800" * 50, "`*|#" * 25_000, "1" * 9_000]
)
def test_extreme_texts_are_measured_too(text: str) -> None:
    assert all(math.isfinite(value) for value in features(text))


def test_a_huge_text_does_not_dominate() -> None:
    assert measured("word " * 20_000)["words"] < 4 * measured("word " * 20)["words"]


def test_the_length_of_a_huge_text_is_its_own() -> None:
    assert measured("a" * 100_000)["characters"] == math.log1p(100_000)


def test_the_same_text_gives_the_same_row() -> None:
    assert features("Sure! Here is a list:\n- one\n- two") == features("Sure! Here is a list:\n- one\n- two")


@pytest.mark.parametrize(
    ("text", "behaviour"),
    [
        ("I'm sorry, but I can’t assist with that.", "refusal"),
        ("I'm sorry, but I can't assist with that.", "apology"),
        ("As an AI language model, I have no opinions.", "as_an_ai"),
        ("Sure! Here you go.", "filler_opener"),
        ("Done. Let me know if you need any changes.", "closing_offer"),
        ("Yes, that is so.", "starts_yes"),
        ("[No]", "starts_no"),
        ("[No]", "starts_with_mark"),
        ("42 is the answer", "starts_with_digit"),
        ('{"a": [1, 2]}', "json"),
        ('```json\n{"a": 1}\n```', "json"),
        ("```python\nprint(1)\n```", "opens_with_code"),
        ("The answer is that the", "cut_off"),
    ],
)
def test_a_habit_is_seen_where_it_is_and_only_there(text: str, behaviour: str) -> None:
    assert measured(text)[behaviour] == 1
    assert measured("The sky looks blue at noon.")[behaviour] == 0


@pytest.mark.parametrize(
    ("text", "behaviour", "n"),
    [
        ("one two three", "words", 3),
        ("One. Two! Three?", "sentences", 3),
        ("a\n\nb\n\nc", "paragraphs", 3),
        ("- a\n* b\n• c", "bullets", 3),
        ("1. a\n2) b", "numbered", 2),
        ("(A) yes\nB) no", "lettered", 2),
        ("# a\n## b", "headers", 2),
        ("| a | b |\n|---|---|", "table_rows", 2),
        ("```\nx\n```\ntext\n```\ny\n```", "code_fences", 2),
        ("use `a` and `b`", "inline_code", 2),
        ("**a** and **b**", "bold", 2),
        ("see https://a.example and [b](c)", "links", 2),
        ("fine 🙂🙂", "emoji", 2),
        ("Why? How?", "questions", 2),
    ],
)
def test_counts_are_counts(text: str, behaviour: str, n: int) -> None:
    assert measured(text)[behaviour] == pytest.approx(math.log1p(n))


def test_a_comment_in_a_code_block_is_no_header_and_its_items_no_list() -> None:
    row = measured("```python\n# a comment\n- x\n```")
    assert row["headers"] == row["bullets"] == 0


def test_something_in_braces_that_does_not_parse_is_no_json() -> None:
    assert measured("{almost: json}")["json"] == 0


def test_languages_are_told_apart_by_their_function_words() -> None:
    german = measured("Das ist nicht der Grund, und ich weiß das auch von den anderen.")
    english = measured("That is not the reason, and I have it from the others.")
    assert german["other_language"] > 0.3 > german["english"]
    assert english["english"] > 0.3 > english["other_language"]


def test_a_loop_of_a_broken_model_shows_as_repetition() -> None:
    assert measured("the end of the line " * 50)["repetition"] > 0.9
    assert measured("Every word of this sentence stands here exactly one time.")["repetition"] == 0
