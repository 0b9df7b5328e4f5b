"""Redaction by column."""

import json

import pyarrow as pa
import pytest

from collector.redaction import InvalidPolicy, Kind, Mode, Pattern, Policy, Role, redact
from tests.collector.redaction.conftest import KEY, policy, redacted_with_counts

ROLES = {
    "name": Role(form="text"),
    "messages": Role(form="json", content=True),
    "attributes": Role(form="json"),
    "user_id": Role(form="identifier"),
    "tags": Role(form="texts"),
}


def a_table() -> pa.Table:
    return pa.table(
        {
            "id": pa.array([1, 2, 3]),
            "name": ["mail bob@example.com", None, "plain"],
            "messages": ['[{"content":"bob@example.com"}]', "[]", None],
            "attributes": ['{"card":4111111111111111}', None, "{}"],
            "user_id": ["bob@example.com", "eve@example.com", "u17"],
            "tags": pa.array([["a", "bob@example.com"], None, []], pa.list_(pa.string())),
        }
    )


def test_masking_replaces_values_and_counts_them() -> None:
    after, counts = redact(a_table(), ROLES, policy())
    assert after.schema == a_table().schema
    assert after["id"].to_pylist() == [1, 2, 3]
    assert after["name"].to_pylist() == ["mail [EMAIL]", None, "plain"]
    assert after["messages"].to_pylist() == ['[{"content":"[EMAIL]"}]', "[]", None]
    assert after["attributes"].to_pylist() == ['{"card":"[CARD]"}', None, "{}"]
    assert after["tags"].to_pylist() == [["a", "[EMAIL]"], None, []]
    assert counts == {"email": 5, "card": 1}


def test_masked_identifiers_stay_different() -> None:
    after, _ = redact(a_table(), ROLES, policy())
    bob, eve, other = after["user_id"].to_pylist()
    assert bob.startswith("[EMAIL:")
    assert eve.startswith("[EMAIL:")
    assert bob != eve
    assert other == "u17"


def test_hashing_gives_one_value_one_token_however_it_is_spelled() -> None:
    def hashed(text: str, key: bytes = KEY) -> str:
        return redacted_with_counts(text, mode=Mode.HASH, hash_key=key)[0]

    assert hashed("bob@example.com") == hashed("Bob@Example.COM")
    assert hashed("4111 1111 1111 1111") == hashed("4111-1111-1111-1111") == hashed("4111111111111111")
    assert hashed("+1 201-555-0123") == hashed("(201) 555-0123")
    assert hashed("bob@example.com") != hashed("eve@example.com")
    assert hashed("bob@example.com") != hashed("bob@example.com", b"another key of tests")
    assert len(hashed("bob@example.com")) == len("[EMAIL:3f2a9c0d41be]")


def test_dropping_content_empties_content_columns_and_masks_the_rest() -> None:
    after, counts = redact(a_table(), ROLES, policy(mode=Mode.DROP_CONTENT))
    assert after["messages"].to_pylist() == [None, None, None]
    assert after["name"].to_pylist() == ["mail [EMAIL]", None, "plain"]
    assert counts == {"content": 2, "email": 4, "card": 1}


def test_dropping_content_that_may_not_be_null_leaves_it_empty() -> None:
    schema = pa.schema([pa.field("messages", pa.string(), nullable=False)])
    table = pa.table({"messages": ["hello"]}, schema)
    assert redact(table, ROLES, policy(mode=Mode.DROP_CONTENT))[0]["messages"].to_pylist() == [""]


def test_off_changes_nothing() -> None:
    assert redact(a_table(), ROLES, Policy(mode=Mode.OFF)) == (a_table(), {})


def test_without_a_find_the_columns_are_the_same_memory() -> None:
    table = pa.table({"name": ["nothing here", "nor here"]})
    assert redact(table, ROLES, policy())[0]["name"].chunk(0).buffers()[2].address == (
        table["name"].chunk(0).buffers()[2].address
    )


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices_chunks_and_large_strings(kind: pa.DataType) -> None:
    texts = [f"{i} bob{i}@example.com" if i % 3 else None if i % 2 else "" for i in range(40)]
    lists = [None if i % 5 == 0 else [t or "", "x"] for i, t in enumerate(texts)]
    table = pa.concat_tables(
        [
            pa.table({"name": pa.array(texts, kind), "tags": pa.array(lists, pa.list_(kind))}).slice(3, 20),
            pa.table({"name": pa.array(texts, kind), "tags": pa.array(lists, pa.list_(kind))}).slice(7, 9),
        ]
    ).slice(2, 22)
    after, counts = redact(table, ROLES, policy())
    expected = [t and (f"{t.split()[0]} [EMAIL]" if "@" in t else t) for t in table["name"].to_pylist()]
    assert after["name"].to_pylist() == expected
    assert after["tags"].to_pylist() == [
        None if row is None else [f"{t.split()[0]} [EMAIL]" if "@" in t else t for t in row]
        for row in table["tags"].to_pylist()
    ]
    assert counts["email"] > 20
    after.validate(full=True)


def test_numbers_of_neighbouring_cells_are_not_joined() -> None:
    table = pa.table({"name": ["x 411111111111", "1111 y", "4111111111111111", "4111111111111111", "2024", "7"]})
    after, counts = redact(table, ROLES, policy())
    assert after["name"].to_pylist() == ["x 411111111111", "1111 y", "[CARD]", "[CARD]", "2024", "7"]
    assert counts == {"card": 2}


def test_an_empty_table_and_absent_columns() -> None:
    empty = a_table().slice(0, 0)
    assert redact(empty, ROLES, policy())[0] == empty
    other = pa.table({"else": ["bob@example.com"]})
    assert redact(other, ROLES, policy())[0] == other


def test_own_patterns_are_found_and_come_first() -> None:
    own = (Pattern(name="order_number", regex=r"\bORD-[0-9]{4,}"), Pattern(name="bobs", regex="bob@.*"))
    text = 'see ORD-12345, XORD-123456 and\nORD-9876 "bob@example.com"'
    expected = 'see [ORDER_NUMBER], XORD-123456 and\n[ORDER_NUMBER] "[BOBS]'
    after, counts = redacted_with_counts(text, patterns=own)
    assert after == expected
    assert counts == {"order_number": 2, "bobs": 1}
    raw = json.dumps({"m": "a\nORD-12345"})
    assert redacted_with_counts(raw, patterns=own)[0] == json.dumps({"m": "a\n[ORDER_NUMBER]"})


def test_own_patterns_work_without_built_in_kinds() -> None:
    own = (Pattern(name="x", regex="(?i)müller"),)
    assert redacted_with_counts("bob@example.com MÜLLER", kinds=frozenset(), patterns=own)[0] == "bob@example.com [X]"
    escaped = json.dumps({"m": "Müller"})
    assert json.loads(redacted_with_counts(escaped, kinds=frozenset(), patterns=own)[0]) == {"m": "[X]"}


@pytest.mark.parametrize(
    ("name", "regex", "why"),
    [
        ("Order", "x", "small letters"),
        ("email", "x", "built-in kind"),
        ("x", "(?=a)", "RE2"),
        ("x", "(", "RE2"),
        ("x", "a*", "empty text"),
    ],
)
def test_a_wrong_pattern_is_refused_with_a_reason(name: str, regex: str, why: str) -> None:
    with pytest.raises(InvalidPolicy, match=why):
        Pattern(name=name, regex=regex)


def test_a_policy_needs_a_key_and_different_names() -> None:
    with pytest.raises(InvalidPolicy, match="hash_key"):
        Policy(mode=Mode.MASK, kinds=frozenset({Kind.EMAIL}))
    twice = (Pattern(name="x", regex="a"), Pattern(name="x", regex="b"))
    with pytest.raises(InvalidPolicy, match="must differ"):
        Policy(hash_key=KEY, patterns=twice)
    assert KEY.decode() not in repr(policy())
