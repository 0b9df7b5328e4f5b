"""One person's telemetry: found over all days, and taken out of every file that holds or held some of it."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.store.base import Belongings, Erased
from collector.store.duckdb.days import NS_PER_DAY, Day, Days, rereads
from collector.store.duckdb.filters import NEVER_ESCAPED
from collector.store.duckdb.rewriting import Change, Rewriting
from collector.store.duckdb.tables import TABLES
from collector.store.named import USER_KEYS, NamedTrace, theirs_of
from collector.times import utc_day

_PATHS = "[" + ", ".join(f"'$.\"{key}\"'" for key in USER_KEYS) + "]"
_NAMED = f"list_distinct(list_filter(json_extract_string(attributes, {_PATHS}), lambda x: x IS NOT NULL))"
"""The users that a row with `attributes` names."""

_IS_THEIRS = "user_id IN (SELECT id FROM erased_ids)"
_CALL = "EXISTS (SELECT 1 FROM erased_calls AS e WHERE e.project = old.project AND e.call_id = old.{})"
_SPAN = (
    "EXISTS (SELECT 1 FROM erased_spans AS e"
    " WHERE e.project = old.project AND e.trace_id = old.trace_id AND e.span_id = old.span_id)"
)
_TRACE = "EXISTS (SELECT 1 FROM erased_traces AS e WHERE e.project = old.project AND e.trace_id = old.{})"
_SESSION = "EXISTS (SELECT 1 FROM erased_sessions AS e WHERE e.project = old.project AND e.session_id = old.{})"
_RESPONSE = "EXISTS (SELECT 1 FROM erased_responses AS e WHERE e.project = old.project AND e.response_id = old.{})"
_BY_THEM = "old.source = 'user' AND old.author IN (SELECT id FROM erased_ids) AND {in_project}"

_GONE = {
    "calls": _CALL.format("call_id"),
    "spans": f"{_SPAN} OR {_TRACE.format('trace_id')}",
    "parts": f"{_CALL.format('call_id')} OR {_SPAN} OR {_TRACE.format('trace_id')}",
    "logs": f"{_SPAN} OR {_TRACE.format('trace_id')} OR ({{names_them}} AND {{in_project}})",
    "points": "{names_them} AND {in_project}",
    "opinions": f"{_SPAN} OR {_TRACE.format('trace_id')} OR {_SESSION.format('session_id')}"
    f" OR {_RESPONSE.format('response_id')} OR ({_BY_THEM})",
    "scores": f"(old.target_kind = 'call' AND {_CALL.format('target_id')})"
    f" OR (old.target_kind = 'trace' AND {_TRACE.format('target_id')})"
    f" OR (old.target_kind = 'session' AND {_SESSION.format('target_id')})"
    f" OR (old.target_kind <> 'session' AND {_TRACE.format('trace_id')}) OR ({_BY_THEM})",
    "vectors": "old.call_id IN (SELECT call_id FROM erased_vectors)",
}
"""By table, which rows `old` are the person's."""


def belongings(days: Days, ids: Sequence[str], *, project: str | None) -> Belongings:
    """See `TelemetryEraser.belongings`."""
    theirs = set(ids)
    traces = _traces(days, ids, project)
    calls: set[tuple[str, str]] = set()
    spans: set[tuple[str, str, str]] = set()
    whole: set[tuple[str, str]] = set()
    for (of_project, trace_id), trace in traces.items():
        mine, is_whole = theirs_of(trace, theirs)
        calls |= {(of_project, call_id) for call_id, _ in mine}
        spans |= {(of_project, trace_id, span_id) for _, span_id in mine}
        spans |= {(of_project, trace_id, span_id) for span_id, user in (*trace.naming, *trace.parts) if user in theirs}
        if is_whole:
            whole.add((of_project, trace_id))
    everything = days.all()
    erased_calls = _table(calls, ("project", "call_id"))
    parts = _rows(days, everything, "parts", _CALL.format("call_id"), ("project", "trace_id", "span_id"),
                  erased_calls=erased_calls)  # fmt: skip
    about = _rows(days, everything, "calls", _CALL.format("call_id"), ("project", "session_id", "response_id"),
                  erased_calls=erased_calls)  # fmt: skip
    return Belongings(
        ids=tuple(ids),
        project=project,
        calls=frozenset(calls),
        spans=frozenset(spans | set(parts)),
        traces=frozenset(whole),
        sessions=frozenset(_own_sessions(days, {(p, s) for p, s, _ in about if s is not None}, calls)),
        responses=frozenset((p, r) for p, _, r in about if r is not None),
    )


def _traces(days: Days, ids: Sequence[str], project: str | None) -> Mapping[tuple[str, str], NamedTrace]:
    """The traces in which anything names the person, by project and trace id."""
    everything, place = days.all(), ("project", "trace_id")
    conditions = {"calls": _IS_THEIRS, "parts": _IS_THEIRS, "spans": _names_them(ids)}
    found = {
        row for table, sql in conditions.items() for row in _rows(days, everything, table, sql, place, ids=ids,
                                                                   project=project)
    }  # fmt: skip
    traces = {row: NamedTrace() for row in found}
    candidates = _table(found, place)
    is_among = "EXISTS (SELECT 1 FROM candidates AS c WHERE c.project = old.project AND c.trace_id = old.trace_id)"
    columns: tuple[str, ...] = (*place, "call_id", "span_id", "user_id")
    for of_project, trace_id, *call in _rows(days, everything, "calls", is_among, columns, candidates=candidates):
        traces[of_project, trace_id].calls.append((call[0], call[1], call[2]))
    columns = (*place, "span_id", "user_id")
    for of_project, trace_id, *part in _rows(days, everything, "parts", is_among, columns, candidates=candidates):
        traces[of_project, trace_id].parts.append((part[0], part[1]))
    columns = (*place, "span_id", f"unnest({_NAMED})")
    is_among += " AND attributes IS NOT NULL"
    for of_project, trace_id, *span in _rows(days, everything, "spans", is_among, columns, candidates=candidates):
        traces[of_project, trace_id].naming.append((span[0], span[1]))
    return traces


def _own_sessions(
    days: Days, sessions: Collection[tuple[str, str]], calls: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of `sessions` in which all calls are among `calls`."""
    condition = _SESSION.format("session_id")
    columns = ("project", "session_id", "call_id")
    rows = _rows(
        days, days.all(), "calls", condition, columns, erased_sessions=_table(sessions, ("project", "session_id"))
    )
    shared = {(project, session_id) for project, session_id, call_id in rows if (project, call_id) not in calls}
    return set(sessions) - shared


def erase(days: Days, rewriting: Rewriting, found: Belongings) -> Erased:
    """See `TelemetryEraser.erase`."""
    sets = _sets(days, found)
    places = {"names_them": _names_them(found.ids), "in_project": _in_project(found.project)}
    gone = {table: sql.format(**places) for table, sql in _GONE.items()}
    numbers, n_pairs = _touched(days, sets, gone, found)
    counts: dict[str, int] = {table.name: 0 for table in TABLES if table.name in gone}
    for number in sorted(numbers):
        rewritten = rewriting.rewrite(number, partial(_plan, sets=sets, gone=gone, found=found))
        for table, n in (rewritten.removed if rewritten else {}).items():
            counts[table] = counts.get(table, 0) + n
    return Erased(
        counts=counts | {"verdict_pairs": n_pairs},
        days=tuple(utc_day(number * NS_PER_DAY).isoformat() for number in sorted(numbers)),
    )


def _plan(
    cursor: DuckDBPyConnection,
    lanes: Sequence[Day],
    *,
    sets: Mapping[str, pa.Table],
    gone: Mapping[str, str],
    found: Belongings,
) -> Change:
    bodies, _ = _verdicts_without(cursor, lanes, found)
    named = {**sets, "erased_pairs": _table(bodies, ("verdict_id", "body"))}
    body = "coalesce((SELECT max(e.body) FROM erased_pairs AS e WHERE e.verdict_id = old.verdict_id), old.body)"
    return Change(gone=gone, columns={"verdicts": {"body": body}} if bodies else {}, sets=named)


@rereads
def _touched(
    days: Days, sets: Mapping[str, pa.Table], gone: Mapping[str, str], found: Belongings
) -> tuple[set[int], int]:
    """The days that hold some of it, or held some that was deleted and whose bytes may still be there."""
    numbers: set[int] = set()
    n_pairs = 0
    for day in days.all():
        with days.cursor([day]) as cursor:
            for name, table in sets.items():
                cursor.register(name, table)
            for table_name, condition in gone.items():
                row = cursor.execute(
                    f"SELECT count(*) FROM {day.name}.{table_name} AS old WHERE ({condition})"
                ).fetchone()
                if row and row[0]:
                    numbers.add(day.number)
            # An opinion that became one of these scores was deleted from the day on which it came.
            created = f"SELECT DISTINCT created_ns // {NS_PER_DAY} FROM {day.name}.scores AS old WHERE {gone['scores']}"
            numbers |= {number for (number,) in cursor.execute(created).fetchall()}
            bodies, n = _verdicts_without(cursor, [day], found)
            n_pairs += n
            if bodies:
                numbers.add(day.number)
    return numbers & {day.number for day in days.all()}, n_pairs


def _verdicts_without(
    cursor: DuckDBPyConnection, lanes: Sequence[Day], found: Belongings
) -> tuple[list[tuple[str, str]], int]:
    """(verdict id, its body without the pairs that show the person's calls) where there are such, and their number."""
    changed: list[tuple[str, str]] = []
    n_pairs = 0
    projects: dict[str, set[str]] = defaultdict(set)
    for project, call_id in found.calls:
        projects[project].add(call_id)
    for day in lanes:
        rows = cursor.execute(
            f"SELECT verdict_id, project, body FROM {day.name}.verdicts WHERE list_contains($projects, project)",
            {"projects": list(projects)},
        ).fetchall()
        for verdict_id, project, text in rows:
            body = json.loads(text)
            gone = projects[project]
            pairs = [p for p in body["pairs"] if not {p["before_call_id"], p["after_call_id"]} & gone]
            if len(pairs) < len(body["pairs"]):
                n_pairs += len(body["pairs"]) - len(pairs)
                changed.append((verdict_id, json.dumps(body | {"pairs": pairs})))
    return changed, n_pairs


@rereads
def _sets(days: Days, found: Belongings) -> dict[str, pa.Table]:
    calls = _table(found.calls, ("project", "call_id"))
    # Vectors know no project. One whose call id another project has too may be the other's, and stays.
    others = _rows(days, days.all(), "calls", f"call_id IN (SELECT call_id FROM erased_calls) AND NOT {_CALL}".format(
        "call_id"), ("call_id",), erased_calls=calls)  # fmt: skip
    vectors = {(call_id,) for _, call_id in found.calls} - set(others)
    return {
        "erased_ids": _table([(user,) for user in found.ids], ("id",)),
        "erased_calls": calls,
        "erased_spans": _table(found.spans, ("project", "trace_id", "span_id")),
        "erased_traces": _table(found.traces, ("project", "trace_id")),
        "erased_sessions": _table(found.sessions, ("project", "session_id")),
        "erased_responses": _table(found.responses, ("project", "response_id")),
        "erased_vectors": _table(vectors, ("call_id",)),
    }


def _rows(
    days: Days,
    among: Sequence[Day],
    table: str,
    condition: str,
    columns: Sequence[str],
    *,
    ids: Sequence[str] = (),
    project: str | None = None,
    **sets: pa.Table,
) -> list[tuple[Any, ...]]:
    """Distinct rows of all days; `condition` is about a row `old` and may name `erased_ids` and the `sets`."""
    found: set[tuple[Any, ...]] = set()
    for day in among:
        with days.cursor([day]) as cursor:
            for name, content in {"erased_ids": _table([(user,) for user in ids], ("id",)), **sets}.items():
                cursor.register(name, content)
            found |= set(
                cursor.execute(
                    f"SELECT DISTINCT {', '.join(columns)} FROM {day.name}.{table} AS old"
                    f" WHERE ({condition}) AND {_in_project(project)}"
                ).fetchall()
            )
    return sorted(found, key=repr)


def _names_them(ids: Sequence[str]) -> str:
    """Whether a row with `attributes` names one of them."""
    exact = f"list_has_any({_NAMED}, (SELECT list(id) FROM erased_ids))"
    if not all(NEVER_ESCAPED.fullmatch(user) for user in ids):
        return exact
    # To take JSON apart costs several times as much as to search it.
    somewhere = " OR ".join(f"contains(attributes, '{user}')" for user in ids)
    return f"CASE WHEN {somewhere} THEN {exact} ELSE false END"


def _in_project(project: str | None) -> str:
    return "true" if project is None else "old.project = '{}'".format(project.replace("'", "''"))


def _table(rows: Iterable[tuple[Any, ...]], names: Sequence[str]) -> pa.Table:
    listed = list(rows)
    return pa.table({name: pa.array([row[i] for row in listed], pa.string()) for i, name in enumerate(names)})
