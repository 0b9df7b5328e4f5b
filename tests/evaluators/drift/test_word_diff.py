from hypothesis import given
from hypothesis import strategies as st

from evaluators.drift.report.diff import Piece, word_diff


def test_words_that_went_and_words_that_came() -> None:
    before, after = word_diff("Press the red button now.", "Press the green button now.")
    assert before == [Piece("Press the ", "same"), Piece("red", "gone"), Piece(" button now.", "same")]
    assert after == [Piece("Press the ", "same"), Piece("green", "new"), Piece(" button now.", "same")]


def test_neighbouring_changes_are_one() -> None:
    before, _after = word_diff("one two three", "four five six")
    assert before == [Piece("one two three", "gone")]


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_pieces_join_to_the_texts(before: str, after: str) -> None:
    old, new = word_diff(before, after)
    assert "".join(piece.text for piece in old) == before
    assert "".join(piece.text for piece in new) == after
    assert all(piece.kind != "new" for piece in old)
    assert all(piece.kind != "gone" for piece in new)


def test_a_very_long_text_is_shown_whole() -> None:
    text = "word " * 10_000
    old, _new = word_diff(text, text + "end")
    assert "".join(piece.text for piece in old) == text
