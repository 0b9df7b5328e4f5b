"""Opinions that wait for the call they speak of."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from collector.store.elasticsearch.bulk import Action, send
from collector.store.elasticsearch.cluster import PAGE_ROWS, Cluster, in_range, newest_first
from collector.store.elasticsearch.documents import Row, id_of
from collector.store.elasticsearch.kinds import OPINIONS


def waiting_opinions(cluster: Cluster, *, since_ns: int, limit: int) -> list[Row]:
    """Rows of OPINION_SCHEMA, newest first."""
    with cluster.errors():
        rows = cluster.rows(
            OPINIONS,
            [in_range(OPINIONS.time, since_ns, 2**63 - 1)],
            sort=newest_first(OPINIONS),
            page_rows=max(1, min(limit, PAGE_ROWS)),
        )
        return list(islice(rows, limit))


def drop_opinions(cluster: Cluster, opinions: Sequence[Mapping[str, Any]]) -> None:
    """Delete opinions that became scores."""
    places = (
        (cluster.index_of(OPINIONS, row["time_ns"]), id_of(row["project"], row["opinion_id"])) for row in opinions
    )
    send(cluster, OPINIONS, (Action("delete", *place) for place in places))
