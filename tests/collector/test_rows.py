"""Calls as objects become the rows that OTLP would have made."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import CALL_SCHEMA, SPAN_SCHEMA
from collector.otlp.attributes import pairs_to_dict
from collector.rows import _attributes, batch_of, batch_of_calls, span_of_call


def test_a_call_without_telemetry_is_a_trace_of_one_span(a_call):
    call = a_call(error_type="429", error_message="slow down", latency_s=0.25)
    batch = batch_of_calls([call])
    (span,) = batch.spans.to_pylist()
    assert batch.spans.schema == SPAN_SCHEMA
    assert batch.calls.schema == CALL_SCHEMA
    assert (span["trace_id"], span["span_id"], span["start_ns"]) == (call.trace_id, call.span_id, call.start_ns)
    assert span["end_ns"] == call.start_ns + 250_000_000
    assert (span["name"], span["status"], span["status_message"]) == ("chat gpt-4o", "error", "slow down")


def test_nothing_gives_empty_tables():
    batch = batch_of([], [])
    assert (batch.spans.schema, batch.calls.schema) == (SPAN_SCHEMA, CALL_SCHEMA)
    assert batch.n_bytes == 0


def test_unknown_stays_null_and_texts_stay_readable(a_call):
    (row,) = batch_of_calls([a_call(cost_usd=None, contexts=[], metadata={"k": "Größe"})]).calls.to_pylist()
    assert row["cost_usd"] is None
    assert row["input_messages"] is None
    assert row["contexts"] == "[]"
    assert row["metadata"] == '{"k": "Größe"}'


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(st.dictionaries(st.text(min_size=1), values))
def test_attributes_of_every_form_are_read_back(attributes):
    rows = _attributes(attributes)
    keys = [row.pop("key") for row in rows]
    assert pairs_to_dict(keys, rows) == attributes


def test_half_characters_become_question_marks(a_call):
    half = "a\ud800"
    call = a_call(service=half, tags=[half], metadata={half: half}, error_message=half)
    batch = batch_of([call], [replace(span_of_call(call), attributes={half: [half, {half: 1}]}, name=half)])
    (row,) = batch.calls.to_pylist()
    assert (row["service"], row["tags"], row["metadata"]) == ("a?", ["a?"], '{"a?": "a?"}')
    (pair,) = batch.spans.to_pylist()[0]["attributes"]
    assert pairs_to_dict([pair.pop("key")], [pair]) == {"a?": ["a?", {"a?": 1}]}


def test_an_attribute_of_no_form_is_refused():
    with pytest.raises(TypeError, match="object"):
        _attributes({"k": object()})
