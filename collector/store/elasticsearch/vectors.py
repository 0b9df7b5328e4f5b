"""Vectors: exact numbers, as 32-bit floats in base64."""

import base64
from collections.abc import Mapping, Sequence

import numpy as np

from collector.store.base import TextVector
from collector.store.elasticsearch.cluster import Cluster, term
from collector.store.elasticsearch.documents import Row, keyword
from collector.store.elasticsearch.filters import any_of
from collector.store.elasticsearch.kinds import VECTORS

CHUNK_CALLS = 1_000
_LITTLE = np.dtype("<f4")


def rows_of(vectors: Sequence[TextVector]) -> list[Row]:
    return [
        {
            "call_id": vector.call_id,
            "call_start_ns": vector.call_start_ns,
            "kind": vector.kind,
            "version": vector.version,
            "values": packed(vector.values),
        }
        for vector in vectors
    ]


def packed(values: Sequence[float]) -> str:
    """32-bit numbers as base64: a third of the bytes that they take as digits."""
    return base64.b64encode(np.asarray(values, dtype=_LITTLE).tobytes()).decode()


def unpacked(text: str) -> list[float]:
    found: list[float] = np.frombuffer(base64.b64decode(text), dtype=_LITTLE).tolist()
    return found


def find_vectors(
    cluster: Cluster, call_ids: Sequence[str], *, kind: str, version: str
) -> Mapping[str, Sequence[float]]:
    """The vectors there are, by call id; the newest, where two calls share an id."""
    found: dict[str, tuple[int, str]] = {}
    distinct = sorted(set(call_ids))
    with cluster.errors():
        for first in range(0, len(distinct), CHUNK_CALLS):
            clauses = [
                term("kind", keyword(kind)),
                term("version", keyword(version)),
                any_of("call_id", distinct[first : first + CHUNK_CALLS]),
            ]
            for row in cluster.all_rows(VECTORS, clauses):
                found[row["call_id"]] = max(found.get(row["call_id"], (0, "")), (row["call_start_ns"], row["values"]))
    return {call_id: unpacked(values) for call_id, (_, values) in found.items()}
