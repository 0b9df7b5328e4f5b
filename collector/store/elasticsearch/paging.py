"""Documents page by page, newest first."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from collector import cursors
from collector.errors import BadRequest
from collector.query import Filters, Page
from collector.store.elasticsearch.cluster import PAGE_ROWS, Clause, Cluster, newest_first
from collector.store.elasticsearch.documents import Row
from collector.store.elasticsearch.kinds import Kind

T = TypeVar("T")


def page(
    cluster: Cluster,
    kind: Kind,
    filters: Filters,
    clauses: Sequence[Clause],
    *,
    limit: int,
    cursor: str | None,
    make: Callable[[Sequence[Row]], Sequence[T]],
    holds: Callable[[Row], bool] | None = None,
) -> Page[T]:
    """The first `limit` rows after `cursor` that `clauses` hold for, by time descending, then identity.

    The place is a time and an id, not a count: rows that arrive meanwhile neither shift nor repeat others.
    `holds` decides on what the index cannot know.
    """
    if limit < 1:
        raise BadRequest(f"limit must be at least 1, got {limit}")
    after = None if cursor is None else cursors.decode(cursor)
    with cluster.errors():
        rows = cluster.rows(
            kind,
            clauses,
            sort=newest_first(kind),
            index=cluster.between(kind, filters.since_ns, filters.until_ns),
            after=after,
            page_rows=min(limit + 1, PAGE_ROWS) if holds is None else min(10 * (limit + 1), 1_000),
        )
        found = list(islice(rows if holds is None else filter(holds, rows), limit + 1))
    if len(found) <= limit:
        return Page(items=make(found), next_cursor=None)
    last = found[limit - 1]
    return Page(items=make(found[:limit]), next_cursor=cursors.encode(last[kind.time], last[kind.identity]))
