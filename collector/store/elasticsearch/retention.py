"""What has had its time goes: whole days as indices, the rest document by document."""

import logging
import threading
from collections.abc import Collection, Sequence
from functools import partial

from collector.errors import StoreUnavailable
from collector.retention import NS_PER_DAY, Due, Keep, Kept, Retention
from collector.store.elasticsearch.aggregates import grouped
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.content import WITH_TEXTS, emptied
from collector.store.elasticsearch.filters import any_of
from collector.store.elasticsearch.kinds import CALLS, VECTORS, Kind
from collector.store.elasticsearch.rewriting import (
    MERGE_TIMEOUT_S,
    bytes_of,
    change_where,
    check_stop,
    delete_where,
    indices_by_day,
    merge,
    purge,
)

log = logging.getLogger(__name__)

QUIET_NS = 3600 * 10**9
"""So long after its end a day still gets late data, and is left as it is."""
CHUNK_IDS = 1_000

Indices = Sequence[tuple[Kind, str]]


def retain(cluster: Cluster, retention: Retention, *, now_ns: int, stopping: threading.Event) -> Kept:
    """See `Keeping.retain`. With a lifecycle policy of the operator, nothing is deleted here."""
    done = Kept()
    if cluster.config.ilm_policy is not None:
        _warn_of_rules(cluster.config.ilm_policy, retention)
        return done
    for day, indices in indices_by_day(cluster).items():
        due = retention.due(day, now_ns)
        if not due.is_possible:
            continue
        try:
            check_stop(stopping)
            done += _retain_day(cluster, due, indices, stopping)
        except StoreUnavailable as error:
            log.warning("a day keeps what has had its time until the next run: %s", error)
            done += Kept(n_failed=1)
    return done


def _warn_of_rules(policy: str, retention: Retention) -> None:
    """Somebody counts on days of retention that nobody applies."""
    ruled = [name for name, keep in retention.projects.items() if keep != Keep()]
    if retention.default != Keep() or ruled:
        log.warning(
            "the lifecycle policy %r deletes what is old, so days of retention are not applied%s; take them away, or"
            " store.elasticsearch.ilm_policy",
            policy,
            f" (of the projects {', '.join(sorted(ruled))})" if ruled else "",
        )


def _retain_day(cluster: Cluster, due: Due, indices: Indices, stopping: threading.Event) -> Kept:
    names = [index for _, index in indices]
    n_bytes = bytes_of(cluster, names)
    there = {project for kind, index in indices for project in _projects(cluster, kind, index)}
    over = due.rows_of(there)
    if over and len(over) == len(there):
        with cluster.errors():
            cluster.client.indices.delete(index=names, ignore_unavailable=True)
        return Kept(n_days_dropped=1, bytes_freed=n_bytes)
    touched: set[str] = set()
    if over:
        _delete_rows(cluster, indices, over, touched, stopping)
    if texts_over := due.texts_of(there - set(over)):
        for kind, index in indices:
            if kind in WITH_TEXTS:
                check_stop(stopping)
                _empty(cluster, kind, index, texts_over, touched)
    if not touched:
        return Kept()
    purge(cluster, touched)
    return Kept(n_days_rewritten=1, bytes_freed=max(0, n_bytes - bytes_of(cluster, names)))


def _projects(cluster: Cluster, kind: Kind, index: str) -> list[str]:
    if kind is VECTORS:
        return []
    return [keys["project"] for keys, _ in grouped(cluster, kind, [], {}, ["project"], None, index=index)]


def _delete_rows(
    cluster: Cluster, indices: Indices, over: Collection[str], touched: set[str], stopping: threading.Event
) -> None:
    # Vectors know no project: they go when none of the calls that stay is theirs, so calls come before them.
    for kind, index in sorted(indices, key=lambda place: place[0] is VECTORS):
        check_stop(stopping)
        if kind is VECTORS:
            _delete_vectors(cluster, index, touched)
        else:
            delete_where(cluster, kind, [any_of("project", over)], index=index, touched=touched)


def _delete_vectors(cluster: Cluster, index: str, touched: set[str]) -> None:
    with cluster.errors():
        ids = sorted({row["call_id"] for row in cluster.all_rows(VECTORS, [], index=index, fields=["call_id"])})
    day = cluster.day_of(index)
    for first in range(0, len(ids), CHUNK_IDS):
        chunk = ids[first : first + CHUNK_IDS]
        with cluster.errors():
            of_day = cluster.index_on(CALLS, day)
            calls = cluster.all_rows(CALLS, [any_of("call_id", chunk)], index=of_day, fields=["call_id"])
            gone = set(chunk) - {row["call_id"] for row in calls}
        if gone:
            delete_where(cluster, VECTORS, [any_of("call_id", gone)], index=index, touched=touched)


def _empty(cluster: Cluster, kind: Kind, index: str, projects: Collection[str], touched: set[str]) -> None:
    not_yet = {"bool": {"must_not": [{"term": {"texts_gone": True}}]}}
    change_where(
        cluster,
        kind,
        [any_of("project", projects), not_yet],
        index=index,
        change=partial(emptied, kind),
        marks={"texts_gone": True},
        touched=touched,
    )


def compact(cluster: Cluster, *, now_ns: int, stopping: threading.Event) -> Kept:
    """See `Keeping.compact`: every index of a day that is over becomes one segment."""
    done = Kept()
    for day, indices in indices_by_day(cluster).items():
        if (day + 1) * NS_PER_DAY + QUIET_NS > now_ns:
            continue
        names = [index for _, index in indices]
        try:
            check_stop(stopping)
            if many := _with_many_segments(cluster, names):
                n_bytes = bytes_of(cluster, names)
                merge(cluster, many)
                done += Kept(n_days_compacted=1, bytes_freed=max(0, n_bytes - bytes_of(cluster, names)))
        except StoreUnavailable as error:
            log.warning("a day is compacted with the next run: %s", error)
            done += Kept(n_failed=1)
    return done


def _with_many_segments(cluster: Cluster, names: Sequence[str]) -> list[str]:
    with cluster.errors():
        client = cluster.client.options(request_timeout=MERGE_TIMEOUT_S)
        told = client.indices.segments(
            index=list(names), ignore_unavailable=True, filter_path="indices.*.shards.*.num_search_segments"
        ).body.get("indices", {})
    return [
        name
        for name, index in told.items()
        if any(copy["num_search_segments"] > 1 for copies in index["shards"].values() for copy in copies)
    ]
