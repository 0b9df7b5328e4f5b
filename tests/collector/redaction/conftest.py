"""Redaction of one text, as tests want to write it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from collector.redaction import Kind, Mode, Policy, Role, redact

KEY = b"a key for the tests"

Redact = Callable[..., str]


def policy(**given: Any) -> Policy:
    return Policy(**{"mode": Mode.MASK, "hash_key": KEY} | given)


def redacted_with_counts(text: str, *, form: str = "text", **given: Any) -> tuple[str, Counter[str]]:
    """`text` as the only cell of a column."""
    table = pa.table({"c": pa.array([text], pa.string())})
    after, counts = redact(table, {"c": Role(form=form)}, policy(**given))  # type: ignore[arg-type]
    return after["c"][0].as_py(), counts


@pytest.fixture
def redacted() -> Redact:
    """`redacted(text, form="text", **policy)`: the text after redaction of all kinds."""

    def once(text: str, **given: Any) -> str:
        return redacted_with_counts(text, **given)[0]

    return once


@pytest.fixture
def kinds_in() -> Callable[[str], set[str]]:
    """`kinds_in(text)`: what was found in it."""

    def found(text: str) -> set[str]:
        return {Kind(kind) for kind in redacted_with_counts(text)[1]}

    return found
