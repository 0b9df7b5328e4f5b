"""Parquet, read some rows at a time."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collector.importing.row import FileBroken, Row, Rows
from collector.importing.values import finite
from collector.times import format_rfc3339

ROWS_AT_ONCE = 256


def parquet_rows(stream: BinaryIO) -> Rows:
    """The rows as JSON has them: times as text, decimals as numbers.

    Raises:
        FileBroken: if it is no Parquet, or broken in the middle.
    """
    number = 0
    try:
        for batch in _batches(stream):
            for values in batch.to_pylist(maps_as_pydicts="lossy"):
                number += 1
                yield Row(number, finite(_plain(values)))
    except (pa.ArrowException, OSError) as error:
        raise FileBroken(f"row {number + 1}: cannot be read as Parquet ({error})") from error


def _batches(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(stream, pre_buffer=False)
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
        columns = [_times_as_text(column) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
        yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _times_as_text(column: pa.Array) -> pa.Array:
    """RFC 3339, with Z only where the column says that it is UTC or has a zone. Python's times have no nanoseconds."""
    suffix = "Z" if column.type.tz else ""
    ns = pc.cast(pc.cast(column, pa.timestamp("ns", tz=column.type.tz)), pa.int64())
    texts = [None if t is None else format_rfc3339(t).removesuffix("Z") + suffix for t in ns.to_pylist()]
    return pa.array(texts, pa.string())


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.decode(errors="replace")
    return value
