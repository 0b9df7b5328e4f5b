"""Text leaves the server only when no later token can change it."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from serving.engine.answer import Answer, split_at_stop
from serving.engine.generation import Piece, Usage

END = 1000


def decode_utf8(ids: Sequence[int]) -> str:
    """One token is one byte: the hardest case for characters of several bytes."""
    return bytes(ids).decode(errors="replace")


def answer_to(ids: Sequence[int], *, stop: Sequence[str] = (), max_tokens: int = 10_000) -> list[Piece]:
    answer = Answer(decode_utf8, end_ids={END}, stop=stop, max_tokens=max_tokens, n_prompt_tokens=7)
    pieces = (answer.push(token_id) for token_id in ids)
    return [piece for piece in pieces if piece is not None]


def text_of(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


@given(st.text(max_size=60))
def test_the_pieces_of_any_text_add_up_to_it(text: str) -> None:
    ids = list(text.encode())
    pieces = answer_to([*ids, END])
    assert text_of(pieces) == text
    assert [token_id for piece in pieces for token_id in piece.token_ids] == ids
    assert [piece.finish_reason for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert pieces[-1].finish_reason == "stop"
    assert pieces[-1].usage == Usage(7, len(ids) + 1)


@given(st.text(alphabet="abé", max_size=30), st.lists(st.text(alphabet="abé", min_size=1, max_size=4), max_size=4))
def test_an_answer_ends_before_the_first_stop_string(text: str, stop: list[str]) -> None:
    pieces = answer_to([*text.encode(), END], stop=stop)
    # The string that is complete first ends the answer, so cut the text there, one more character at a time.
    expected = text
    for n in range(len(text) + 1):
        starts = [text[:n].find(word) for word in stop if word in text[:n]]
        if starts:
            expected = text[: min(starts)]
            break
    assert text_of(pieces) == expected
    assert pieces[-1].finish_reason == "stop"


def test_a_character_is_sent_whole() -> None:
    assert [piece.text for piece in answer_to([*"né".encode(), END])] == ["n", "é", ""]


def test_what_may_begin_a_stop_string_is_held_back_until_it_does_not() -> None:
    assert split_at_stop("so: EN", ["END"]) == ("so: ", "EN", False)
    assert split_at_stop("so: ENV", ["END"]) == ("so: ENV", "", False)
    assert split_at_stop("so: END.", ["END"]) == ("so: ", "", True)


def test_held_text_is_sent_when_the_answer_ends_without_the_stop_string() -> None:
    assert text_of(answer_to([*b"so: EN", END], stop=["END"])) == "so: EN"


def test_the_token_limit_ends_an_answer() -> None:
    pieces = answer_to(list(b"abcdef"), max_tokens=3)
    assert text_of(pieces) == "abc"
    assert (pieces[-1].finish_reason, pieces[-1].usage) == ("length", Usage(7, 3))


def test_bytes_that_never_make_a_character_are_shown_as_such_at_the_end() -> None:
    assert text_of(answer_to([*b"a\xc3", END])) == "a\ufffd"


def test_a_cancelled_answer_says_what_was_used() -> None:
    answer = Answer(decode_utf8, end_ids={END}, stop=(), max_tokens=10, n_prompt_tokens=7)
    answer.push(ord("a"))
    assert answer.push(ord("b"), cancelled=True) == Piece("b", (ord("b"),), "cancelled", Usage(7, 2))
    assert answer.push(ord("c")) is None
