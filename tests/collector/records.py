"""Log records and data points for tests, as the decoders hand them to the store."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from collector.batch import LOG_SCHEMA, POINT_SCHEMA, Batch

_COMMON = {"project": "default", "service": "shop", "environment": "prod", "scope": "test"}


def batch_of_logs(records: Sequence[dict[str, Any]]) -> Batch:
    """Each needs a `log_id` and a `time_ns`."""
    return Batch(logs=_table([_COMMON | record for record in records], LOG_SCHEMA))


def batch_of_points(points: Sequence[dict[str, Any]]) -> Batch:
    """Each needs a `point_id` and a `time_ns`."""
    return Batch(points=_table([_COMMON | {"name": "queue.size", "kind": "gauge"} | p for p in points], POINT_SCHEMA))


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    for row in rows:
        for name in ("attributes", "resource", "distribution"):
            if name in row:
                row[name] = json.dumps(row[name])
    return pa.Table.from_pylist(rows, schema=schema)
