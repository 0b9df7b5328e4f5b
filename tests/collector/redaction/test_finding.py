"""What is found, and what is left alone."""

import random
from collections.abc import Callable

import pytest

from collector.redaction import Kind
from tests.collector.redaction.conftest import Redact
from tests.collector.redaction.examples import HARMLESS, VALUES

CASES = [(kind, value) for kind, values in VALUES.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_a_value_is_found_wherever_it_stands(kind: Kind, value: str, kinds_in: Callable[[str], set[str]]) -> None:
    for around in ("{}", "see {} please", "({}),", "x\n{}\ny", "«{}»"):
        assert kinds_in(around.format(value)) == {kind}, around


@pytest.mark.parametrize(("kind", "value"), [case for case in CASES if ":" not in case[1] and "=" not in case[1]])
def test_nothing_of_a_value_is_left(kind: Kind, value: str, redacted: Redact) -> None:
    after = redacted(f"see {value} please")
    assert f"[{kind.upper()}]" in after
    assert not any(c.isdigit() for c in after)


@pytest.mark.parametrize("text", HARMLESS)
def test_ids_times_counts_versions_and_code_stay_as_they_are(text: str, redacted: Redact) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.CARD, "4111111111111112"),
        (Kind.IBAN, "DE89370400440532013001"),
        (Kind.DE_STEUER_ID, "86095742718"),
        (Kind.FR_NIR, "255081416802539"),
        (Kind.ES_DNI, "12345678A"),
        (Kind.IT_CODICE_FISCALE, "RSSMRA85T10A562T"),
        (Kind.UK_NHS, "nhs: 9434765918"),
        (Kind.NL_BSN, "BSN 111222334"),
        (Kind.PL_PESEL, "PESEL 44051401358"),
        (Kind.IN_AADHAAR, "aadhaar 234123412347"),
        (Kind.BR_CPF, "CPF 52998224726"),
        (Kind.CA_SIN, "social insurance 130 692 008"),
        (Kind.UK_NINO, "GB123456C"),
    ],
)
def test_a_wrong_check_digit_is_no_find(kind: Kind, wrong: str, kinds_in: Callable[[str], set[str]]) -> None:
    assert kind not in kinds_in(wrong)


def test_a_bare_number_needs_its_word(redacted: Redact) -> None:
    assert redacted("order 111222333") == "order 111222333"
    assert redacted("bsn 111222333") == "bsn [NL_BSN]"


def test_few_random_ids_are_taken_for_anything(redacted: Redact) -> None:
    rng = random.Random(7)
    ids = [rng.randbytes(16).hex() for _ in range(2000)]
    uuids = [f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i in ids]
    times = [str(rng.randrange(1_600_000_000, 1_799_999_999) * 10**9 + rng.randrange(10**9)) for _ in range(2000)]
    completions = [f"chatcmpl-{rng.getrandbits(64):x}" for _ in range(2000)]
    floats = [repr(rng.random()) for _ in range(2000)]
    for texts in (ids, uuids, times, completions, floats):
        text = "\n".join(texts)
        assert redacted(text) == text


def test_overlapping_finds_become_one_of_the_best_kind(redacted: Redact) -> None:
    assert redacted("password=bob@example.com;") == "password=[PASSWORD];"
    assert redacted("https://bob:hunter2@example.com/x") == "https://bob:[PASSWORD]@example.com/x"


def test_only_the_chosen_kinds_are_found(redacted: Redact) -> None:
    text = "bob@example.com 4111111111111111"
    assert redacted(text, kinds=frozenset({Kind.CARD})) == "bob@example.com [CARD]"
    assert redacted(text, kinds=frozenset({Kind.EMAIL})) == "[EMAIL] 4111111111111111"
