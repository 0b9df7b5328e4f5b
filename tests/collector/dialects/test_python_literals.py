"""Values written with Python's repr."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dialects.python_literals import MAX_CHARS, literal_or_text, plain_literal

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(values) | st.dictionaries(st.text(max_size=5), values))
def test_what_repr_wrote_is_read_back(value: Any) -> None:
    assert literal_or_text(repr(value)) == value


@given(st.text())
def test_other_texts_stay_texts_or_become_values_without_an_error(text: str) -> None:
    literal_or_text(text)
    plain_literal(text)


@given(st.dictionaries(st.sampled_from("abc"), st.none() | st.booleans() | st.integers(0, 10**12)))
def test_names_and_numbers_are_read_quickly_and_alike(value: dict[str, Any]) -> None:
    assert plain_literal(repr(value)) == literal_or_text(repr(value)) == value


@pytest.mark.parametrize(
    "text", ["[" * 5_000, "[" + "-" * 90_000 + "1]", "[1+" * 30_000, "{'a': \x00}", "[" + "9" * 10_000 + "]"]
)
def test_hostile_texts_stay_texts(text: str) -> None:
    assert literal_or_text(text) == text


def test_what_is_too_long_stays_a_text() -> None:
    text = repr(["x" * MAX_CHARS])
    assert literal_or_text(text) == text
