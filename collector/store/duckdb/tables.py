"""The tables of one day file."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.batch import CALL_SCHEMA, LOG_SCHEMA, OPINION_SCHEMA, POINT_SCHEMA, SPAN_SCHEMA
from collector.errors import StoreUnavailable
from collector.joining.joining import JOINED_PART_SCHEMA

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # there is one of each, and hashing a schema takes long
class Table:
    """`time` places a row in its day; `key` names a row: writing a key again never makes a second row."""

    name: str
    schema: pa.Schema
    time: str
    key: tuple[str, ...]


# The last 64 bits of the trace id: a search through numbers is several times faster than one through texts.
TRACE_KEY = pa.field("trace_key", pa.int64())

SPANS = Table(
    name="spans", schema=SPAN_SCHEMA.append(TRACE_KEY), time="start_ns", key=("project", "trace_id", "span_id")
)

CALLS = Table(
    name="calls",
    schema=CALL_SCHEMA.append(TRACE_KEY).append(pa.field("seq", pa.int64())),
    time="start_ns",
    key=("trace_id", "span_id"),
)

# What joined calls were made of; a call that came whole is in CALLS alone.
PARTS = Table(name="parts", schema=JOINED_PART_SCHEMA, time="start_ns", key=("project", "part_id"))

LOGS = Table(name="logs", schema=LOG_SCHEMA, time="time_ns", key=("project", "log_id"))

POINTS = Table(name="points", schema=POINT_SCHEMA, time="time_ns", key=("project", "point_id"))

OPINIONS = Table(name="opinions", schema=OPINION_SCHEMA, time="time_ns", key=("project", "opinion_id"))

SCORES = Table(
    name="scores",
    schema=pa.schema(
        [
            ("score_id", pa.string()),
            ("target_kind", pa.string()),
            ("target_id", pa.string()),
            ("target_start_ns", pa.int64()),
            ("evaluator", pa.string()),
            ("version", pa.string()),
            ("source", pa.string()),
            ("value", pa.float64()),
            ("label", pa.string()),
            ("explanation", pa.string()),
            ("marks", pa.string()),  # JSON list
            ("cost_usd", pa.float64()),
            ("created_ns", pa.int64()),
            ("author", pa.string()),
            ("project", pa.string()),
            ("service", pa.string()),
            ("environment", pa.string()),
            ("request_model", pa.string()),
            ("trace_id", pa.string()),
        ]
    ),
    time="target_start_ns",
    key=("score_id",),
)

VECTORS = Table(
    name="vectors",
    schema=pa.schema(
        [
            ("call_id", pa.string()),
            ("call_start_ns", pa.int64()),
            ("kind", pa.string()),
            ("version", pa.string()),
            ("values", pa.list_(pa.float32())),  # models compute in no more digits, and half the bytes are read
        ]
    ),
    time="call_start_ns",
    key=("call_id", "kind", "version"),
)

VERDICTS = Table(
    name="verdicts",
    schema=pa.schema(
        [
            ("verdict_id", pa.string()),
            ("project", pa.string()),
            ("service", pa.string()),
            ("request_model", pa.string()),
            ("decided_ns", pa.int64()),
            ("body", pa.string()),  # JSON of the whole verdict
        ]
    ),
    time="decided_ns",
    key=("verdict_id",),
)

TABLES = (SPANS, CALLS, PARTS, LOGS, POINTS, OPINIONS, SCORES, VECTORS, VERDICTS)


# Half the bytes of DuckDB's own choice (FSST), and folding the log takes less time.
_LONG = " USING COMPRESSION zstd"
LONG_TEXTS = (
    "attributes", "documents", "events", "links", "input_messages", "output_messages", "system_instructions",
    "tool_definitions", "contexts", "explanation", "body", "distribution",
)  # fmt: skip


def create_tables(cursor: DuckDBPyConnection, file: str) -> None:
    """Make the tables of a day in the attached, empty `file`."""
    for table in TABLES:
        cursor.register("wanted", table.schema.empty_table())
        types = cursor.execute("DESCRIBE FROM wanted").fetchall()
        cursor.unregister("wanted")
        columns = [f'"{name}" {kind}{_LONG if name in LONG_TEXTS else ""}' for name, kind, *_ in types]
        cursor.execute(f"CREATE TABLE {file}.{table.name} ({', '.join(columns)})")
    cursor.execute(f"CREATE TABLE {file}.meta AS SELECT {SCHEMA_VERSION}::INTEGER AS schema_version")


def check_version(cursor: DuckDBPyConnection, file: str, path: Path) -> None:
    """
    Raises:
        StoreUnavailable: if another version of Watchkeeper wrote the attached `file`.
    """
    row = cursor.execute(f"SELECT max(schema_version) FROM {file}.meta").fetchone()
    version = row[0] if row else None
    if version != SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{path} has schema version {version}, this Watchkeeper reads {SCHEMA_VERSION}; "
            f"start a version that reads {version}, or move the file away"
        )
