"""Files of exported telemetry, written batch by batch."""

import gzip
import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq

from collector.exporting.columns import table_of
from collector.exporting.otlp import export_of, json_of
from collector.importing.values import finite

Json = Mapping[str, Any]
Calls = Mapping[tuple[str, str], Json]

ROW_GROUP = 20_000
"""Rows of Parquet that are kept until they are written: larger groups pack better, and take more memory."""


class Writer(Protocol):
    def write(self, items: Sequence[Json], calls: Calls) -> None:
        """Write `items`. `calls`: those that stand on them, where they are spans."""

    def close(self) -> None: ...


class JsonLines:
    """One object a line, in its public shape."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, items: Sequence[Json], calls: Calls) -> None:
        self._file.write(b"".join(_line(item) for item in items))

    def close(self) -> None:
        self._file.close()


class Parquet:
    def __init__(self, file: BinaryIO, schema: pa.Schema, *, group_rows: int = ROW_GROUP) -> None:
        self._file = file
        self._group_rows = group_rows
        self._schema = schema
        self._waiting: list[Json] = []
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")

    def write(self, items: Sequence[Json], calls: Calls) -> None:
        self._waiting += items
        if len(self._waiting) >= self._group_rows:
            self._flush()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()
        self._file.close()

    def _flush(self) -> None:
        items, self._waiting = self._waiting, []
        self._writer.write_table(table_of(items, self._schema))


class OtlpProtobuf:
    """One ExportTraceServiceRequest a batch, each after its length in four bytes, the highest first: what the file
    exporter of the OpenTelemetry Collector writes as `format: proto`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, items: Sequence[Json], calls: Calls) -> None:
        message = export_of(items, calls).SerializeToString()
        self._file.write(struct.pack(">I", len(message)) + message)

    def close(self) -> None:
        self._file.close()


class OtlpJsonLines:
    """One ExportTraceServiceRequest a line, as the file exporter of the OpenTelemetry Collector writes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, items: Sequence[Json], calls: Calls) -> None:
        self._file.write(_line(json_of(export_of(items, calls))))

    def close(self) -> None:
        self._file.close()


def packed(file: BinaryIO, suffix: str) -> BinaryIO:
    """`file`, packed as `suffix` (.gz, .zst) says; closing it closes `file`."""
    match suffix.lower():
        case ".gz":
            # No name and no time in it: the same telemetry gives the same file.
            packer = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
            return cast(BinaryIO, _Closing(packer, file))
        case ".zst":
            return cast(BinaryIO, _Closing(pa.CompressedOutputStream(file, "zstd"), file))
    return file


class _Closing(io.RawIOBase):
    """A packer that closes what it writes to; by themselves some do and some do not."""

    def __init__(self, packer: Any, file: BinaryIO) -> None:
        self._packer, self._file = packer, file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._packer.write(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._packer.close()
            self._file.close()
        super().close()


def _line(value: Any) -> bytes:
    try:
        return _json(value)
    except ValueError:  # NaN is no JSON; rare, so only then is the value copied
        return _json(finite(value))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
