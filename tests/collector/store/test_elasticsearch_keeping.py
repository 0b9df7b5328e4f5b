"""Retention and erasure on Elasticsearch: what is to go is gone, from answers and segments; the rest is as it was."""

import json
from dataclasses import replace

import pytest
from elasticsearch import Elasticsearch

from collector.retention import Keep, Kept, Retention
from collector.score import Score
from collector.span import SpanEvent
from collector.store import open_elasticsearch
from collector.store.base import TextVector
from collector.store.elasticsearch import rewriting
from collector.times import parse_rfc3339
from collector.verdict import Pair, Verdict
from tests.collector.records import batch_of_logs, batch_of_points

DAY_NS = 86_400 * 10**9
NOON_NS = parse_rfc3339("2026-11-21T12:00:00Z")
LATER_NS = NOON_NS + 9 * DAY_NS
SECRET = "Zugspitze-4711"
THEIRS, OTHERS = "Watzmann-4711", "Hochkalter-0815"


@pytest.fixture(autouse=True)
def _hurried(request, monkeypatch):
    """Half a minute for every test is too long; those that ask for `purged` wait for it."""
    if "purged" not in request.fixturenames:
        monkeypatch.setattr(rewriting, "PURGE_WITHIN_S", 0.0)


@pytest.fixture
def es_store(elasticsearch):
    store = open_elasticsearch(elasticsearch)
    yield store
    store.close()


@pytest.fixture
def indices(elasticsearch):
    """`indices()`: the names of the days of this test, each with its documents, those deleted included."""
    with Elasticsearch(elasticsearch.url) as client:

        def found():
            told = client.indices.stats(index=f"{elasticsearch.prefix}-*", metric="docs").body["indices"]
            docs = {name: index["primaries"]["docs"] for name, index in told.items()}
            sequence = f"{elasticsearch.prefix}-sequence"
            return {name: (n["count"], n["deleted"]) for name, n in docs.items() if name != sequence}

        yield found


@pytest.fixture
def purged(indices):
    """`purged()`: whether no segment holds a deleted document."""
    return lambda: all(n_deleted == 0 for _, n_deleted in indices().values())


def keep(telemetry_days=None, content_days=None, **projects):
    return Retention(
        default=Keep(telemetry_days=telemetry_days, content_days=content_days),
        projects={name: Keep(telemetry_days=t, content_days=c) for name, (t, c) in projects.items()},
    )


def said(content, role="user"):
    return [{"role": role, "parts": [{"type": "text", "content": content}]}]


def a_vector(call):
    return TextVector(call_id=call.call_id, call_start_ns=call.start_ns, kind="k", version="1", values=[1.0])


def a_score(call, **given):
    values = {
        "target_kind": "call", "target_id": call.call_id, "evaluator": "e", "version": "1", "source": "judge",
        "value": 1.0, "explanation": f"about {call.user_id}", "target_start_ns": call.start_ns,
        "created_ns": call.start_ns, "project": call.project, "trace_id": call.trace_id,
    }  # fmt: skip
    return Score(**values | given)


def test_a_day_that_is_over_for_everybody_goes_as_indices(es_store, indices, everything, a_call, a_batch):
    old, new = a_call(), replace(a_call(), start_ns=NOON_NS + 5 * DAY_NS)
    es_store.write([a_batch([old]), a_batch([new])])
    es_store.write_vectors([a_vector(old)])
    done = es_store.retain(keep(telemetry_days=3), now_ns=NOON_NS + 5 * DAY_NS)
    assert (done.n_days_dropped, done.n_days_rewritten, done.n_failed) == (1, 0, 0)
    assert done.bytes_freed > 0
    assert [call.call_id for call in es_store.calls(everything).items] == [new.call_id]
    assert {name.rpartition("-")[2] for name in indices()} == {"2026.11.26"}
    assert es_store.retain(keep(telemetry_days=3), now_ns=NOON_NS + 5 * DAY_NS) == Kept()
    es_store.write([a_batch([old])])  # late, and the day is there again
    assert len(es_store.calls(everything).items) == 2
    assert [call.seq for call in es_store.scan(after_seq=2, limit=9)] == [3]


def test_only_the_projects_that_are_over_lose_their_documents(es_store, purged, everything, a_call, a_span, a_batch):
    mine, theirs = a_call(project="mine"), a_call(project="theirs")
    es_store.write([a_batch([mine, theirs], [a_span(project="theirs", trace_id=theirs.trace_id)])])
    es_store.write_scores([a_score(mine), a_score(theirs)])
    es_store.write_vectors([a_vector(mine), a_vector(theirs)])
    rules = keep(telemetry_days=90, theirs=(1, None))
    done = es_store.retain(rules, now_ns=LATER_NS)
    assert (done.n_days_dropped, done.n_days_rewritten, done.n_failed) == (0, 1, 0)
    assert [call.call_id for call in es_store.calls(everything).items] == [mine.call_id]
    assert {span.project for span in es_store.spans(everything).items} == {"mine"}
    assert {score.target_id for score in es_store.scores(everything).items} == {mine.call_id}
    assert list(es_store.vectors([mine.call_id, theirs.call_id], kind="k", version="1")) == [mine.call_id]
    assert purged()
    assert es_store.retain(rules, now_ns=LATER_NS) == Kept()


def test_texts_go_before_the_figures(es_store, everything, a_call, a_span, a_batch):
    def with_texts(project):
        call = a_call(
            project=project, user_id="u1", input_messages=said(SECRET), output_messages=said(SECRET, "assistant"),
            contexts=[{"content": SECRET}],
        )  # fmt: skip
        attributes = {"input.value": SECRET, "http.method": "GET"}
        event = SpanEvent(name="chunk", time_ns=NOON_NS, attributes={"text": SECRET})
        return call, a_span(project=project, trace_id=call.trace_id, attributes=attributes, events=(event,))

    (call, span), (kept_call, kept_span) = with_texts("default"), with_texts("keeps")
    es_store.write([a_batch([call, kept_call], [span, kept_span])])
    es_store.write_scores([a_score(call, explanation=f"says {SECRET}")])
    rules = keep(content_days=7, keeps=(None, 36_500))
    assert es_store.retain(rules, now_ns=NOON_NS + 2 * DAY_NS) == Kept()
    assert es_store.retain(rules, now_ns=LATER_NS).n_days_rewritten == 1
    calls = {found.call_id: found for found in es_store.calls(everything).items}
    bare = calls[call.call_id]
    assert not any((bare.input_messages, bare.output_messages, bare.contexts))
    assert (bare.user_id, bare.input_tokens, bare.cost_usd, bare.seq) == ("u1", 10, 0.001, 1)
    assert calls[kept_call.call_id] == kept_call
    spans = {found.span_id: found for found in es_store.spans(everything).items}
    assert spans[span.span_id].attributes == {"http.method": "GET"}
    assert [(e.name, e.time_ns, e.attributes) for e in spans[span.span_id].events] == [("chunk", NOON_NS, {})]
    assert spans[kept_span.span_id] == kept_span
    assert [(s.value, s.explanation) for s in es_store.scores(everything).items] == [(1.0, None)]
    found = es_store.calls(replace(everything, text="zugspitze")).items
    assert [call.call_id for call in found] == [kept_call.call_id]
    assert es_store.retain(rules, now_ns=LATER_NS) == Kept()


def test_a_day_that_is_over_becomes_one_segment(es_store, everything, a_call, a_batch):
    for _ in range(4):
        es_store.write([a_batch([a_call()])])
        es_store.calls(everything)  # makes a segment
    assert es_store.compact(now_ns=NOON_NS) == Kept()
    assert es_store.compact(now_ns=LATER_NS).n_days_compacted == 1
    assert es_store.compact(now_ns=LATER_NS) == Kept()
    assert len(es_store.calls(everything).items) == 4


def test_a_person_goes_with_all_that_hangs_on_them(es_store, purged, everything, a_call, a_span, a_batch):
    own = a_call(user_id=THEIRS, session_id="s1", input_messages=said(THEIRS), response_id="r1")
    shared = a_call(user_id=THEIRS, session_id="s2", input_messages=said(THEIRS))
    other = a_call(user_id=OTHERS, session_id="s2", trace_id=shared.trace_id, input_messages=said(OTHERS))
    spans = [
        a_span(trace_id=own.trace_id, name=THEIRS),
        a_span(trace_id=own.trace_id, start_ns=NOON_NS + DAY_NS, end_ns=NOON_NS + DAY_NS, name=THEIRS),
        a_span(trace_id=shared.trace_id, name="of both"),
        a_span(trace_id=shared.trace_id, attributes={"enduser.id": THEIRS}),
        a_span(name="of nobody"),
    ]
    es_store.write([a_batch([own, shared, other], spans)])
    es_store.write_scores([
        *(a_score(call) for call in (own, shared, other)),
        a_score(own, target_kind="session", target_id="s1"),
        a_score(own, target_kind="trace", target_id=own.trace_id),
        a_score(other, target_kind="session", target_id="s2", explanation="of both"),
        a_score(other, target_kind="trace", target_id=other.trace_id, explanation="of both"),
        a_score(other, evaluator="thumbs", source="user", author=THEIRS, explanation=THEIRS),
    ])  # fmt: skip
    es_store.write_vectors([a_vector(call) for call in (own, shared, other)])
    es_store.write_verdicts([a_verdict("v1", own, other), a_verdict("v2", other)])
    found = es_store.belongings([THEIRS], project=None)
    assert found.calls == {("default", own.call_id), ("default", shared.call_id)}
    assert found.sessions == {("default", "s1")}
    assert found.traces == {("default", own.trace_id)}
    erased = es_store.erase(found)
    assert erased.days == ("2026-11-21", "2026-11-22")
    assert erased.counts == {
        "calls": 2, "spans": 5, "parts": 0, "logs": 0, "points": 0, "opinions": 0, "scores": 5, "vectors": 2,
        "verdict_pairs": 1,
    }  # fmt: skip
    assert [call.call_id for call in es_store.calls(everything).items] == [other.call_id]
    left = {span.name for span in es_store.spans(everything).items if span.span_id != other.span_id}
    assert left == {"of both", "of nobody"}
    assert len(es_store.scores(everything).items) == 3
    ids = [own.call_id, shared.call_id, other.call_id]
    assert list(es_store.vectors(ids, kind="k", version="1")) == [other.call_id]
    assert sorted(len(verdict.pairs) for verdict in es_store.verdicts(everything).items) == [1, 1]
    assert purged()
    again = es_store.erase(es_store.belongings([THEIRS], project=None))
    assert not any(again.counts.values())
    assert again.days == ()


def test_another_project_loses_nothing(es_store, everything, a_call, a_batch):
    mine = a_call(project="mine", user_id=THEIRS, session_id="s")
    theirs = [
        a_call(project="theirs", user_id=THEIRS, session_id="s"),
        a_call(project="theirs", user_id=THEIRS, trace_id=mine.trace_id),
        a_call(project="theirs", user_id=THEIRS, call_id=mine.call_id),
    ]
    es_store.write([a_batch([mine, *theirs])])
    es_store.write_scores([a_score(call) for call in (mine, *theirs[:2])])
    es_store.write_vectors([a_vector(mine)])
    of_theirs = replace(everything, project="theirs")
    before = [es_store.calls(of_theirs), es_store.spans(of_theirs)]
    erased = es_store.erase(es_store.belongings([THEIRS], project="mine"))
    assert (erased.counts["calls"], erased.counts["spans"], erased.counts["scores"]) == (1, 1, 1)
    assert erased.counts["vectors"] == 0  # a call of theirs has the same id: the vector may be theirs
    assert es_store.calls(replace(everything, project="mine")).items == []
    assert [es_store.calls(of_theirs), es_store.spans(of_theirs)] == before
    assert {score.project for score in es_store.scores(everything).items} == {"theirs"}


def test_records_that_name_the_person_go(es_store, everything, a_call, a_batch):
    own = a_call(user_id=THEIRS)
    logs = [
        {"log_id": "a", "time_ns": NOON_NS, "trace_id": own.trace_id, "body": THEIRS},
        {"log_id": "b", "time_ns": NOON_NS, "attributes": {"user.id": THEIRS}},
        {"log_id": "c", "time_ns": NOON_NS, "attributes": {"user.id": OTHERS}},
    ]
    points = [
        {"point_id": "a", "time_ns": NOON_NS, "attributes": {"user.id": THEIRS}},
        {"point_id": "b", "time_ns": NOON_NS, "attributes": {"a": THEIRS}},
    ]
    es_store.write([a_batch([own]), batch_of_logs(logs), batch_of_points(points)])
    counts = es_store.erase(es_store.belongings([THEIRS], project=None)).counts
    assert (counts["logs"], counts["points"]) == (2, 1)
    assert [record.log_id for record in es_store.logs(everything).items] == ["c"]
    assert [point.point_id for point in es_store.points(everything).items] == ["b"]


def a_verdict(verdict_id, *calls):
    pairs = tuple(
        Pair(prompt_before="-", before="-", before_call_id=call.call_id, prompt_after="-", after="-",
             after_call_id="0" * 32)
        for call in calls
    )  # fmt: skip
    return Verdict(
        verdict_id=verdict_id, monitor="m", project=calls[0].project, service=None, request_model=None,
        outcome="no_change", decided_ns=NOON_NS, reference_start_ns=0, reference_end_ns=1, current_start_ns=1,
        current_end_ns=2, n_reference=1, n_current=1, statistic=0.0, p_value=1.0, alpha=0.01, guarantee="",
        explanation=json.dumps({}), pairs=pairs,
    )  # fmt: skip
