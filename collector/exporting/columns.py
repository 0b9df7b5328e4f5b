"""Calls and scores in their public shape -> rows of Parquet."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from collector.times import parse_rfc3339

_TIME = pa.timestamp("ns", tz="UTC")
_TEXTS = pa.list_(pa.string())
JSON_FIELDS = frozenset(
    ("parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
     "contexts", "marks")
)  # fmt: skip
"""Values of any shape: columns of JSON text."""

CALLS = pa.schema(
    [
        ("start_time", _TIME),
        *((name, pa.string()) for name in (
            "call_id", "trace_id", "span_id", "project", "service", "environment", "provider", "request_model",
            "response_model", "response_id", "system_fingerprint", "operation",
        )),
        ("stream", pa.bool_()),
        ("latency_s", pa.float64()),
        ("ttft_s", pa.float64()),
        *((name, pa.int64()) for name in (
            "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
        )),
        ("cost_usd", pa.float64()),
        ("finish_reasons", _TEXTS),
        *((name, pa.string()) for name in (
            "error_type", "error_message", "parameters", "session_id", "user_id", "tenant",
        )),
        ("tags", _TEXTS),
        *((name, pa.string()) for name in (
            "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions", "contexts",
        )),
    ]
)  # fmt: skip

SCORES = pa.schema(
    [
        ("target_start_time", _TIME),
        ("time", _TIME),
        *((name, pa.string()) for name in ("score_id", "target_kind", "target_id", "evaluator", "version", "source")),
        ("value", pa.float64()),
        ("label", pa.string()),
        ("explanation", pa.string()),
        ("marks", pa.string()),
        ("cost_usd", pa.float64()),
        *((name, pa.string()) for name in (
            "author", "project", "service", "environment", "request_model", "trace_id",
        )),
    ]
)  # fmt: skip


def table_of(items: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """`items` as a table of `schema`."""
    columns = {field.name: [_cell(field, item.get(field.name)) for item in items] for field in schema}
    return pa.table(columns, schema=schema)


def _cell(field: pa.Field, value: Any) -> Any:
    if value is None:
        return None
    if field.type == _TIME:
        return parse_rfc3339(value)
    return json.dumps(value, ensure_ascii=False) if field.name in JSON_FIELDS else value
