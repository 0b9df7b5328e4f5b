"""No text takes more than time in proportion to its length. The bounds are some ten times what was measured,
because the machines that run this have other work; time that grows with the square would miss them by far more."""

import sys
import time

import pytest

from collector.redaction import Pattern
from tests.collector.redaction.conftest import redacted_with_counts

N_CHARS = 50_000
MAX_CPU_S_PER_MB = 60.0

HOSTILE = {
    "letters": "a",
    "digits": "1",
    "spaced digits": "1 ",
    "phone-like": "012 034 056 078, ",
    "trunk": "0 ",
    "card-like": "4111 ",
    "dots": "1.",
    "colons": "a:",
    "hex colons": "2001:",
    "at": "a@",
    "at signs": "@",
    "domain": "a@a.",
    "quotes": '"',
    "backslashes": "\\",
    "escapes": "\\u0040",
    "open quote": 'password="',
    "names": "password",
    "assign": "secret:secret=",
    "urls": "://a:",
    "begin": "-----BEGIN PRIVATE KEY-----",
    "headers": "-----BEGIN PRIVATE KEY-----\nVersion: \n",
    "jwt": "eyJaaaaaaaa.",
    "bearer": "bearer ",
    "keys": "sk-",
    "plus": "+1",
    "brackets": "(",
    "tokens": "[EMAIL]",
    "json open": "[",
    "json strings": '"a",',
    "emails": "bob@example.com ",
    "phones": "+49 30 901820, ",
    "iban": "GB82 ",
    "hyphens": "1-",
}


def cpu_s(text: str, **given: object) -> float:
    started_s = time.process_time()
    redacted_with_counts(text, **given)  # type: ignore[arg-type]
    return time.process_time() - started_s


def test_twice_the_text_takes_no_four_times_the_steps() -> None:
    """Counted in calls of Python, not in seconds."""
    steps = []
    for n_chars in (5_000, 10_000):
        n_calls = 0

        def count(_frame: object, event: str, _arg: object) -> None:
            nonlocal n_calls
            n_calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            for piece in HOSTILE.values():
                redacted_with_counts(piece * (n_chars // len(piece)))
        finally:
            sys.setprofile(None)
        steps.append(n_calls)
    assert steps[1] < 2.5 * steps[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_time_in_proportion(name: str) -> None:
    text = HOSTILE[name] * (N_CHARS // len(HOSTILE[name]))
    assert cpu_s(text) < MAX_CPU_S_PER_MB * N_CHARS / 1e6


def test_own_patterns_cannot_backtrack() -> None:
    assert cpu_s("a" * N_CHARS, patterns=(Pattern(name="evil", regex="(a+)+$b|(a|aa)+c"),)) < 2.0


def test_a_text_of_five_megabytes() -> None:
    text = ("The order 12 of bob@example.com came on 2026-11-21; call +49 30 901820. " + "plain words " * 30) * 12_000
    assert len(text) > 5_000_000
    assert cpu_s(text[:5_000_000]) < 60.0
