"""One person's telemetry: found over all days, and taken out of every index that holds or held some of it."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

from collector.retention import NS_PER_DAY
from collector.store.base import Belongings, Erased
from collector.store.elasticsearch.cluster import Clause, Cluster, term
from collector.store.elasticsearch.documents import Row, keyword, named_users, row_of
from collector.store.elasticsearch.filters import any_of, equal
from collector.store.elasticsearch.kinds import (
    CALLS,
    LOGS,
    OPINIONS,
    PARTS,
    POINTS,
    SCORES,
    SPANS,
    VECTORS,
    VERDICTS,
    Kind,
)
from collector.store.elasticsearch.rewriting import change_where, delete_where, indices_by_day, purge
from collector.store.named import NamedTrace, theirs_of
from collector.times import utc_day

CHUNK = 1_000

Pairs = Collection[tuple[str, str]]


def belongings(cluster: Cluster, ids: Sequence[str], *, project: str | None) -> Belongings:
    """See `TelemetryEraser.belongings`."""
    theirs = {*ids, *map(keyword, ids)}
    calls: set[tuple[str, str]] = set()
    spans: set[tuple[str, str, str]] = set()
    whole: set[tuple[str, str]] = set()
    with cluster.errors():
        for (of_project, trace_id), trace in _traces(cluster, ids, project).items():
            mine, is_whole = theirs_of(trace, theirs)
            calls |= {(of_project, call_id) for call_id, _ in mine}
            spans |= {(of_project, trace_id, span_id) for _, span_id in mine}
            named = (*trace.naming, *trace.parts)
            spans |= {(of_project, trace_id, span_id) for span_id, user in named if user in theirs}
            if is_whole:
                whole.add((of_project, trace_id))
        parts = _among(cluster, PARTS, "call_id", calls)
        spans |= {(row["project"], row["trace_id"], row["span_id"]) for row in parts}
        about = list(_among(cluster, CALLS, "call_id", calls))
        sessions = {(row["project"], row["session_id"]) for row in about if row["session_id"] is not None}
        responses = {(row["project"], row["response_id"]) for row in about if row["response_id"] is not None}
        return Belongings(
            ids=tuple(ids),
            project=project,
            calls=frozenset(calls),
            spans=frozenset(spans),
            traces=frozenset(whole),
            sessions=frozenset(_own_sessions(cluster, sessions, calls)),
            responses=frozenset(responses),
        )


def _traces(cluster: Cluster, ids: Sequence[str], project: str | None) -> Mapping[tuple[str, str], NamedTrace]:
    """The traces in which anything names the person, by project and trace id."""
    in_project = equal({"project": project})
    place = ["project", "trace_id", "kept"]
    found = {
        (row["project"], row["trace_id"])
        for kind, field in ((CALLS, "user_id"), (PARTS, "user_id"), (SPANS, "users"))
        for row in cluster.all_rows(kind, [any_of(field, ids), *in_project], fields=place)
    }
    traces = {pair: NamedTrace() for pair in found}
    for call in _among(cluster, CALLS, "trace_id", found):
        traces[call["project"], call["trace_id"]].calls.append((call["call_id"], call["span_id"], call["user_id"]))
    for part in _among(cluster, PARTS, "trace_id", found):
        traces[part["project"], part["trace_id"]].parts.append((part["span_id"], part["user_id"]))
    for chunk in _chunks([trace_id for _, trace_id in found]):
        clauses = [any_of("trace_id", chunk), {"exists": {"field": "users"}}]
        for hit in cluster.all(SPANS, clauses, fields=[*place, "span_id", "users"]):
            row = row_of(SPANS, hit.source)
            if trace := traces.get((row["project"], row["trace_id"])):
                trace.naming += [(row["span_id"], user) for user in hit.source["users"]]
    return traces


def _own_sessions(cluster: Cluster, sessions: Pairs, calls: Pairs) -> set[tuple[str, str]]:
    """Those of `sessions` in which all calls are among `calls`."""
    shared = {
        (row["project"], row["session_id"])
        for row in _among(cluster, CALLS, "session_id", sessions)
        if (row["project"], row["call_id"]) not in calls
    }
    return set(sessions) - shared


def _among(cluster: Cluster, kind: Kind, field: str, pairs: Pairs) -> Iterator[Row]:
    """Rows without their texts whose project and `field` are one of `pairs`."""
    wanted = set(pairs)
    fields = [*kind.keywords, "kept"]
    for chunk in _chunks([value for _, value in wanted]):
        for row in cluster.all_rows(kind, [any_of(field, chunk)], fields=fields):
            if (row["project"], row[field]) in wanted:
                yield row


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(sorted(set(values)))
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def erase(cluster: Cluster, found: Belongings) -> Erased:
    """See `TelemetryEraser.erase`."""
    touched: set[str] = set()
    created: set[int] = set()
    with cluster.errors():
        calls_of_others = _ids_of_others(cluster, found.calls)
    counts = {kind.name: _delete(cluster, kind, found, touched, created) for kind in _GONE}
    own = sorted({call_id for _, call_id in found.calls} - calls_of_others)
    counts[VECTORS.name] = sum(
        delete_where(cluster, VECTORS, [any_of("call_id", chunk)], touched=touched) for chunk in _chunks(own)
    )
    n_pairs = _without_pairs(cluster, found, touched)
    # An opinion that became one of these scores was deleted from the day on which it came.
    touched |= {
        index
        for day, indices in indices_by_day(cluster).items()
        for kind, index in indices
        if kind is OPINIONS and day in created
    }
    purge(cluster, touched)
    days = sorted({cluster.day_of(index) for index in touched})
    return Erased(
        counts=counts | {"verdict_pairs": n_pairs},
        days=tuple(utc_day(day * NS_PER_DAY).isoformat() for day in days),
    )


def _delete(cluster: Cluster, kind: Kind, found: Belongings, touched: set[str], created: set[int]) -> int:
    """Delete what is the person's; how many there were. `created` gets the days on which scores were made."""

    def is_gone(row: Row) -> bool:
        if not _GONE[kind](row, found):
            return False
        if kind is SCORES:
            created.add(row["created_ns"] // NS_PER_DAY)
        return True

    return sum(delete_where(cluster, kind, way, touched=touched, holds=is_gone) for way in _ways(kind, found))


def _of_span(row: Row, found: Belongings) -> bool:
    place = (row["project"], row["trace_id"])
    return place in found.traces or (*place, row["span_id"]) in found.spans


def _by_them(row: Row, found: Belongings) -> bool:
    return row["source"] == "user" and row["author"] in found.ids and found.project in (None, row["project"])


def _in_project(row: Row, found: Belongings) -> bool:
    return found.project in (None, row["project"])


def _names_them(row: Row, found: Belongings) -> bool:
    return _in_project(row, found) and bool(named_users(row["attributes"]) & {*found.ids, *map(keyword, found.ids)})


def _is_their_score(row: Row, found: Belongings) -> bool:
    target, kind = (row["project"], row["target_id"]), row["target_kind"]
    ways = {"call": found.calls, "trace": found.traces, "session": found.sessions}
    of_trace = kind != "session" and (row["project"], row["trace_id"]) in found.traces
    return target in ways.get(kind, ()) or of_trace or _by_them(row, found)


# By kind, which rows are the person's.
_GONE: Mapping[Kind, Callable[[Row, Belongings], bool]] = {
    CALLS: lambda row, found: (row["project"], row["call_id"]) in found.calls,
    SPANS: _of_span,
    PARTS: lambda row, found: (row["project"], row["call_id"]) in found.calls or _of_span(row, found),
    LOGS: lambda row, found: _of_span(row, found) or _names_them(row, found),
    POINTS: _names_them,
    OPINIONS: lambda row, found: (
        _of_span(row, found)
        or (row["project"], row["session_id"]) in found.sessions
        or (row["project"], row["response_id"]) in found.responses
        or _by_them(row, found)
    ),
    SCORES: _is_their_score,
}


def _ways(kind: Kind, found: Belongings) -> Iterator[list[Clause]]:
    """Searches which together find all that may be the person's; `_GONE` decides."""
    calls = [call_id for _, call_id in found.calls]
    traces = {trace_id for _, trace_id in found.traces} | {trace_id for _, trace_id, _ in found.spans}
    sessions = [session_id for _, session_id in found.sessions]
    responses = [response_id for _, response_id in found.responses]
    fields: Mapping[Kind, Mapping[str, Collection[str]]] = {
        CALLS: {"call_id": calls},
        SPANS: {"trace_id": traces},
        PARTS: {"call_id": calls, "trace_id": traces},
        LOGS: {"trace_id": traces, "users": found.ids},
        POINTS: {"users": found.ids},
        OPINIONS: {"trace_id": traces, "session_id": sessions, "response_id": responses, "author": found.ids},
        SCORES: {"target_id": [*calls, *traces, *sessions], "trace_id": traces, "author": found.ids},
    }
    for field, values in fields[kind].items():
        for chunk in _chunks(list(values)):
            yield [any_of(field, chunk)]


def _ids_of_others(cluster: Cluster, calls: Pairs) -> set[str]:
    """Of the ids of `calls`, those that a call of another project has too. Vectors know no project, and may be its."""
    found: set[str] = set()
    for chunk in _chunks([call_id for _, call_id in calls]):
        rows = cluster.all_rows(CALLS, [any_of("call_id", chunk)], fields=["project", "call_id", "kept"])
        found |= {row["call_id"] for row in rows if (row["project"], row["call_id"]) not in calls}
    return found


def _without_pairs(cluster: Cluster, found: Belongings, touched: set[str]) -> int:
    """Take the pairs that show the person's calls out of verdicts; how many there were."""
    n_pairs = 0
    for project in sorted({project for project, _ in found.calls}):
        gone = {call_id for of_project, call_id in found.calls if of_project == project}

        def change(row: Row, gone: Collection[str] = gone) -> Row | None:
            nonlocal n_pairs
            body = json.loads(row["body"])
            pairs = [pair for pair in body["pairs"] if not {pair["before_call_id"], pair["after_call_id"]} & set(gone)]
            n_pairs += len(body["pairs"]) - len(pairs)
            if len(pairs) == len(body["pairs"]):
                return None
            return row | {"body": json.dumps(body | {"pairs": pairs})}

        change_where(cluster, VERDICTS, [term("project", keyword(project))], change=change, touched=touched)
    return n_pairs
