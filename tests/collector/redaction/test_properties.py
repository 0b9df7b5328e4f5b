"""What holds for every text."""

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.redaction import GROUPS, Kind, Mode, Pattern, Role, redact
from collector.redaction.finder import finder_of
from tests.collector.redaction.conftest import policy, redacted_with_counts
from tests.collector.redaction.examples import HARMLESS, VALUES

_PIECES = [
    *(value for values in VALUES.values() for value in values),
    *HARMLESS,
    *("phone ", "password", "api_key", "=", ": ", "bearer ", "nhs ", "[EMAIL]", "[CARD:0123456789ab]", "+", "(", "://"),
    *("-----BEGIN PRIVATE KEY-----", "\\n", "\\u0040", "\\u00a0", '\\"', "\\", '"', "{", "}", "[", "]", ",", ":"),
    *(" ", "\n", ".", "-", "_", "/", "@", "é", "\u00a0", "0", "1", "12", "4111", "a", "Z", "%40", "\ufdd0", "😀"),
]
pieces = st.one_of(st.sampled_from(_PIECES), st.text(max_size=3))
texts = st.lists(pieces, max_size=8).map("".join)
documents = st.recursive(
    st.one_of(texts, st.integers(), st.floats(allow_nan=False), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@given(texts, st.sampled_from([Mode.MASK, Mode.HASH]))
@settings(deadline=None, max_examples=150)
def test_redacting_what_is_redacted_changes_nothing(text: str, mode: Mode) -> None:
    once, _ = redacted_with_counts(text, mode=mode)
    twice, counts = redacted_with_counts(once, mode=mode)
    assert twice == once
    assert not counts


@given(documents, st.booleans(), st.sampled_from([Mode.MASK, Mode.HASH]))
@settings(deadline=None, max_examples=100)
def test_json_stays_json_of_the_same_shape(document: Any, ensure_ascii: bool, mode: Mode) -> None:
    try:
        raw = json.dumps(document, ensure_ascii=ensure_ascii)
        raw.encode()
    except UnicodeEncodeError:
        return
    once, _ = redacted_with_counts(raw, form="json", mode=mode)
    assert _shape(json.loads(once)) == _shape(document) or _has_secret_keys(once)
    assert redacted_with_counts(once, form="json", mode=mode)[0] == once


def _shape(value: Any) -> Any:
    """The structure without keys (two keys may become one token) and with numbers as they may be masked."""
    if isinstance(value, list):
        return [_shape(item) for item in value]
    if isinstance(value, dict):
        return "object"
    return "scalar"


def _has_secret_keys(raw: str) -> bool:
    return "[PASSWORD" in raw or "[API_KEY" in raw


@given(st.lists(texts, min_size=1, max_size=6), st.booleans())
@example(["\x07378282246310005", "\u00a086095742719"], True)
@settings(deadline=None, max_examples=150)
def test_the_prefilter_lets_nothing_through_that_the_detectors_find(cells: list[str], as_json: bool) -> None:
    finder = finder_of(policy())
    raw = [json.dumps({"k": cell}) if as_json else cell for cell in cells]
    may = finder.may_hold(pa.array(raw, pa.large_string()))
    for cell, hit, found in zip(cells, may.tolist(), finder.find(cells), strict=True):
        assert hit or not found, (cell, found)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_prefilter_of_each_kind_alone_lets_its_values_pass(kind: Kind) -> None:
    finder = finder_of(policy(kinds=frozenset({kind})))
    for value in VALUES[kind]:
        for text in (value, f"a {value} b", f"\n{value}\n"):
            for raw in (text, json.dumps({"k": text}), json.dumps(json.dumps([text]))):
                assert finder.may_hold(pa.array([raw], pa.large_string())).all(), raw


@pytest.mark.parametrize("kinds", [GROUPS["secrets"] | {Kind.CARD}, GROUPS["all"]])
def test_ids_times_and_counts_do_not_trip_the_prefilter(kinds: frozenset[Kind]) -> None:
    finder = finder_of(policy(kinds=kinds))
    ordinary = [
        '{"gen_ai.operation.name":"chat","gen_ai.request.model":"gpt-4o-2024-08-06","gen_ai.usage.input_tokens":1523}',
        '{"gen_ai.response.id":"chatcmpl-9f8e7d6c5b4a3210","server.address":"api.example.com","cost":0.0025231}',
        '[{"name":"first","time_ns":1763000000000000000,"attributes":{}},{"time_ns":1763000000123456789}]',
        '[{"role":"user","parts":[{"type":"text","content":"Where is my order? I paid 25.90 on 2026-11-21."}]}]',
        '{"start":"2026-11-21T12:00:00.123456Z","duration_ms":1234567,"logprobs":[-0.41111111111111111,-1e-09]}',
        '{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"123e4567-e89b-12d3-a456-426614174000"}',
    ]
    assert not finder.may_hold(pa.array(ordinary, pa.large_string())).any()


# Names without their value, and headers of keys without a line after them: what looks for more beyond its end.
_OPEN = [
    *("password=", "api_key: ", 'secret = "', "authorization: basic ", "bearer ", "://user:", "bob@", "+44 ", "phone "),
    *("-----BEGIN PRIVATE KEY-----", "\nComment: abcdefghijklmnopqrstuvwxyz12", "192.168.", "eyJhbGciOiJIUzI1NiJ9."),
]
whole_or_open = st.one_of(texts, st.tuples(texts, st.sampled_from(_OPEN)).map("".join), st.none())
cut_in_two = st.tuples(texts, st.integers(0, 60)).map(lambda cut: [cut[0][: cut[1]], cut[0][cut[1] :]])
columns = st.one_of(
    st.lists(whole_or_open, min_size=1, max_size=6),
    st.lists(cut_in_two, min_size=1, max_size=3).map(lambda pairs: [half for pair in pairs for half in pair]),
)


@given(columns, st.sampled_from([Role(form="text"), Role(form="json")]), st.sampled_from([Mode.MASK, Mode.HASH]))
@example(["password=", "bob@example.com"], Role(form="text"), Mode.MASK)
@example(["-----BEGIN PRIVATE KEY-----\nComment: abcdefghijklmnopqrstuvwxyz12", "a@b.cd"], Role(form="text"), Mode.MASK)
@example([None, "", "api_key=", "", None, "secret1234567890", "a@b.cd"], Role(form="text"), Mode.HASH)
@settings(deadline=None, max_examples=60)
def test_cells_do_not_depend_on_each_other(cells: list[str | None], role: Role, mode: Mode) -> None:
    table, counts = redact(pa.table({"c": pa.array(cells, pa.string())}), {"c": role}, policy(mode=mode))
    alone = [redacted_with_counts(cell, form=role.form, mode=mode) for cell in cells if cell is not None]
    assert [cell for cell in table["c"].to_pylist() if cell is not None] == [text for text, _ in alone]
    assert [cell is None for cell in table["c"].to_pylist()] == [cell is None for cell in cells]
    assert counts == sum((found for _, found in alone), Counter())


@given(texts, st.sampled_from(["[0-9]+", "(?i)e", "a.*", r"\bORD-\d+", "[^ ]{3}"]))
@settings(deadline=None, max_examples=60)
def test_own_patterns_are_idempotent_too(text: str, regex: str) -> None:
    own = (Pattern(name="own", regex=regex),)
    once, _ = redacted_with_counts(text, patterns=own)
    assert redacted_with_counts(once, patterns=own)[0] == once
