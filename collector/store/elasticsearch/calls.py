"""Calls and traces as they are read."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from collector.call import Call
from collector.query import Filters, Page, Trace
from collector.retention import NS_PER_DAY
from collector.span import Span
from collector.store.decode import calls_of, contexts_of, scores_of, span_of
from collector.store.duckdb.filters import CALL_FIELDS, SPAN_FIELDS
from collector.store.elasticsearch import words
from collector.store.elasticsearch.cluster import PAGE_ROWS, Clause, Cluster, in_range, newest_first, term
from collector.store.elasticsearch.documents import Row, keyword
from collector.store.elasticsearch.filters import any_of, conditions, equal
from collector.store.elasticsearch.kinds import CALLS, PARTS, SCORES, SPANS, Kind
from collector.store.elasticsearch.paging import page

CHUNK_TERMS = 1_000


def find_calls(cluster: Cluster, filters: Filters, *, limit: int, cursor: str | None) -> Page[Call]:
    return page(
        cluster,
        CALLS,
        filters,
        conditions(filters, time="start_ns", allowed=CALL_FIELDS, kind="calls"),
        limit=limit,
        cursor=cursor,
        make=lambda found: with_contexts(cluster, calls_of(found)),
        holds=partial(says, filters.text) if filters.text else None,
    )


def says(text: str, row: Row) -> bool:
    """Whether `text` stands in the messages of a call."""
    return words.contains([words.message_text(row[name]) for name in ("input_messages", "output_messages")], text)


def find_spans(cluster: Cluster, filters: Filters, *, limit: int, cursor: str | None) -> Page[Span]:
    return page(
        cluster,
        SPANS,
        filters,
        conditions(filters, time="start_ns", allowed=SPAN_FIELDS, kind="spans"),
        limit=limit,
        cursor=cursor,
        make=lambda found: [span_of(row) for row in found],
    )


def find_call(cluster: Cluster, call_id: str, *, project: str | None = None) -> Call | None:
    with cluster.errors():
        found = _newest(cluster, CALLS, call_id, project)
        if found is None:
            # It may be a part of a call that bears another's id.
            part = _newest(cluster, PARTS, call_id, project)
            if part is not None and part["call_id"] is not None:
                found = _newest(cluster, CALLS, part["call_id"], project)
    return None if found is None else with_contexts(cluster, calls_of([found]))[0]


def calls_with_ids(cluster: Cluster, call_ids: Sequence[str]) -> dict[str, Call]:
    """The calls there are with these ids, by id."""
    found: dict[str, Row] = {}
    distinct = sorted(set(call_ids))
    with cluster.errors():
        for first in range(0, len(distinct), CHUNK_TERMS):
            for row in cluster.all_rows(CALLS, [any_of("call_id", distinct[first : first + CHUNK_TERMS])]):
                known = found.get(row["call_id"])
                if known is None or known["start_ns"] < row["start_ns"]:
                    found[row["call_id"]] = row
    return {call.call_id: call for call in with_contexts(cluster, calls_of(list(found.values())))}


def _newest(cluster: Cluster, kind: Kind, identity: str, project: str | None) -> Row | None:
    clauses = equal({kind.identity: identity, "project": project})
    return next(iter(cluster.rows(kind, clauses, sort=newest_first(kind), page_rows=1)), None)


def find_trace(cluster: Cluster, trace_id: str) -> Trace | None:
    of_trace = [term("trace_id", keyword(trace_id))]
    with cluster.errors():
        spans = sorted(cluster.all_rows(SPANS, of_trace), key=lambda row: (row["start_ns"], row["span_id"]))
        calls = sorted(cluster.all_rows(CALLS, of_trace), key=lambda row: (row["start_ns"], row["call_id"]))
        if not spans and not calls:
            return None
        scores = _scores_of_trace(cluster, trace_id, calls)
    return Trace(
        trace_id=trace_id,
        spans=[span_of(row) for row in spans],
        calls=with_contexts(cluster, calls_of(calls)),
        scores=scores_of(sorted(scores, key=lambda row: (row["created_ns"], row["score_id"]))),
    )


def _scores_of_trace(cluster: Cluster, trace_id: str, calls: Sequence[Row]) -> list[Row]:
    targets = [trace_id, *(call["call_id"] for call in calls)]
    found: dict[str, Row] = {}
    for first in range(0, len(targets), CHUNK_TERMS):
        ways = [term("trace_id", keyword(trace_id)), any_of("target_id", targets[first : first + CHUNK_TERMS])]
        clause: Clause = {"bool": {"should": ways, "minimum_should_match": 1}}
        found |= {row["score_id"]: row for row in cluster.all_rows(SCORES, [clause])}
    return list(found.values())


def scan_calls(cluster: Cluster, *, after_seq: int, before_seq: int, limit: int) -> list[Call]:
    """Calls with after_seq < seq < before_seq in that order."""
    if before_seq <= after_seq + 1 or limit < 1:
        return []
    with cluster.errors():
        # Also what other processes wrote: all below `before_seq` is stored, but not yet seen by searches.
        cluster.client.indices.refresh(index=cluster.pattern(CALLS), ignore_unavailable=True)
        rows = cluster.rows(
            CALLS,
            [{"range": {"seq": {"gt": after_seq, "lt": before_seq}}}],
            sort=[{"seq": {"order": "asc", "unmapped_type": "long"}}],
            page_rows=min(limit, PAGE_ROWS),
        )
        found = [row for row, _ in zip(rows, range(limit), strict=False)]
    return with_contexts(cluster, calls_of(found))


def with_contexts(cluster: Cluster, calls: list[Call]) -> list[Call]:
    """Give the calls that carry no contexts the documents that retrieval found in their trace before they started.

    Looks back one day from the first of `calls`.
    """
    lacking = [call for call in calls if call.contexts is None]
    if not lacking:
        return calls
    with cluster.errors():
        documents = _documents(cluster, lacking)
    return [
        replace(call, contexts=contexts) if call.contexts is None and (contexts := _before(call, documents)) else call
        for call in calls
    ]


def _before(call: Call, documents: Sequence[Row]) -> list[dict[str, object]]:
    return [
        context
        for row in documents
        # A trace may run through several projects: what one retrieved is not shown to another.
        if row["trace_id"] == call.trace_id and row["project"] == call.project and row["end_ns"] <= call.start_ns
        for context in contexts_of(row["documents"]) or ()
    ]


def _documents(cluster: Cluster, calls: Sequence[Call]) -> list[Row]:
    since_ns = min(call.start_ns for call in calls) - NS_PER_DAY
    until_ns = max(call.start_ns for call in calls) + 1
    trace_ids = sorted({call.trace_id for call in calls})
    found: list[Row] = []
    for first in range(0, len(trace_ids), CHUNK_TERMS):
        found += cluster.all_rows(
            SPANS,
            [
                {"term": {"has_documents": True}},
                in_range("start_ns", since_ns, until_ns),
                any_of("trace_id", trace_ids[first : first + CHUNK_TERMS]),
            ],
            index=cluster.between(SPANS, since_ns, until_ns),
            fields=("trace_id", "project", "end_ns", "documents", "kept"),
        )
    return sorted(found, key=lambda row: int(row["end_ns"]))
