"""What is stored: nine kinds of documents, each in one index a UTC day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from collector.batch import CALL_SCHEMA, LOG_SCHEMA, OPINION_SCHEMA, POINT_SCHEMA, SPAN_SCHEMA
from collector.joining.joining import JOINED_PART_SCHEMA
from collector.store.duckdb import tables

SCHEMA_VERSION = 1
"""Of the mappings: one higher when a field is added. A field never changes its type."""

KEYWORD = {"type": "keyword"}
NUMBER = {"type": "long"}
REAL = {"type": "double"}
FLAG = {"type": "boolean"}
STORED = {"type": "object", "enabled": False}
"""Comes back as it went in, of any length and form, and cannot be searched."""
WORDS = {"type": "text", "analyzer": "whitespace", "norms": False, "index_options": "docs"}
"""Words that `words.py` has cut and lowered; nobody asks how often they stand or in which order."""
ATTRIBUTES = {"type": "flattened", "ignore_above": 1024, "depth_limit": 2}
"""One field for all keys: ten thousand of them grow no mapping."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """`time` places a document in its day, `identity` tells two of one time apart.

    `indexed` are the fields that can be searched, by name; further columns of `schema` are stored only.
    """

    name: str
    schema: pa.Schema
    time: str
    identity: str
    indexed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def keywords(self) -> tuple[str, ...]:
        return tuple(name for name, mapping in self.indexed.items() if mapping is KEYWORD)

    def mappings(self) -> dict[str, Any]:
        """What Elasticsearch is told of its fields."""
        stored: dict[str, Mapping[str, Any]] = dict.fromkeys(self.schema.names, STORED)
        return {
            "dynamic": "strict",
            "_meta": {"watchkeeper_schema": SCHEMA_VERSION},
            "properties": stored | {"kept": STORED} | dict(self.indexed),
        }


def _keywords(*names: str) -> dict[str, Mapping[str, Any]]:
    return dict.fromkeys(names, KEYWORD)


def _numbers(*names: str) -> dict[str, Mapping[str, Any]]:
    return dict.fromkeys(names, NUMBER)


def _reals(*names: str) -> dict[str, Mapping[str, Any]]:
    return dict.fromkeys(names, REAL)


SPANS = Kind(
    name="spans",
    schema=SPAN_SCHEMA,
    time="start_ns",
    identity="span_id",
    indexed=_keywords(
        "project", "trace_id", "span_id", "service", "environment", "name", "kind", "operation", "status", "users"
    )
    | _numbers("start_ns")
    | {"has_documents": FLAG, "texts_gone": FLAG, "attribute_values": ATTRIBUTES},
)

CALLS = Kind(
    name="calls",
    schema=CALL_SCHEMA.append(pa.field("seq", pa.int64())),
    time="start_ns",
    identity="call_id",
    indexed=_keywords(
        "project", "call_id", "trace_id", "span_id", "service", "environment", "provider", "request_model",
        "response_model", "response_id", "error_type", "session_id", "user_id", "tenant", "operation",
    )
    | _numbers("start_ns", "seq", "input_tokens", "output_tokens")
    | _reals("latency_s", "ttft_s", "cost_usd")
    | {"words": WORDS, "has_long_words": FLAG, "texts_gone": FLAG},
)  # fmt: skip

# What joined calls were made of; a call that came whole is in CALLS alone.
PARTS = Kind(
    name="parts",
    schema=JOINED_PART_SCHEMA,
    time="start_ns",
    identity="part_id",
    indexed=_keywords("project", "part_id", "call_id", "trace_id", "span_id", "user_id")
    | _numbers("start_ns")
    | {"texts_gone": FLAG},
)

LOGS = Kind(
    name="logs",
    schema=LOG_SCHEMA,
    time="time_ns",
    identity="log_id",
    indexed=_keywords(
        "project", "log_id", "trace_id", "span_id", "service", "environment", "event_name", "severity", "users"
    )
    | _numbers("time_ns")
    | {"words": WORDS, "has_long_words": FLAG, "texts_gone": FLAG, "attribute_values": ATTRIBUTES},
)

POINTS = Kind(
    name="points",
    schema=POINT_SCHEMA,
    time="time_ns",
    identity="point_id",
    indexed=_keywords("project", "point_id", "service", "environment", "name", "kind", "users")
    | _numbers("time_ns")
    | _reals("value")
    | {"attribute_values": ATTRIBUTES},
)

OPINIONS = Kind(
    name="opinions",
    schema=OPINION_SCHEMA,
    time="time_ns",
    identity="opinion_id",
    indexed=_keywords(
        "project", "opinion_id", "target_kind", "trace_id", "span_id", "response_id", "session_id", "source", "author"
    )
    | _numbers("time_ns")
    | {"texts_gone": FLAG},
)

SCORES = Kind(
    name="scores",
    schema=tables.SCORES.schema,
    time="target_start_ns",
    identity="score_id",
    indexed=_keywords(
        "score_id", "target_kind", "target_id", "evaluator", "version", "source", "label", "author", "project",
        "service", "environment", "request_model", "trace_id",
    )
    | _numbers("target_start_ns", "created_ns")
    | _reals("value")
    | {"texts_gone": FLAG},
)  # fmt: skip

VECTORS = Kind(
    name="vectors",
    schema=tables.VECTORS.schema,
    time="call_start_ns",
    identity="call_id",
    indexed=_keywords("call_id", "kind", "version") | _numbers("call_start_ns"),
)

VERDICTS = Kind(
    name="verdicts",
    schema=tables.VERDICTS.schema,
    time="decided_ns",
    identity="verdict_id",
    indexed=_keywords("verdict_id", "project", "service", "request_model")
    | _numbers("decided_ns")
    | {"texts_gone": FLAG},
)

KINDS = (SPANS, CALLS, PARTS, LOGS, POINTS, OPINIONS, SCORES, VECTORS, VERDICTS)
