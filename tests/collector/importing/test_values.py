"""Times and values as files hold them."""

import json
import math
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.calllog import CallDocument
from collector.importing.times import rfc3339
from collector.importing.values import structure, typed
from collector.times import format_rfc3339, parse_rfc3339

TIMES_NS = st.integers(parse_rfc3339("2000-01-01T00:00:00Z"), parse_rfc3339("2199-12-31T00:00:00Z"))


@given(TIMES_NS, st.sampled_from([1, 10**3, 10**6, 10**9]), st.sampled_from([int, str]))
def test_unix_times_of_every_unit_are_that_time(time_ns: int, factor: int, form: Any) -> None:
    assert parse_rfc3339(rfc3339(form(time_ns // factor))) == time_ns // factor * factor


@given(TIMES_NS)
def test_rfc3339_stays_the_same_time(time_ns: int) -> None:
    assert parse_rfc3339(rfc3339(format_rfc3339(time_ns))) == time_ns


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 10:00:00.5",
        "2026-11-21T10:00:00.500000000000Z",
        "2026-11-21 12:00:00.5+02",
        "2026-11-21 10:00:00,5 UTC",
        "2026-11-21T12:00:00.5+0200",
        "1795255200.5",
        1795255200.5,
        " 2026-11-21T10:00:00.5Z ",
    ],
)
def test_times_as_programs_write_them(text: Any) -> None:
    assert parse_rfc3339(rfc3339(text)) == parse_rfc3339("2026-11-21T10:00:00.5Z")


def test_a_time_that_names_no_zone_is_in_the_one_given() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_rfc3339(rfc3339("2026-07-01 12:00", berlin)) == parse_rfc3339("2026-07-01T10:00:00Z")
    assert parse_rfc3339(rfc3339("2026-12-01 12:00", berlin)) == parse_rfc3339("2026-12-01T11:00:00Z")
    assert rfc3339("2026-12-01T12:00:00Z", berlin) == "2026-12-01T12:00:00Z"


@pytest.mark.parametrize("value", ["yesterday", "2026-11-21", "2026-13-01 10:00", 12, 1e300, True, None, [1], math.inf])
def test_what_is_no_time_is_left_for_the_validation_to_name(value: Any) -> None:
    assert rfc3339(value) is value


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("input_tokens", "12", 12), ("input_tokens", "12.0", 12), ("input_tokens", 12.0, 12),
        ("input_tokens", "", None),
        ("input_tokens", "NaN", None), ("input_tokens", math.nan, None), ("input_tokens", "many", "many"),
        ("latency_s", "0.5", 0.5), ("latency_s", 1, 1.0), ("cost_usd", "1e-3", 0.001), ("cost_usd", " null ", None),
        ("stream", "True", True), ("stream", "f", False), ("stream", 1, True), ("stream", "0", False),
        ("stream", "maybe", "maybe"),
        ("user_id", 42, "42"), ("user_id", 42.0, "42"), ("user_id", "", None), ("user_id", "null", "null"),
        ("tags", "a", ["a"]), ("tags", '["a", "b"]', ["a", "b"]), ("tags", [1, None], ["1"]), ("tags", "[]", []),
        ("metadata", '{"a": 1}', {"a": 1}), ("metadata", "{'a': None}", {"a": None}), ("metadata", "x", "x"),
        ("parameters.temperature", "0.5", 0.5), ("parameters.top_k", "5", 5), ("metadata.team", "7", "7"),
        ("input_messages", "hi", "hi"), ("input_messages", '{"a": 1}', '{"a": 1}'), ("input_messages", "[1]", "[1]"),
        ("input_messages", '[{"role": "user", "content": "hi"}]', [{"role": "user", "content": "hi"}]),
        ("input_messages", "[{'role': 'user', 'content': 'hi'}]", [{"role": "user", "content": "hi"}]),
        ("contexts", "only one", ["only one"]), ("contexts", '["a", "b"]', ["a", "b"]),
        ("system_instructions", "[be brief]", "[be brief]"),
        ("no_such_field", "x", "x"),
    ],
)  # fmt: skip
def test_values_become_what_their_field_wants(field: str, value: Any, expected: Any) -> None:
    got = typed(field, value)
    assert got == expected
    assert type(got) is type(expected)


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(st.sampled_from([*CallDocument.model_fields, "end_time", "latency_ms", "metadata.x", "parameters.x"]), ANY)
def test_no_value_is_too_odd(field: str, value: Any) -> None:
    once = typed(field, value)
    again = typed(field, once)
    assert again == once or (again != again and once != once)


@given(st.text())
def test_a_text_holds_json_or_is_itself(text: str) -> None:
    found = structure(text)
    assert found is text or json.loads(json.dumps(found, allow_nan=False)) == found
