"""All documents of a day as rows, and rows as documents: see `collector.store.moving`."""

from collections.abc import Iterator
from itertools import islice

import pyarrow as pa

from collector.errors import StoreUnavailable
from collector.store.elasticsearch.bulk import Outcome, send
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.documents import Row
from collector.store.elasticsearch.kinds import CALLS, KINDS, VECTORS, Kind
from collector.store.elasticsearch.rewriting import indices_by_day
from collector.store.elasticsearch.sequence import Sequence as Numbers
from collector.store.elasticsearch.vectors import packed, unpacked
from collector.store.elasticsearch.writing import actions
from collector.store.moving import CHUNK_ROWS, SCHEMAS, Loaded

_BY_NAME = {kind.name: kind for kind in KINDS}


def days(cluster: Cluster) -> list[int]:
    return sorted(indices_by_day(cluster))


def dump(cluster: Cluster, kind: str, day: int) -> Iterator[pa.Table]:
    """See `Movable.dump`."""
    found = _rows(cluster, _BY_NAME[kind], day)
    with cluster.errors():
        while chunk := list(islice(found, CHUNK_ROWS)):
            yield pa.Table.from_pylist(chunk, schema=SCHEMAS[kind])


def _rows(cluster: Cluster, kind: Kind, day: int) -> Iterator[Row]:
    index = cluster.index_on(kind, day)
    if kind is CALLS:
        yield from cluster.rows(kind, [], sort=[{"seq": "asc"}], index=index)
        return
    for row in cluster.all_rows(kind, [], index=index):
        yield row | {"values": unpacked(row["values"])} if kind is VECTORS else row


def load(cluster: Cluster, numbers: Numbers, kind: str, rows: pa.Table) -> Loaded:
    """See `Movable.load`. For the holder of the writers' lock."""
    documents = rows.to_pylist()
    if kind == CALLS.name:
        return _load_calls(cluster, numbers, documents)
    if kind == VECTORS.name:
        documents = [row | {"values": packed(row["values"])} for row in documents]
    return _loaded(cluster, send(cluster, _BY_NAME[kind], actions(cluster, _BY_NAME[kind], "create", documents)))


def _load_calls(cluster: Cluster, numbers: Numbers, documents: list[Row]) -> Loaded:
    """A block that was out for too long has been passed by readers, so that what it numbered is numbered anew."""
    block = numbers.take(len(documents))
    numbered = [row | {"seq": block.first + place} for place, row in enumerate(documents)]
    outcome = send(cluster, CALLS, actions(cluster, CALLS, "create", numbered))
    if not numbers.give_back(block):
        raise StoreUnavailable(
            f"{cluster.config.url} took minutes for {len(documents)} calls, which evaluators may have passed by; delete"
            " what was imported and do it again when the cluster is faster"
        )
    return _loaded(cluster, outcome)


def _loaded(cluster: Cluster, outcome: Outcome) -> Loaded:
    if outcome.refused:
        reason, _ = outcome.refused.most_common(1)[0]
        raise StoreUnavailable(f"{cluster.config.url} refuses {outcome.refused.total()} rows: {reason}")
    return Loaded(outcome.done, outcome.same)
