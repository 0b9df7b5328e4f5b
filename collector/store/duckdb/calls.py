"""Calls and traces as they are read."""

from collections.abc import Sequence
from dataclasses import replace

from collector.call import Call
from collector.otlp.hexids import trace_key
from collector.query import Filters, Page, Trace
from collector.span import Span
from collector.store.decode import calls_of, contexts_of, scores_of, span_of
from collector.store.duckdb.days import NS_PER_DAY, Day, Days, by_day
from collector.store.duckdb.filters import CALL_FIELDS, SPAN_FIELDS, where
from collector.store.duckdb.paging import Row, page, rows
from collector.store.duckdb.tables import CALLS, SPANS


def find_calls(days: Days, filters: Filters, *, limit: int, cursor: str | None) -> Page[Call]:
    return page(
        days,
        CALLS,
        "call_id",
        filters,
        where(filters, time="start_ns", allowed=CALL_FIELDS, kind="calls"),
        limit=limit,
        cursor=cursor,
        make=lambda found: with_contexts(days, calls_of(found)),
    )


def find_call(days: Days, call_id: str, *, project: str | None = None) -> Call | None:
    condition, values = "call_id = $id", {"id": call_id}
    if project is not None:
        condition, values = f"{condition} AND project = $project", values | {"project": project}
    found = _first(days, "calls", condition, values)
    if found is None:
        # It may be a part of a call that bears another's id.
        part = _first(days, "parts", condition.replace("call_id", "part_id"), values)
        if part is not None and part["call_id"] is not None:
            found = _first(days, "calls", condition, values | {"id": part["call_id"]})
    return None if found is None else with_contexts(days, calls_of([found]))[0]


def calls_with_ids(days: Days, call_ids: Sequence[str]) -> dict[str, Call]:
    """The calls there are with these ids, by id."""
    missing = set(call_ids)
    found: dict[str, Row] = {}
    for day in reversed(days.all()):
        if not missing:
            break
        sql = f"SELECT * FROM {day.name}.calls WHERE call_id IN (SELECT unnest($ids))"
        with days.cursor([day]) as cursor:
            found |= {row["call_id"]: row for row in rows(cursor, sql, {"ids": list(missing)})}
        missing -= found.keys()
    return {call.call_id: call for call in with_contexts(days, calls_of(list(found.values())))}


def _first(days: Days, table: str, condition: str, values: dict[str, str]) -> Row | None:
    """The first row that `condition` holds for, in the newest file that has one."""
    for day in reversed(days.all()):
        with days.cursor([day]) as cursor:
            found = rows(cursor, f"SELECT * FROM {day.name}.{table} WHERE {condition} LIMIT 1", values)
        if found:
            return found[0]
    return None


def find_trace(days: Days, trace_id: str) -> Trace | None:
    """A trace lies in one day or in some that follow each other: the search goes back from today and ends there."""
    key = trace_key(trace_id)
    if key is None:
        return None
    spans: list[Row] = []
    calls: list[Row] = []
    scores: list[Row] = []
    oldest: int | None = None
    for lanes in by_day(days.all()):
        if oldest is not None and lanes[0].number < oldest - 1:
            break
        in_day = _of_trace(days, lanes, "spans", trace_id, key)
        calls_in_day = _of_trace(days, lanes, "calls", trace_id, key)
        if not in_day and not calls_in_day:
            if oldest is not None:
                break
            continue
        oldest = lanes[0].number
        spans += in_day
        calls += calls_in_day
        for day in lanes:
            with days.cursor([day]) as cursor:
                scores += rows(
                    cursor,
                    f"SELECT * FROM {day.name}.scores WHERE trace_id = $id OR target_id = $id"
                    " OR target_id IN (SELECT unnest($call_ids))",
                    {"id": trace_id, "call_ids": [call["call_id"] for call in calls_in_day]},
                )
    if oldest is None:
        return None
    return Trace(
        trace_id=trace_id,
        spans=[span_of(row) for row in sorted(spans, key=lambda row: (row["start_ns"], row["span_id"]))],
        calls=with_contexts(days, calls_of(sorted(calls, key=lambda row: (row["start_ns"], row["call_id"])))),
        scores=scores_of(sorted(scores, key=lambda row: (row["created_ns"], row["score_id"]))),
    )


def _of_trace(days: Days, lanes: Sequence[Day], table: str, trace_id: str, key: int) -> list[Row]:
    """Rows of one trace; the number is compared first, which is the fastest column to search."""
    found: list[Row] = []
    for day in lanes:
        with days.cursor([day]) as cursor:
            sql = f"SELECT * FROM {day.name}.{table} WHERE trace_key = $key AND trace_id = $id"
            found += rows(cursor, sql, {"id": trace_id, "key": key})
    return found


def find_spans(days: Days, filters: Filters, *, limit: int, cursor: str | None) -> Page[Span]:
    return page(
        days,
        SPANS,
        "span_id",
        filters,
        where(filters, time="start_ns", allowed=SPAN_FIELDS, kind="spans"),
        limit=limit,
        cursor=cursor,
        make=lambda found: [span_of(row) for row in found],
    )


def scan_calls(days: Days, *, after_seq: int, up_to_seq: int, limit: int) -> list[Call]:
    """Calls with after_seq < seq <= up_to_seq in that order.

    The bound above is what was committed before the question: the day files are read one after the other, and a
    batch over two days that is committed in between would else show its later half and hide its first for good.
    """
    touched = [day for day in days.all() if day.min_seq is not None and (day.max_seq or 0) > after_seq]
    found: list[Row] = []
    for day in sorted(touched, key=lambda day: day.min_seq or 0):
        if len(found) == limit and (day.min_seq or 0) > found[-1]["seq"]:
            break
        with days.cursor([day]) as cursor:
            found += rows(
                cursor,
                f"SELECT * FROM {day.name}.calls WHERE seq > $after AND seq <= $up_to ORDER BY seq LIMIT $limit",
                {"after": after_seq, "up_to": up_to_seq, "limit": limit},
            )
        found = sorted(found, key=lambda row: int(row["seq"]))[:limit]
    return with_contexts(days, calls_of(found))


def with_contexts(days: Days, calls: list[Call]) -> list[Call]:
    """Give the calls that carry no contexts the documents that retrieval found in their trace before they started.

    Looks back one day from the first of `calls`.
    """
    lacking = [call for call in calls if call.contexts is None]
    if not lacking:
        return calls
    documents = _documents(days, lacking)
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


def _documents(days: Days, calls: Sequence[Call]) -> list[Row]:
    since_ns = min(call.start_ns for call in calls) - NS_PER_DAY
    until_ns = max(call.start_ns for call in calls) + 1
    found: list[Row] = []
    for day in days.between(since_ns, until_ns):
        with days.cursor([day]) as cursor:
            found += rows(
                cursor,
                f"SELECT trace_id, project, end_ns, documents FROM {day.name}.spans"
                " WHERE start_ns >= $since AND start_ns < $until"
                " AND documents IS NOT NULL AND trace_id IN (SELECT unnest($trace_ids))",
                {"since": since_ns, "until": until_ns, "trace_ids": list({call.trace_id for call in calls})},
            )
    return sorted(found, key=lambda row: int(row["end_ns"]))
