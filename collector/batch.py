"""What passes from decoding to the store: Arrow tables, no object per span."""

from dataclasses import dataclass

import pyarrow as pa

ATTRIBUTES = pa.list_(
    pa.struct(
        [
            ("key", pa.string()),
            ("string", pa.string()),
            ("bool", pa.bool_()),
            ("int", pa.int64()),
            ("double", pa.float64()),
            # Arrays and maps stay as they came on the wire; collector.otlp.wire.any_value reads them.
            ("array", pa.binary()),
            ("kvlist", pa.binary()),
            ("bytes", pa.binary()),
        ]
    )
)

EVENTS = pa.list_(pa.struct([("name", pa.string()), ("time_ns", pa.int64()), ("attributes", ATTRIBUTES)]))
LINKS = pa.list_(pa.struct([("trace_id", pa.string()), ("span_id", pa.string()), ("attributes", ATTRIBUTES)]))

SPAN_SCHEMA = pa.schema(
    [
        pa.field("trace_id", pa.string(), nullable=False),
        pa.field("span_id", pa.string(), nullable=False),
        ("parent_span_id", pa.string()),
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("end_ns", pa.int64(), nullable=False),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("operation", pa.string()),
        ("status", pa.string()),
        ("status_message", pa.string()),
        pa.field("project", pa.string(), nullable=False),
        ("service", pa.string()),
        ("environment", pa.string()),
        ("scope", pa.string()),
        ("documents", pa.string()),  # JSON list of what a retrieval span found, else null
        ("attributes", ATTRIBUTES),
        ("resource", pa.string()),  # JSON object
        ("events", EVENTS),
        ("links", LINKS),
    ]
)

# JSON texts stay texts: a message list is parsed where a person reads it, not on the way in.
CALL_SCHEMA = pa.schema(
    [
        pa.field("call_id", pa.string(), nullable=False),
        pa.field("trace_id", pa.string(), nullable=False),
        pa.field("span_id", pa.string(), nullable=False),
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("project", pa.string(), nullable=False),
        ("service", pa.string()),
        ("environment", pa.string()),
        ("provider", pa.string()),
        ("request_model", pa.string()),
        ("response_model", pa.string()),
        ("response_id", pa.string()),
        ("system_fingerprint", pa.string()),
        ("operation", pa.string()),
        ("stream", pa.bool_()),
        ("latency_s", pa.float64()),
        ("ttft_s", pa.float64()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cache_read_tokens", pa.int64()),
        ("cache_write_tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("finish_reasons", pa.list_(pa.string())),
        ("error_type", pa.string()),
        ("error_message", pa.string()),
        ("parameters", pa.string()),
        ("session_id", pa.string()),
        ("user_id", pa.string()),
        ("tenant", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("metadata", pa.string()),
        ("system_instructions", pa.string()),
        ("input_messages", pa.string()),
        ("output_messages", pa.string()),
        ("tool_definitions", pa.string()),
        ("contexts", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The spans and calls of one request: tables of SPAN_SCHEMA and CALL_SCHEMA.

    Ids are lower-case hex: 32 characters a trace, 16 a span, 32 a call (`call_id_of`).
    """

    spans: pa.Table
    calls: pa.Table

    @property
    def n_bytes(self) -> int:
        return int(self.spans.nbytes + self.calls.nbytes)


def call_id_of(trace_id: str, span_id: str) -> str:
    """The id of the call that one span records: 128 bits of the two ids, the same on every retry."""
    return trace_id[16:] + span_id
