"""A file to its rows: which format it has, and what packs it."""

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast, get_args

import pyarrow as pa

from collector.errors import WatchkeeperError
from collector.importing.csvrows import csv_rows
from collector.importing.jsonrows import json_lines, json_values
from collector.importing.parquetrows import parquet_rows
from collector.importing.row import FileBroken, Rows

Format = Literal["jsonl", "json", "csv", "parquet"]

STDIN = Path("-")
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet",
}  # fmt: skip
_READERS: dict[Format, Callable[[BinaryIO], Rows]] = {
    "jsonl": json_lines,
    "json": json_values,
    "csv": csv_rows,
    "parquet": parquet_rows,
}
PLACES: dict[Format, str] = {"jsonl": "line", "json": "row", "csv": "line", "parquet": "row"}
"""What the number of a row counts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file while it is read. `position` tells how many of its `n_bytes` (None: a pipe) were read so far."""

    rows: Rows
    position: Callable[[], int]
    n_bytes: int | None


def format_of(path: Path, given: str | None) -> Format:
    """The format that is `given`, or that the suffix tells.

    Raises:
        WatchkeeperError: where neither does.
    """
    known = get_args(Format)
    if given is not None:
        if given not in known:
            raise WatchkeeperError(f"--format: must be one of {', '.join(known)}, got {given!r}")
        return cast(Format, given)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".zst")]
    if suffixes and suffixes[-1] in _SUFFIXES:
        return _SUFFIXES[suffixes[-1]]
    raise WatchkeeperError(f"{path}: its name does not tell the format; say it with --format {'|'.join(known)}")


@contextmanager
def open_rows(path: Path, kind: Format) -> Iterator[Reading]:
    """The rows of `path` (`-`: standard input), unpacked as its suffix says.

    Raises:
        WatchkeeperError: if it cannot be opened; FileBroken, while it is read, if the rest cannot be.
    """
    if path == STDIN and kind == "parquet":
        raise WatchkeeperError("Parquet cannot be read from a pipe: its table of contents is at the end; name a file")
    try:
        raw = sys.stdin.buffer if path == STDIN else path.open("rb")
        n_bytes = None if path == STDIN else path.stat().st_size
    except OSError as error:
        raise WatchkeeperError(f"{path}: cannot be read ({error.strerror})") from error
    with raw:
        is_file = n_bytes is not None and raw.seekable()
        # Unpacking may close the file at its end.
        position = (lambda: (n_bytes or 0) if raw.closed else raw.tell()) if is_file else lambda: 0
        yield Reading(_named(path, _READERS[kind](_unpacked(path, raw))), position, n_bytes)


def _unpacked(path: Path, raw: BinaryIO) -> BinaryIO:
    match path.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        case ".zst":
            return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))
    return raw


def _named(path: Path, rows: Rows) -> Rows:
    """`rows`, with errors that name the file."""
    try:
        yield from rows
    except FileBroken as error:
        raise FileBroken(f"{path}: {error}") from error
    except (OSError, EOFError, pa.ArrowException) as error:
        raise FileBroken(f"{path}: the rest cannot be read ({error}); is the file whole?") from error
