"""Documents of a day taken out or changed, and the bytes of what was there before taken off the disk."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from collector.errors import StoreUnavailable
from collector.store.elasticsearch.bulk import Action, Outcome, deleted, replaced, send
from collector.store.elasticsearch.cluster import Clause, Cluster, Hit
from collector.store.elasticsearch.documents import Row, document_of, row_of
from collector.store.elasticsearch.kinds import KINDS, Kind

log = logging.getLogger(__name__)

MERGE_TIMEOUT_S = 3600.0
PURGE_WITHIN_S = 120.0
PURGE_AGAIN_S = 2.0
BATCH = 2_000
N_PASSES = 5
"""What somebody else writes at the same moment is looked at again so many times."""

_KEPT_DELETED = "index.soft_deletes.retention_lease.period"


def delete_where(
    cluster: Cluster,
    kind: Kind,
    clauses: Sequence[Clause],
    *,
    touched: set[str],
    holds: Callable[[Row], bool] = lambda row: True,
    index: str | None = None,
) -> int:
    """Delete the documents (of `index`, or of all days) for which `clauses` and `holds` hold; how many there were.
    Their indices are added to `touched`."""

    def action(hit: Hit) -> Action | None:
        return deleted(hit) if holds(row_of(kind, hit.source)) else None

    return _work_off(cluster, kind, clauses, action, touched, index)


def change_where(
    cluster: Cluster,
    kind: Kind,
    clauses: Sequence[Clause],
    *,
    touched: set[str],
    change: Callable[[Row], Row | None],
    marks: Row | None = None,
    index: str | None = None,
) -> int:
    """Replace the rows for which `clauses` hold by `change` of them, except where it gives None; how many there were.
    `marks` are added to each document."""

    def action(hit: Hit) -> Action | None:
        row = change(row_of(kind, hit.source))
        return None if row is None else replaced(hit, document_of(kind, row) | (marks or {}))

    return _work_off(cluster, kind, clauses, action, touched, index)


def _work_off(
    cluster: Cluster,
    kind: Kind,
    clauses: Sequence[Clause],
    action: Callable[[Hit], Action | None],
    touched: set[str],
    index: str | None,
) -> int:
    n_done = 0
    for _ in range(N_PASSES):
        total = Outcome()
        for actions in _batches(_actions(cluster, kind, clauses, action, index)):
            touched |= {one.index for one in actions}
            total += send(cluster, kind, actions)
        n_done += total.done
        if not total.same:  # nobody changed one of them meanwhile
            return n_done
    raise StoreUnavailable(f"{cluster.config.url}: {kind.name} change faster than they can be taken out; do it again")


def _actions(
    cluster: Cluster,
    kind: Kind,
    clauses: Sequence[Clause],
    action: Callable[[Hit], Action | None],
    index: str | None,
) -> Iterator[Action]:
    with cluster.errors():
        for hit in cluster.all(kind, clauses, index=index, versions=True, page_rows=BATCH):
            found = action(hit)
            if found is not None:
                yield found


def _batches(actions: Iterator[Action]) -> Iterator[list[Action]]:
    batch: list[Action] = []
    for action in actions:
        batch.append(action)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def merge(cluster: Cluster, indices: Collection[str]) -> None:
    """Write each of `indices` anew in one segment."""
    with cluster.errors():
        client = cluster.client.options(request_timeout=MERGE_TIMEOUT_S)
        for index in sorted(indices):
            client.indices.flush(index=index, force=True, ignore_unavailable=True)
            client.indices.forcemerge(index=index, max_num_segments=1, ignore_unavailable=True)
            client.indices.refresh(index=index, ignore_unavailable=True)


def purge(cluster: Cluster, indices: Collection[str]) -> None:
    """Write each of `indices` anew without what was deleted or replaced, so that no file of theirs holds it.

    Elasticsearch keeps deleted documents for twelve hours, for copies that were away. It is told not to, which it
    heeds within half a minute.
    """
    if not indices:
        return
    with cluster.errors():
        cluster.client.indices.put_settings(index=list(indices), settings={_KEPT_DELETED: "1ms"})
    try:
        deadline_s = time.monotonic() + PURGE_WITHIN_S
        merge(cluster, indices)
        while (full := _with_deleted(cluster, indices)) and time.monotonic() < deadline_s:
            time.sleep(PURGE_AGAIN_S)
            merge(cluster, full)
    finally:
        with cluster.errors():
            cluster.client.indices.put_settings(index=list(indices), settings={_KEPT_DELETED: None})
    if full:
        log.warning("files of %s hold deleted documents until Elasticsearch merges them", ", ".join(full))


def _with_deleted(cluster: Cluster, indices: Collection[str]) -> list[str]:
    with cluster.errors():
        told = cluster.client.indices.stats(
            index=f"{cluster.config.prefix}-*", metric="docs", filter_path="indices.*.total.docs.deleted"
        ).body.get("indices", {})
    return [index for index in sorted(indices) if index in told and told[index]["total"]["docs"]["deleted"]]


def indices_by_day(cluster: Cluster) -> dict[int, list[tuple[Kind, str]]]:
    """The indices there are, by the number of their UTC day, oldest first."""
    found: dict[int, list[tuple[Kind, str]]] = {}
    with cluster.errors():
        for kind in KINDS:
            for index in cluster.names(cluster.pattern(kind)):
                found.setdefault(cluster.day_of(index), []).append((kind, index))
    return dict(sorted(found.items()))


def bytes_of(cluster: Cluster, indices: Collection[str]) -> int:
    if not indices:
        return 0
    with cluster.errors():
        told = cluster.client.indices.stats(
            index=f"{cluster.config.prefix}-*", metric="store", filter_path="indices.*.primaries.store.size_in_bytes"
        ).body.get("indices", {})
    return sum(told[index]["primaries"]["store"]["size_in_bytes"] for index in indices if index in told)


def check_stop(stopping: threading.Event) -> None:
    if stopping.is_set():
        raise StoreUnavailable("the store is closing; what is due is done with the next run")
