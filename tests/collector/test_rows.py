"""Calls as objects become the rows that OTLP would have made."""

from dataclasses import replace

import pytest

from collector.batch import PART_SCHEMA, SPAN_SCHEMA
from collector.rows import batch_of, batch_of_calls, span_of_call


def test_a_call_without_telemetry_is_a_trace_of_one_span(a_call):
    call = a_call(error_type="429", error_message="slow down", latency_s=0.25)
    batch = batch_of_calls([call])
    (span,) = batch.spans.to_pylist()
    assert batch.spans.schema == SPAN_SCHEMA
    assert batch.parts.schema == PART_SCHEMA
    assert (span["trace_id"], span["span_id"], span["start_ns"]) == (call.trace_id, call.span_id, call.start_ns)
    assert span["end_ns"] == call.start_ns + 250_000_000
    assert (span["name"], span["status"], span["status_message"]) == ("chat gpt-4o", "error", "slow down")


def test_nothing_gives_empty_tables():
    batch = batch_of([], [])
    assert (batch.spans.schema, batch.parts.schema) == (SPAN_SCHEMA, PART_SCHEMA)
    assert batch.n_bytes == 0


def test_unknown_stays_null_and_texts_stay_readable(a_call):
    (row,) = batch_of_calls([a_call(cost_usd=None, contexts=[], metadata={"k": "Größe"})]).parts.to_pylist()
    assert row["cost_usd"] is None
    assert row["input_messages"] is None
    assert row["contexts"] == "[]"
    assert row["metadata"] == '{"k": "Größe"}'


def test_half_characters_become_question_marks(a_call):
    half = "a\ud800"
    call = a_call(service=half, tags=[half], metadata={half: half}, error_message=half)
    batch = batch_of([call], [replace(span_of_call(call), attributes={half: [half, {half: 1}]}, name=half)])
    (row,) = batch.parts.to_pylist()
    assert (row["service"], row["tags"], row["metadata"]) == ("a?", ["a?"], '{"a?": "a?"}')
    assert batch.spans.to_pylist()[0]["attributes"] == '{"a?": ["a?", {"a?": 1}]}'


def test_an_attribute_of_no_form_is_refused(a_call):
    with pytest.raises(TypeError, match="object"):
        batch_of([], [replace(span_of_call(a_call()), attributes={"k": object()})])
