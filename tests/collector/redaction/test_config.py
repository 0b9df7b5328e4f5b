"""What an operator can set, and what the coverage page is told."""

import pytest
from pydantic import ValidationError

from collector.redaction import GROUPS, Kind, Mode, RedactionConfig, Role, coverage
from collector.redaction.coverage import HOW_FOUND
from tests.collector.redaction.conftest import KEY, policy


def test_by_default_secrets_and_cards_are_masked_and_nothing_else() -> None:
    given = RedactionConfig().policy(None, installation_key=KEY)
    assert given.mode is Mode.MASK
    assert given.kinds == GROUPS["secrets"] | {Kind.CARD}


def test_a_project_sets_only_what_differs() -> None:
    config = RedactionConfig.model_validate(
        {
            "kinds": ["personal"],
            "hash_key": "a key of the operator",
            "patterns": [{"name": "order", "regex": "ORD-[0-9]+"}],
            "projects": {"bank": {"mode": "hash", "kinds": ["all"]}, "open": {"mode": "off", "patterns": []}},
        }
    )
    bank, other = (config.policy(name, installation_key=KEY) for name in ("bank", "other"))
    assert (bank.mode, bank.kinds, bank.patterns) == (Mode.HASH, GROUPS["all"], other.patterns)
    assert other.kinds == GROUPS["personal"]
    assert bank.hash_key == b"a key of the operator"
    assert config.policy("open", installation_key=KEY).patterns == ()
    assert "operator" not in repr(config)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kinds": ["emails"]}, "unknown kind 'emails'"),
        ({"hash_key": "short"}, "hash_key has 5 bytes"),
        ({"patterns": [{"name": "x", "regex": "("}]}, "pattern x"),
        ({"projects": {"p": {"patterns": [{"name": "email", "regex": "x"}]}}}, "projects.p: pattern name 'email'"),
        ({"phone_regions": ["US", "Germany"]}, "Germany unknown"),
        ({"mode": "hide"}, "mode"),
        ({"colour": 1}, "colour"),
    ],
)
def test_wrong_settings_are_refused_with_a_reason(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RedactionConfig.model_validate(given)


def test_every_kind_is_explained() -> None:
    assert set(HOW_FOUND) == set(Kind)


def test_coverage_tells_what_happens_to_each_column() -> None:
    roles = {"calls": {"input_messages": Role(form="json", content=True), "user_id": Role(form="identifier")}}
    columns = {"calls": ["call_id", "user_id", "input_messages"]}
    told = coverage(roles, columns, policy(mode=Mode.DROP_CONTENT, kinds=frozenset({Kind.EMAIL})))
    assert [(c.column, c.action) for c in told.columns] == [
        ("call_id", "as sent"),
        ("user_id", "hashed"),
        ("input_messages", "dropped"),
    ]
    assert [kind.label for kind in told.kinds] == ["EMAIL"]
    assert told.not_searched
