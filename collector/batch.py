"""What passes from decoding to the store: Arrow tables, no object per span."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

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
        ("attributes", pa.string()),  # JSON object
        ("resource", pa.string()),  # JSON object
        ("events", pa.string()),  # JSON list of {"name", "time_ns", "attributes"}, null with none
        ("links", pa.string()),  # JSON list of {"trace_id", "span_id", "attributes"}, null with none
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

# What one span or log record tells of a model call. Most calls have one part; `collector.joining` makes calls of parts.
# Kinds: `span`, a model call; `wrapper`, an agent's span with the tokens of the calls below it; `event`, a log record
# about a call; `message`, a log record that holds one message of it (a list of one in its messages).
PART_SCHEMA = pa.schema(
    [
        *CALL_SCHEMA,
        pa.field("part_id", pa.string(), nullable=False),  # the id of the span as a call, or of the log record
        pa.field("part_kind", pa.string(), nullable=False),
        ("parent_span_id", pa.string()),
        ("scope", pa.string()),
        pa.field("end_ns", pa.int64(), nullable=False),
    ]
)

# What a person, a user or an evaluator elsewhere said, sent as telemetry: becomes a Score when its target is known.
OPINION_SCHEMA = pa.schema(
    [
        pa.field("opinion_id", pa.string(), nullable=False),  # hash: the same on every retry
        pa.field("time_ns", pa.int64(), nullable=False),
        pa.field("project", pa.string(), nullable=False),
        pa.field("target_kind", pa.string(), nullable=False),  # call, trace, session
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("response_id", pa.string()),
        ("session_id", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        ("value", pa.float64()),
        ("label", pa.string()),
        ("explanation", pa.string()),
        pa.field("source", pa.string(), nullable=False),  # model, judge, human, user
        ("author", pa.string()),
    ]
)

LOG_SCHEMA = pa.schema(
    [
        pa.field("log_id", pa.string(), nullable=False),  # hash of the record: the same on every retry
        pa.field("time_ns", pa.int64(), nullable=False),
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        pa.field("project", pa.string(), nullable=False),
        ("service", pa.string()),
        ("environment", pa.string()),
        ("scope", pa.string()),
        ("event_name", pa.string()),
        ("severity", pa.string()),
        ("body", pa.string()),  # a text as it came, a structured body as JSON
        ("attributes", pa.string()),  # JSON object
        ("resource", pa.string()),  # JSON object
    ]
)

POINT_SCHEMA = pa.schema(
    [
        pa.field("point_id", pa.string(), nullable=False),  # hash of series and time: the same on every retry
        pa.field("time_ns", pa.int64(), nullable=False),
        ("start_ns", pa.int64()),
        pa.field("project", pa.string(), nullable=False),
        ("service", pa.string()),
        ("environment", pa.string()),
        ("scope", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        ("unit", pa.string()),
        ("kind", pa.string()),  # gauge, sum, histogram, exponential_histogram, summary
        ("temporality", pa.string()),  # delta, cumulative; null where the kind has none
        ("value", pa.float64()),  # of a gauge or sum
        ("distribution", pa.string()),  # JSON object: count, sum, min, max and buckets or quantiles
        ("attributes", pa.string()),  # JSON object
        ("resource", pa.string()),  # JSON object
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one request brings: tables of SPAN_SCHEMA, PART_SCHEMA, OPINION_SCHEMA, LOG_SCHEMA and POINT_SCHEMA.

    Ids are lower-case hex: 32 characters a trace, 16 a span, 32 a call (`call_id_of`).
    """

    spans: pa.Table = field(default_factory=SPAN_SCHEMA.empty_table)
    parts: pa.Table = field(default_factory=PART_SCHEMA.empty_table)
    opinions: pa.Table = field(default_factory=OPINION_SCHEMA.empty_table)
    logs: pa.Table = field(default_factory=LOG_SCHEMA.empty_table)
    points: pa.Table = field(default_factory=POINT_SCHEMA.empty_table)

    @property
    def n_bytes(self) -> int:
        return sum(int(table.nbytes) for table in self._tables)

    @property
    def n_spans(self) -> int:
        return int(self.spans.num_rows)

    @property
    def n_rows(self) -> int:
        return sum(table.num_rows for table in self._tables)

    @property
    def _tables(self) -> tuple[pa.Table, ...]:
        return (self.spans, self.parts, self.opinions, self.logs, self.points)


def call_id_of(trace_id: str, span_id: str) -> str:
    """The id of the call that one span records: 128 bits of the two ids, the same on every retry."""
    return trace_id[16:] + span_id


def projects_of(*tables: pa.Table) -> list[str]:
    """The projects whose rows are in `tables`."""
    return sorted({project for table in tables for project in pc.unique(table["project"]).to_pylist()})


def of_project(table: pa.Table, project: str) -> pa.Table:
    """The rows of `project`; mostly all of them."""
    own = pc.equal(table["project"], project)
    return table if pc.all(own).as_py() is not False else table.filter(own)
