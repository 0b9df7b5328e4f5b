"""Rows of files, whatever their shape -> answers."""

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import BadRequest, WatchkeeperError
from watchkeeper.commands.answers import TARGETS, Answer, Answers, answer_of, shape_of
from watchkeeper.commands.reading_answers import checked_file, read_answers

OWN = shape_of(None, [])
CALL = {
    "call_id": "a" * 32, "start_time": "2026-11-21T12:00:00Z", "session_id": "s1", "error_type": None,
    "input_messages": [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Where is my order?"}]},
    ],
    "output_messages": [{"role": "assistant", "parts": [{"type": "text", "content": "In the depot."}]}],
    "contexts": [{"id": "doc1", "content": "The order is in the depot.", "score": 0.8}],
}  # fmt: skip
OPENAI = {
    "request": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Where is my order?"}]},
    "response": {"choices": [{"message": {"role": "assistant", "content": "In the depot."}}]},
}  # fmt: skip


def read(row: Mapping[str, Any], *maps: str, preset: str | None = None) -> Answer:
    answer = answer_of(row, shape_of(preset, maps))
    assert answer is not None
    return answer


def test_a_plain_row_has_the_columns_that_compare_takes() -> None:
    row = {
        "output": "Yes.",
        "prompt": "Ok?",
        "session": 7,
        "segment": "eu",
        "score": "0.5",
        "retrieved": ["a", "b"],
        "x": 1,
    }
    assert read(row) == Answer(
        output="Yes.", prompt="Ok?", session="7", segment="eu", score=0.5, retrieved=["a", "b"]
    )  # fmt: skip


def test_a_call_of_our_api_is_its_text_its_question_its_session_and_its_documents() -> None:
    answer = read(CALL)
    assert (answer.output, answer.prompt, answer.session) == ("In the depot.", "Where is my order?", "s1")
    assert answer.retrieved == CALL["contexts"]
    assert answer.contexts == ("The order is in the depot.",)


def test_a_failed_call_has_no_answer() -> None:
    assert read(CALL | {"error_type": "timeout"}).output is None
    assert read(CALL | {"output_messages": None}).output is None


def test_an_empty_answer_is_one() -> None:
    assert read({"output": ""}).output == ""


def test_a_pair_of_request_and_response_is_read_without_being_told() -> None:
    assert read(OPENAI) == Answer(output="In the depot.", prompt="Where is my order?")
    as_texts = {name: json.dumps(value) for name, value in OPENAI.items()}
    assert read(as_texts) == read(OPENAI)


def test_rows_of_known_programs_need_the_preset() -> None:
    row = {"id": "1", "traceId": "t", "type": "GENERATION", "input": "Ok?", "output": "Yes.", "sessionId": "s"}
    assert read(row, preset="langfuse") == Answer(output="Yes.", prompt="Ok?", session="s")
    assert answer_of(row | {"type": "SPAN"}, shape_of("langfuse", [])) is None


def test_other_columns_are_named_and_may_be_paths() -> None:
    row = {"reply": {"text": "Yes."}, "q": "Ok?", "meta": '{"score": "4"}', "session": "s"}
    answer = read(row, "reply.text=output", "q=prompt", "meta.score=score")
    assert answer == Answer(output="Yes.", prompt="Ok?", session="s", score=4.0)
    assert read(CALL | {"metadata": {"route": "eu"}}, "metadata.route=segment").segment == "eu"


def test_answers_may_be_messages_and_texts_that_were_retrieved_have_no_ids() -> None:
    row = {"output": [{"role": "assistant", "content": "Yes."}], "contexts": '["one", "two"]'}
    answer = read(row)
    assert answer.output == "Yes."
    assert answer.contexts == ("one", "two")


@pytest.mark.parametrize("value", [None, "", "NaN", "null", " none "])
def test_no_score_is_unknown_and_not_0(value: Any) -> None:
    assert read({"output": "x", "score": value, "session": value}) == Answer(output="x")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"answer": "x", "b": 1}, "its columns are answer, b; say which holds it, such as --map answer=output"),
        ({"output": 3}, "output: must be a text or messages, got 3"),
        ({"output": "x", "score": "good"}, "score: must be a number, got 'good'"),
        ({"output": "x", "score": "inf"}, "score: must be finite"),
        ({"output": "x", "session": {"id": 1}}, "session: must be a text or a whole number"),
        ({"output": "x", "retrieved": 3}, "retrieved: must be a list of ids or of documents, got 3"),
        ({"output": "x", "retrieved": [None]}, "retrieved: must be a list of ids or of documents"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRequest) as told:
        answer_of(row, OWN)
    assert reason in str(told.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*TARGETS, "output_messages", "input_messages", "response", "request", "choices", "error_type"])


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_row_is_an_answer_or_is_refused(row: dict[str, Any]) -> None:
    try:
        answer = answer_of(row, OWN)
    except BadRequest:
        return
    assert answer is not None
    assert answer.output is None or isinstance(answer.output, str)
    assert isinstance(answer.contexts, tuple)


@pytest.mark.parametrize("pair", ["answer", "=output", "answer=", "answer=outptu"])
def test_a_mapping_that_cannot_be_is_refused(pair: str) -> None:
    with pytest.raises(WatchkeeperError, match="--map"):
        shape_of(None, [pair])


def test_columns_that_nobody_filled_are_not_there() -> None:
    table = Answers([Answer(output=None), Answer(output="x", score=0.5)])
    assert table.columns == ["output", "score"]
    assert table["score"] == [None, 0.5]


def test_the_format_of_the_file_changes_nothing(tmp_path: Path) -> None:
    rows = [{"output": f"Answer {i}\nline two", "prompt": "Ok?", "score": i / 10, "session": f"s{i}"} for i in range(9)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    names = ("a.jsonl", "a.jsonl.gz", "a.json", "a.parquet", "a.csv")
    tables = [read_answers(*checked_file(str(tmp_path / name), None), OWN) for name in names]
    assert tables[0]["output"][0] == "Answer 0\nline two"
    assert all(table == tables[0] for table in tables)


def test_bad_rows_are_named_with_their_line_and_the_rest_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"output": "one"}\n{not json\n\n{"output": 2}\n{"output": "three"}\n')
    assert read_answers(*checked_file(str(path), None), OWN)["output"] == ["one", "three"]
    said = capsys.readouterr().err
    assert "a.jsonl: 2 rows left out" in said
    assert "line 2: not JSON" in said
    assert "line 4: output: must be a text" in said


@pytest.mark.parametrize("content", ["", '{"output": null}\n', '{"answer": "x"}\n'])
def test_a_file_without_an_answer_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(WatchkeeperError, match="holds no answers"):
        read_answers(*checked_file(str(path), None), OWN)


def test_half_a_file_is_refused_since_half_a_comparison_misleads(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"output": "a text that is long enough"}\n' * 5000)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WatchkeeperError, match="is the file whole"):
        read_answers(*checked_file(str(tmp_path / "a.jsonl.gz"), None), OWN)
