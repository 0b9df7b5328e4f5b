"""Their columns, our fields."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.calllog import call_of
from collector.errors import BadRequest
from collector.importing.convert import Plan, document_of
from collector.importing.mapping import TARGETS, BadMapping, look_up, mapping_of

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=8)
START = "2026-11-21T10:00:00Z"


@given(st.lists(NAMES, min_size=1, max_size=5), st.integers())
def test_a_path_leads_to_what_was_put_there(names: list[str], value: int) -> None:
    row: Any = value
    for name in reversed(names):
        row = {name: row}
    assert look_up(row, ".".join(names)) == value


ROWS = st.recursive(
    st.none() | st.text() | st.integers(), lambda i: st.lists(i) | st.dictionaries(NAMES, i), max_leaves=6
)


@given(ROWS, st.text())
def test_any_path_into_anything_is_something_or_nothing(row: Any, path: str) -> None:
    look_up(row, path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("a", {"b": 2}),
        ("list.1.x", 5),
        ("list.-1.x", 5),
        ("list.7.x", None),
        ("text.k", 6),
        ("text.k.l", None),
        ("none.x", None),
        ("", None),
    ],
)
def test_paths(path: str, value: Any) -> None:
    row = {"a.b": 1, "a": {"b": 2}, "list": [{"x": 4}, {"x": 5}], "text": '{"k": 6}', "none": None}
    assert look_up(row, path) == value


def document(row: dict[str, Any], *maps: str, **plan: Any) -> dict[str, Any]:
    found = document_of(row, Plan(mapping=mapping_of(maps), **plan))
    assert found is not None
    return found


def test_mapped_columns_become_fields_and_the_others_are_kept_as_metadata() -> None:
    row = {"ts": START, "usage": {"in": "7", "out": 3}, "who": 5, "team": "red", "service": "shop", "empty": ""}
    found = document(row, "ts=start_time", "usage.in=input_tokens", "usage.out=output_tokens", "who=user_id")
    assert found == {
        "start_time": START, "input_tokens": 7, "output_tokens": 3, "user_id": "5", "service": "shop",
        "metadata": {"team": "red"},
    }  # fmt: skip


def test_a_column_can_be_left_out_or_become_a_part_of_an_object() -> None:
    row = {"start_time": START, "temp": "0.2", "team": "red", "noise": 1, "metadata": {"a": 1}}
    found = document(row, "temp=parameters.temperature", "team=metadata.team", "noise=-")
    assert found == {"start_time": START, "parameters": {"temperature": 0.2}, "metadata": {"a": 1, "team": "red"}}


def test_without_a_mapping_a_column_that_is_no_field_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match=r"latancy_s: unknown, did you mean latency_s\?"):
        call_of(document({"start_time": START, "latancy_s": "1"}))
    assert document({"start_time": START, "unused": ""}) == {"start_time": START}


def test_latencies_come_from_times_and_from_milliseconds() -> None:
    row = {"begin": 1795255200, "end": 1795255202.5, "first": "2026-11-21 10:00:01", "ms": "250"}
    maps = ["begin=start_time", "end=end_time", "first=first_token_time", "ms=-"]
    assert document(row, *maps) == {"start_time": START, "latency_s": 2.5, "ttft_s": 1.0}
    found = document(row, "begin=start_time", "ms=latency_ms", "end=-", "first=-")
    assert found == {"start_time": START, "latency_s": 0.25}


def test_an_end_before_the_start_is_no_latency_and_one_that_is_no_time_is_refused() -> None:
    assert "latency_s" not in document({"start_time": START, "end_time": "2026-11-21T09:00:00Z"})
    with pytest.raises(BadRequest, match="end_time: 'soon'"):
        document({"start_time": START, "end_time": "soon"})
    with pytest.raises(BadRequest, match="latency_ms: must be a number"):
        document({"start_time": START, "latency_ms": "fast"})


def test_defaults_fill_what_a_row_does_not_say(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(
        'leave_out = ["noise"]\n[fields]\nstart_time = ["ts", "when"]\n"metadata.team" = "team"\n'
        '[defaults]\nprovider = "openai"\nproject = "file"\nservice = "file"\n'
    )
    plan = Plan(mapping=mapping_of(["model=request_model"], file), defaults={"project": "option"})
    row = {"when": START, "model": "m", "team": "red", "noise": 1, "service": "row"}
    assert document_of(row, plan) == {
        "start_time": START, "request_model": "m", "metadata": {"team": "red"}, "provider": "openai",
        "project": "option", "service": "row",
    }  # fmt: skip


def test_an_option_goes_before_the_mapping_file(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('[fields]\nstart_time = "a"\n')
    plan = Plan(mapping=mapping_of(["b=start_time"], file))
    assert document_of({"a": "2020-01-01T00:00:00Z", "b": START}, plan)["start_time"] == START  # type: ignore[index]


@pytest.mark.parametrize(
    ("pair", "said"),
    [("a", "THEIR_COLUMN=OUR_FIELD"), ("=start_time", "THEIR_COLUMN"), ("a=", "THEIR_COLUMN"),
     ("a=start_tine", "did you mean start_time?"), ("a=user_id.x", "only parameters and metadata")],
)  # fmt: skip
def test_a_pair_that_cannot_be_is_refused_with_the_way_out(pair: str, said: str) -> None:
    with pytest.raises(BadMapping) as caught:
        mapping_of([pair])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("[fields", "not TOML"), ("[field]\na = 1", "did you mean fields?"), ('[fields]\nnope = "a"', "fields.nope"),
     ("[fields]\nstart_time = 1", "name of a column"), ("[defaults]\nnope = 1", "defaults.nope"),
     ("leave_out = 1", "leave_out is a list")],
)  # fmt: skip
def test_a_file_that_is_no_mapping_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "m.toml"
    file.write_text(text)
    with pytest.raises(BadMapping) as caught:
        mapping_of([], file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_mapping_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadMapping, match=r"none\.toml: cannot be read"):
        mapping_of([], tmp_path / "none.toml")


CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(
    st.dictionaries(st.sampled_from([*TARGETS, "x", "y"]), CELLS, max_size=6),
    st.lists(st.tuples(st.sampled_from(["x", "y", "user_id"]), st.sampled_from([*TARGETS, "metadata.k"])), max_size=3),
)
def test_any_row_through_any_mapping_is_a_call_or_is_refused(row: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    plan = Plan(mapping=mapping_of([f"{theirs}={ours}" for theirs, ours in pairs]))
    try:
        found = document_of({"start_time": START, **row}, plan)
        assert found is not None
        call_of(found)
    except BadRequest:
        return
