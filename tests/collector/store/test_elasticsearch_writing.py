"""What senders may write into Elasticsearch: anything, of any length, without spoiling the rest."""

import json
import logging
import time
from contextlib import ExitStack, closing
from dataclasses import replace

import pyarrow as pa
import pytest
from elasticsearch import Elasticsearch

from collector.batch import SPAN_SCHEMA, Batch
from collector.errors import StoreMisconfigured, StoreUnavailable
from collector.query import Aggregation
from collector.store import open_elasticsearch
from collector.store.base import TextVector
from collector.store.elasticsearch import kinds
from collector.store.elasticsearch.bulk import Action, send
from tests.collector.joining import test_joining as joining
from tests.collector.records import batch_of_points

HOUR_NS = 3600 * 10**9


@pytest.fixture
def es_store(elasticsearch):
    store = open_elasticsearch(elasticsearch)
    yield store
    store.close()


@pytest.fixture
def client(elasticsearch):
    with Elasticsearch(elasticsearch.url) as client:
        yield client


def fields_of(client, index):
    """How many fields the mapping has."""
    told = client.indices.get_mapping(index=index).body
    return [len(mapping["mappings"]["properties"]) for mapping in told.values()]


def test_ten_thousand_attribute_keys_grow_no_mapping(es_store, client, elasticsearch, everything, a_span, a_batch):
    es_store.write([a_batch((), [a_span()])])
    spans = f"{elasticsearch.prefix}-spans-*"
    before = fields_of(client, spans)
    many = [
        a_span(attributes={f"key.{n * 100 + i}": f"value {i}" for i in range(100)} | {"deep": {"x": {"y": [n]}}})
        for n in range(100)
    ]
    es_store.write([a_batch((), many)])
    assert fields_of(client, spans) == before
    assert es_store.trace(many[7].trace_id).spans == [many[7]]
    client.indices.refresh(index=spans)
    found = client.search(index=spans, query={"term": {"attribute_values.key.4211": "value 11"}})["hits"]["hits"]
    assert [hit["_source"]["span_id"] for hit in found] == [many[42].span_id]


@pytest.mark.parametrize(
    "attributes",
    [
        '{"a":"' + "x" * 100_000 + '"}',
        '{"' + "k" * 40_000 + '":1}',
        '{"": 1, "a.b": 1, "a": {"b": 2}, ".": 3, "nul": "\\u0000"}',
        '{"cut": "in the mid',
        "[" * 150 + "]" * 150,
        '{"n": 123456789012345678901234567890, "a": 1, "a": 2}',
    ],
)
def test_odd_attributes_are_stored_letter_by_letter(es_store, client, elasticsearch, a_span, a_batch, attributes):
    whole = a_batch((), [a_span()])
    row = whole.spans.to_pylist()[0] | {"attributes": attributes}
    result = es_store.write([Batch(spans=pa.Table.from_pylist([row], schema=SPAN_SCHEMA))])
    assert result.n_spans == 1
    assert es_store.n_refused == 0
    client.indices.refresh(index=f"{elasticsearch.prefix}-spans-*")
    (hit,) = client.search(index=f"{elasticsearch.prefix}-spans-*")["hits"]["hits"]
    assert hit["_source"]["attributes"] == attributes


def test_names_longer_than_lucene_takes_are_whole_filtered_and_grouped(es_store, everything, a_call, a_batch):
    long, longer = "ü" * 40_000, "ü" * 40_001
    calls = [a_call(service=long, request_model=longer), a_call(service=longer, user_id=long)]
    es_store.write([a_batch(calls)])
    assert [es_store.call(call.call_id) for call in calls] == calls
    assert [call.service for call in es_store.calls(replace(everything, service=long)).items] == [long]
    shown = es_store.values("service", everything)
    assert len(shown) == 2
    for name in shown:  # what is shown can be asked for
        assert len(es_store.calls(replace(everything, service=name)).items) == 1


def test_numbers_that_are_none_come_back_as_they_were(es_store, everything):
    points = [{"point_id": str(n), "time_ns": n, "value": value} for n, value in enumerate(("nan", "inf", "-inf"))]
    es_store.write([batch_of_points([point | {"value": float(point["value"])} for point in points])])
    assert [str(point.value) for point in es_store.points(everything).items] == ["-inf", "inf", "nan"]


def test_what_can_never_be_stored_is_counted_and_told_and_the_rest_is_kept(es_store, elasticsearch, caplog):
    index = f"{elasticsearch.prefix}-calls-2026.11.21"
    good = json.dumps({"call_id": "good", "start_ns": 1, "project": "p"}).encode()
    bad = json.dumps({"call_id": "bad", "start_ns": "noon", "project": "p"}).encode()
    with caplog.at_level(logging.WARNING):
        outcome = send(
            es_store._cluster,
            kinds.CALLS,
            [Action("index", index, "1", good), Action("index", index, "2", bad), Action("index", index, "3", good)],
        )
    assert (outcome.done, outcome.refused.total()) == (2, 1)
    assert "start_ns" in caplog.text
    assert "1 calls can never be stored" in caplog.text


def test_an_index_that_is_blocked_refuses_writes_and_takes_them_again(
    es_store, client, elasticsearch, everything, a_call, a_batch
):
    es_store.write([a_batch([a_call()])])
    index = f"{elasticsearch.prefix}-calls-2026.11.21"
    lost = a_batch([a_call()])
    # What Elasticsearch itself does when a disk is full to the flood stage.
    client.indices.put_settings(index=index, settings={"index.blocks.read_only_allow_delete": True})
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"disk is full.*free space"):
        es_store.write([lost])
    assert time.monotonic() - began_s < 5
    assert len(es_store.calls(everything).items) == 1
    client.indices.put_settings(index=index, settings={"index.blocks.read_only_allow_delete": None})
    assert es_store.write([lost]).n_calls == 1
    client.indices.put_settings(index=index, settings={"index.blocks.write": True})
    with pytest.raises(StoreUnavailable, match=r"index.blocks"):
        es_store.write([a_batch([a_call()])])


def test_a_field_that_an_older_version_did_not_know_is_added_to_the_days_that_are_there(
    elasticsearch, client, everything, a_call, a_batch, monkeypatch
):
    old_mappings = kinds.Kind.mappings

    def older(kind):
        told = old_mappings(kind)
        told["properties"] = {name: how for name, how in told["properties"].items() if name != "tenant"}
        return told

    with monkeypatch.context() as patch:
        patch.setattr(kinds.Kind, "mappings", older)
        store = open_elasticsearch(elasticsearch)
        old = a_call()
        store.write([a_batch([old])])
        with pytest.raises(StoreMisconfigured, match=r"store init"):
            store.write([a_batch([a_call(tenant="t")])])
        store.close()
    for module in ("kinds", "templates"):
        monkeypatch.setattr(f"collector.store.elasticsearch.{module}.SCHEMA_VERSION", 2)
    store = open_elasticsearch(elasticsearch)
    new, another_day = a_call(tenant="t"), a_call(tenant="t", start_ns=old.start_ns + 24 * HOUR_NS)
    store.write([a_batch([new, another_day])])
    assert {call.call_id: call.tenant for call in store.calls(everything).items} == {
        old.call_id: None, new.call_id: "t", another_day.call_id: "t",
    }  # fmt: skip
    store.close()
    monkeypatch.undo()
    with pytest.raises(StoreMisconfigured, match=r"newer Watchkeeper"):
        open_elasticsearch(elasticsearch)


def test_more_groups_than_one_answer_holds_come_in_several(es_store, everything, a_call, a_batch):
    base = a_call().start_ns
    calls = [a_call(start_ns=base + n * 10**9, service=f"s{n % 7}", project=f"p{n % 3}") for n in range(2500)]
    es_store.write([a_batch(calls)])
    table = es_store.aggregate(
        Aggregation(filters=everything, metrics=("requests",), step_s=1.0, by=("service", "project"))
    )
    assert len(table["requests"]) == 2500
    assert table["time_ns"] == sorted(call.start_ns for call in calls)


def test_a_text_of_several_words_counts_where_it_stands(es_store, everything, a_call, a_batch):
    def says(text):
        return a_call(input_messages=[{"role": "user", "parts": [{"type": "text", "content": text}]}])

    es_store.write([a_batch([says("the red house"), says("the house is red"), says("bred houses"), says("r" * 600)])])
    asked = Aggregation(filters=replace(everything, text="red house"), metrics=("requests",))
    assert es_store.aggregate(asked) == {"requests": [2]}
    one_word = replace(asked, filters=replace(everything, text="RED"))
    assert es_store.aggregate(one_word) == {"requests": [3]}
    assert len(es_store.calls(replace(everything, text="r" * 300)).items) == 1


def test_similar_vectors_of_one_call_are_all_read_over_pages(es_store, monkeypatch):
    monkeypatch.setattr("collector.store.elasticsearch.vectors.CHUNK_CALLS", 50)
    vectors = [
        TextVector(call_id=f"c{n}", call_start_ns=5, kind="k", version="1", values=[n / 8, -n / 4]) for n in range(120)
    ]
    es_store.write_vectors(vectors)
    found = es_store.vectors([vector.call_id for vector in vectors], kind="k", version="1")
    assert found == {vector.call_id: list(vector.values) for vector in vectors}


@pytest.fixture
def opened(elasticsearch):
    """`opened()`: the store on the data of this test, opened anew."""
    with ExitStack() as stores:

        def again():
            stores.close()
            return stores.enter_context(closing(open_elasticsearch(elasticsearch)))

        yield again


def test_a_call_that_comes_in_parts_over_restarts_is_one_call(opened, everything):
    writes = [
        joining.a_span("a", request_model="gpt-4o", input_tokens=5, output_tokens=2),
        joining.an_event("a", "l1", at_s=0.1, input_messages=joining.ASKED),
        joining.an_event("a", "l2", at_s=0.9, output_messages=joining.TOLD),
    ]
    for batch in (*writes, *writes):
        store = opened()
        store.write([batch])
    (call,) = store.calls(everything).items
    assert (call.prompt_text, call.output_text, call.request_model) == ("Why?", "So.", "gpt-4o")
    assert [found.seq for found in store.scan(after_seq=0, limit=9)] == [call.seq]
    assert store.last_seq() == call.seq


@pytest.mark.parametrize("first", ["inner", "outer"])
def test_two_spans_of_one_call_leave_no_second_call(opened, everything, first):
    told = {"request_model": "gpt-4o", "input_tokens": 5, "output_tokens": 2}
    spans = [joining.a_span("b", parent="a", at_s=0.1, **told), joining.a_span("a", **told)]
    ordered = spans if first == "inner" else spans[::-1]
    for batch in (*ordered, *ordered):
        store = opened()
        store.write([batch])
    (call,) = store.calls(everything).items
    assert call.input_tokens == 5
    assert [found.call_id for found in store.scan(after_seq=0, limit=9)] == [call.call_id]
