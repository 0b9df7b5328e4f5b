"""All rows of one store, put into the other: each is there once, as it was, and again changes nothing."""

from dataclasses import replace

import pyarrow as pa
import pytest

from collector.batch import OPINION_SCHEMA, Batch
from collector.score import Score
from collector.store import open_elasticsearch, open_store
from collector.store.base import TextVector
from collector.store.moving import SCHEMAS, Loaded
from collector.verdict import Verdict
from tests.collector.records import batch_of_logs, batch_of_points

DAY_NS = 86_400 * 10**9


def an_opinion(time_ns):
    row = dict.fromkeys(OPINION_SCHEMA.names) | {
        "opinion_id": "o1", "time_ns": time_ns, "project": "default", "target_kind": "call", "name": "thumbs",
        "source": "user", "value": 1.0, "trace_id": "ab" * 16,
    }  # fmt: skip
    return Batch(opinions=pa.Table.from_pylist([row], schema=OPINION_SCHEMA))


@pytest.fixture
def filled(store, a_call, a_span, a_batch):
    """A store with something of every kind, on two days and in two projects, one call of several parts among it."""
    first = a_call(input_messages=[{"role": "user", "parts": [{"type": "text", "content": "Grüezi  \u2028 'du'"}]}])
    others = [
        a_call(project="other", tags=["a", "b"], finish_reasons=["stop"], contexts=["Zürich"]),
        a_call(start_ns=first.start_ns - DAY_NS, metadata={"n": 1.5, "deep": {"x": [1, None]}}),
    ]
    parent = a_span(trace_id="cd" * 16, span_id="01" * 8, start_ns=first.start_ns, attributes={"user.id": "anna"})
    # The same call told twice, by the span of a gateway and by that of the SDK below it: one call of two parts.
    twice = {"trace_id": "cd" * 16, "response_id": "resp-1", "start_ns": first.start_ns}
    outer, inner = a_call(span_id="02" * 8, **twice), a_call(span_id="03" * 8, **twice)
    store.write([a_batch([first, *others]), a_batch([outer, inner], spans=[parent])])
    store.write([batch_of_logs([{"log_id": "l1", "time_ns": first.start_ns, "body": "said", "attributes": {"k": 1}}])])
    store.write([batch_of_points([{"point_id": "p1", "time_ns": first.start_ns, "value": 2.5}])])
    store.write([an_opinion(first.start_ns)])
    score = {"target_kind": "call", "target_id": first.call_id, "target_start_ns": first.start_ns, "value": 0.5}
    store.write_scores([Score(evaluator="mine", version="1", source="model", created_ns=first.start_ns, **score)])
    vector = TextVector(call_id=first.call_id, call_start_ns=first.start_ns, kind="k", version="1", values=[0.1, -2.0])
    store.write_vectors([vector, replace(vector, version="2")])
    store.write_verdicts([a_verdict(first.start_ns)])
    return store


def a_verdict(decided_ns):
    return Verdict(
        verdict_id="v1", monitor="m", project="default", service="shop", request_model=None, outcome="no_change",
        decided_ns=decided_ns, reference_start_ns=0, reference_end_ns=1, current_start_ns=1, current_end_ns=2,
        n_reference=1, n_current=1, statistic=0.0, p_value=1.0, alpha=0.01, guarantee="", explanation="",
    )  # fmt: skip


@pytest.fixture
def other(request, tmp_path):
    """An empty store of the other kind."""
    is_files = request.node.callspec.params["reopen"] == "elasticsearch"
    target = (
        open_store(tmp_path / "other") if is_files else open_elasticsearch(request.getfixturevalue("elasticsearch"))
    )
    yield target
    target.close()


def rows_of(store, kind):
    """What is stored of one kind, in an order that does not depend on the store; numbers of calls left out."""
    rows = [row for day in store.days() for table in store.dump(kind, day) for row in table.to_pylist()]
    return sorted(({name: value for name, value in row.items() if name != "seq"} for row in rows), key=repr)


def move(source, target):
    done = dict.fromkeys(SCHEMAS, Loaded())
    for day in source.days():
        for kind in SCHEMAS:
            for table in source.dump(kind, day):
                done[kind] += target.load(kind, table)
    return done


def test_every_row_of_every_kind_arrives_as_it_was(filled, other):
    done = move(filled, other)
    assert all(loaded.n_new > 0 and loaded.n_known == 0 for loaded in done.values()), done
    for kind in SCHEMAS:
        assert rows_of(other, kind) == rows_of(filled, kind), kind


def test_again_changes_nothing(filled, other):
    first = move(filled, other)
    before, last_seq = {kind: rows_of(other, kind) for kind in SCHEMAS}, other.last_seq()
    assert move(filled, other) == {kind: Loaded(0, loaded.n_new) for kind, loaded in first.items()}
    assert {kind: rows_of(other, kind) for kind in SCHEMAS} == before
    assert [call.call_id for call in other.scan(after_seq=0, limit=100)] == calls_in_order(filled)
    assert other.last_seq() >= last_seq


def calls_in_order(store):
    """Ids by day, and in each in the order of arrival."""
    return [row["call_id"] for day in store.days() for table in store.dump("calls", day) for row in table.to_pylist()]


def test_evaluators_see_moved_calls_as_they_arrive(filled, other, a_call, a_batch, everything):
    own = a_call()
    other.write([a_batch([own])])
    seen = other.last_seq()
    move(filled, other)
    assert [call.call_id for call in other.scan(after_seq=seen, limit=100)] == calls_in_order(filled)
    assert len(other.calls(everything).items) == 1 + len(calls_in_order(filled))


def test_what_is_there_already_stays_as_it_is(filled, other):
    [row] = rows_of(filled, "scores")
    theirs = pa.Table.from_pylist([row | {"label": "theirs"}], schema=SCHEMAS["scores"])
    assert other.load("scores", theirs) == Loaded(1, 0)
    assert other.load("scores", theirs) == Loaded(0, 1)
    assert move(filled, other)["scores"] == Loaded(0, 1)
    assert [row["label"] for row in rows_of(other, "scores")] == ["theirs"]


def test_a_moved_call_is_known_when_it_is_sent_again(filled, other, a_call, a_batch, everything):
    """A retry that comes after the move finds its span."""
    call = a_call()
    filled.write([a_batch([call])])
    move(filled, other)
    n_calls = len(other.calls(everything).items)
    assert other.write([a_batch([call])]).n_spans == 0
    assert len(other.calls(everything).items) == n_calls
