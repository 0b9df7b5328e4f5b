"""What joining reads from the cluster: what came lately, and the parts of calls."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from collector.batch import CALL_SCHEMA, PART_SCHEMA, SPAN_SCHEMA, call_id_of
from collector.call import CALL_OPERATIONS
from collector.errors import StoreUnavailable
from collector.joining.relations import N_SPANS, Relations
from collector.store.elasticsearch.cluster import Clause, Cluster, newest_first, term
from collector.store.elasticsearch.documents import Row, id_of, row_of
from collector.store.elasticsearch.kinds import CALLS, PARTS, SPANS, Kind

N_RECALLED = N_SPANS // 2
N_DAYS = 2
CHUNK_IDS = 5_000
_SPAN_FIELDS = ("project", "trace_id", "span_id", "parent_span_id", "start_ns", "end_ns", "scope")


def recalled(cluster: Cluster, project: str) -> Relations:
    """Relations that know the newest spans and parts of `project`."""
    relations = Relations()
    spans = _newest_spans(cluster, project)
    if not spans:
        return relations
    since: list[Clause] = [term("project", project), {"range": {"start_ns": {"gte": spans[-1]["start_ns"]}}}]
    parts = list(cluster.all_rows(PARTS, since))
    joined = {part["part_id"] for part in parts}
    by_key = {_key(span): span for span in spans}
    whole = [
        _as_part(call, by_key.get(_key(call))) for call in cluster.all_rows(CALLS, since) if _key(call) not in joined
    ]
    relations.add(_table(spans, SPAN_SCHEMA), _table([*parts, *whole], PART_SCHEMA))
    return relations


def _newest_spans(cluster: Cluster, project: str) -> list[Row]:
    """Newest first, of the newest days."""
    found: list[Row] = []
    for index in cluster.names(cluster.pattern(SPANS))[-N_DAYS:][::-1]:
        for row in cluster.rows(
            SPANS, [term("project", project)], sort=newest_first(SPANS), index=index, fields=_SPAN_FIELDS
        ):
            if len(found) == N_RECALLED:
                return found
            found.append(row)
    return found


def stored_parts(cluster: Cluster, project: str, wanted: Mapping[str, int]) -> list[Row]:
    """The parts of `project` with these ids, whose starts are given; one that is not stored is left out."""
    with cluster.errors():
        found = {row["part_id"]: row for row in _fetched(cluster, PARTS, project, wanted)}
        missing = {part_id: start_ns for part_id, start_ns in wanted.items() if part_id not in found}
        whole = list(_fetched(cluster, CALLS, project, missing))
        spans = _spans_of(cluster, whole)
    for call in whole:
        found[_key(call)] = _as_part(call, spans.get(_key(call)))
    return list(found.values())


def _fetched(cluster: Cluster, kind: Kind, project: str, wanted: Mapping[str, int]) -> Iterable[Row]:
    places = [(cluster.index_of(kind, start_ns), id_of(project, key)) for key, start_ns in wanted.items()]
    return (row_of(kind, source) for source in stored(cluster, places) if source is not None)


def _spans_of(cluster: Cluster, calls: Sequence[Row]) -> dict[str, Row]:
    places = [
        (cluster.index_of(SPANS, call["start_ns"]), id_of(call["project"], call["trace_id"], call["span_id"]))
        for call in calls
    ]
    rows = [row_of(SPANS, source) for source in stored(cluster, places, fields=_SPAN_FIELDS) if source is not None]
    return {_key(row): row for row in rows}


def stored(
    cluster: Cluster, places: Sequence[tuple[str, str]], *, fields: Sequence[str] | bool = True
) -> list[Mapping[str, Any] | None]:
    """The documents at these places (index, id), None where there is none, also of those that searches do not see yet.

    Raises:
        ApiError: if it cannot be known of one of them.
    """
    found: list[Mapping[str, Any] | None] = []
    for first in range(0, len(places), CHUNK_IDS):
        by_index: dict[str, list[str]] = defaultdict(list)
        chunk = places[first : first + CHUNK_IDS]
        for index, document_id in chunk:
            by_index[index].append(document_id)
        sources = {index: _documents(cluster, index, ids, fields) for index, ids in by_index.items()}
        found += [sources[index].get(document_id) for index, document_id in chunk]
    return found


def _documents(
    cluster: Cluster, index: str, ids: Sequence[str], fields: Sequence[str] | bool
) -> dict[str, Mapping[str, Any]]:
    chosen = "docs._source," if fields is not False else ""
    answer = cluster.client.mget(
        index=index,
        ids=ids,
        source=fields,
        filter_path=f"docs._id,docs.found,docs.error.type,docs.error.reason,{chosen}",
    ).body
    found = {}
    for document in answer.get("docs", ()):
        error = document.get("error")
        if error is not None and error["type"] != "index_not_found_exception":
            # Taken for missing, it would be stored a second time.
            raise StoreUnavailable(f"{cluster.config.url}: {index} cannot be read: {error['reason']}")
        if document.get("found"):
            found[document["_id"]] = document.get("_source", {})
    return found


def _as_part(call: Row, span: Row | None) -> Row:
    """A call that came whole, as the one part that it is."""
    is_call = call["operation"] is None or call["operation"] in CALL_OPERATIONS
    span = span or {"parent_span_id": None, "scope": None, "end_ns": call["start_ns"]}
    return {name: call[name] for name in CALL_SCHEMA.names} | {
        "part_id": _key(call),
        "part_kind": "span" if is_call else "wrapper",
        "parent_span_id": span["parent_span_id"],
        "scope": span["scope"],
        "end_ns": span["end_ns"],
    }


def _key(row: Row) -> str:
    return call_id_of(row["trace_id"], row["span_id"])


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    nullable = pa.schema([field.with_nullable(True) for field in schema])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=nullable)
