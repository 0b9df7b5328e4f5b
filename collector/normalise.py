"""A table of spans to what is stored: spans with their kind of operation, and the model calls among them."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.batch import CALL_SCHEMA, PART_SCHEMA, SPAN_SCHEMA, Batch
from collector.dialects import DIALECTS, Dialect, SpanView
from collector.dialects.finish import fill, fold
from collector.dialects.genai import LIST_PARAMETERS, PARAMETERS
from collector.dialects.operations import guessed, named_otherwise
from collector.dialects.streaming import streaming
from collector.otlp.attributes import AttributeTable
from collector.otlp.jsoncolumns import json_events, json_links
from collector.otlp.table import SpanTable
from collector.prices import price_calls

CALL_OPERATIONS = ("chat", "text_completion", "generate_content", "embeddings", "rerank")
WRAPPER_OPERATIONS = ("invoke_agent", "invoke_workflow", "chain")
"""Their tokens are those of the model calls below them, and count only where there is none."""
_SPAN_OPERATIONS_WITH_DOCUMENTS = ("retrieval", "rerank")
_TYPES = {field.name: field.type for field in CALL_SCHEMA} | {"documents": pa.string()}
_JSON_FIELDS = (
    "parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
    "contexts", "documents",
)  # fmt: skip


def normalise(table: SpanTable) -> Batch:
    """The spans of one request and what they tell of model calls: what each dialect on them says, field by field."""
    attributes = table.attributes
    operation = _operation(attributes)
    operation = pc.coalesce(operation, guessed(attributes, table.kind))
    is_call = _among(operation, CALL_OPERATIONS)
    other = named_otherwise(attributes, operation)
    is_wrapper = _among(operation, WRAPPER_OPERATIONS) | other.is_valid().to_numpy(zero_copy_only=False)
    operation = pc.coalesce(operation, other)
    columns = {name: _column(attributes, name) for name in _TYPES if any(name in d.columns for d in DIALECTS)}
    columns["parameters"] = _parameters(attributes)
    asked = is_call | is_wrapper | _among(operation, _SPAN_OPERATIONS_WITH_DOCUMENTS)
    for dialect in DIALECTS:
        columns = _describe(dialect, table, asked, columns)
    columns |= _inclusive_tokens(columns)
    columns["finish_reasons"] = fold(fill(columns["finish_reasons"], columns["output_messages"]))
    operation = pc.coalesce(columns["operation"], operation) if "operation" in columns else operation
    columns |= {"operation": operation, **_errors(table, columns.get("error_type"))}
    has_usage = pc.is_valid(pc.coalesce(columns["input_tokens"], columns["output_tokens"]))
    is_part = is_call | is_wrapper & has_usage.to_numpy(zero_copy_only=False)
    return Batch(spans=_spans(table, columns, is_call), parts=_parts(table, columns, is_part, is_wrapper))


def _operation(attributes: AttributeTable) -> pa.Array:
    """What each span did, in the words of OTel GenAI; null for a span that says nothing of the kind."""
    column = pa.nulls(attributes.n_rows, pa.string())
    for dialect in DIALECTS:
        if dialect.operation_key is not None and dialect.operation_key in attributes:
            encoded = pc.dictionary_encode(attributes.strings(dialect.operation_key))
            words = [dialect.operations.get(word or "") for word in encoded.dictionary.to_pylist()]
            column = pc.coalesce(column, pa.array(words, pa.string()).take(encoded.indices))
    for dialect in DIALECTS:
        if dialect.operation is not None and dialect.marker is not None and dialect.marker in attributes:
            marked = pa.array(attributes.has(dialect.marker))
            column = pc.coalesce(column, pc.if_else(marked, dialect.operation, pa.scalar(None, pa.string())))
    return column


def _inclusive_tokens(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Input and output tokens with their parts in them. Parts above the whole were counted beside it: they are added.

    Some senders pass on the numbers of a provider that counts cached or thinking tokens apart.
    """

    def whole(total: str, *parts: str) -> pa.Array:
        beside = functools.reduce(pc.add, (pc.fill_null(columns[part], 0) for part in parts))
        return pc.if_else(pc.greater(beside, columns[total]), pc.add(columns[total], beside), columns[total])

    return {
        "input_tokens": whole("input_tokens", "cache_read_tokens", "cache_write_tokens"),
        "output_tokens": whole("output_tokens", "reasoning_tokens"),
    }


def _among(operation: pa.Array, names: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    result: npt.NDArray[np.bool_] = pc.is_in(operation, pa.array(names)).to_numpy(zero_copy_only=False)
    return result


def _column(attributes: AttributeTable, field: str) -> pa.Array:
    """One field of all spans: the first of its keys that holds a value, dialect by dialect."""
    read = _reader(attributes, field)
    column = pa.nulls(attributes.n_rows, _TYPES[field])
    for key in dict.fromkeys(key for dialect in DIALECTS for key in dialect.columns.get(field, ())):
        if key in attributes:
            column = pc.coalesce(column, read(key))
    return column


def _reader(attributes: AttributeTable, field: str) -> Callable[[str], pa.Array]:
    if field in _JSON_FIELDS:
        return lambda key: attributes.json_texts(key, _dump)
    by_type: dict[pa.DataType, Callable[[str], pa.Array]] = {
        pa.string(): attributes.strings,
        pa.int64(): attributes.ints,
        pa.float64(): attributes.doubles,
        pa.bool_(): attributes.bools,
        pa.list_(pa.string()): attributes.string_lists,
    }
    return by_type[_TYPES[field]]


def _parameters(attributes: AttributeTable) -> pa.Array:
    """The request parameters that OTel GenAI spells one by one, as one JSON object a span."""
    present = [(name, key) for name, key in PARAMETERS.items() if key in attributes]
    if not present:
        return pa.nulls(attributes.n_rows, pa.string())
    values = zip(*(_parameter(attributes, key) for _, key in present), strict=True)
    texts: dict[tuple[Any, ...], str | None] = {}
    for row in (rows := list(values)):
        if row not in texts:
            given = {name: json.loads(v) for (name, _), v in zip(present, row, strict=True) if v is not None}
            texts[row] = _dump(given) if given else None
    return pa.array([texts[row] for row in rows], pa.string())


def _parameter(attributes: AttributeTable, key: str) -> list[str | None]:
    """One parameter of all spans as JSON texts."""
    if key.removeprefix("gen_ai.request.") in LIST_PARAMETERS:
        return [None if items is None else _dump(items) for items in attributes.string_lists(key).to_pylist()]
    return [
        _dump(_whole(number)) if number is not None else None if text is None else _dump(text)
        for number, text in zip(attributes.doubles(key).to_pylist(), attributes.strings(key).to_pylist(), strict=True)
    ]


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _describe(
    dialect: Dialect, table: SpanTable, asked: npt.NDArray[np.bool_], columns: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    """`columns` with the holes filled that `dialect.describe` can fill."""
    rows = np.flatnonzero(asked & _told_by(dialect, table)) if asked.any() else np.empty(0, np.int64)
    if not len(rows):
        return dict(columns)
    facts = {int(row): dialect.describe(_view(table, int(row))) for row in rows}
    filled = dict(columns)
    for field in sorted({field for told in facts.values() for field in told}):
        values = [_stored(field, facts[row].get(field)) if row in facts else None for row in range(len(table))]
        told = pa.array(values, _TYPES[field])
        filled[field] = pc.coalesce(filled[field], told) if field in filled else told
    return filled


def _told_by(dialect: Dialect, table: SpanTable) -> npt.NDArray[np.bool_]:
    """Which spans carry what `dialect.describe` reads."""
    found = np.zeros(len(table), dtype=bool)
    for key in (dialect.marker, *dialect.details):
        if key is not None and key in table.attributes:
            found |= table.attributes.has(key)
    if dialect.events and len(names := pc.struct_field(table.events.flatten(), "name")):
        of_event = pc.is_in(names, pa.array(sorted(dialect.events))).to_numpy(zero_copy_only=False)
        found[pc.list_parent_indices(table.events).to_numpy()[of_event]] = True
    return found


def _view(table: SpanTable, row: int) -> SpanView:
    return SpanView(
        name=table.name[row].as_py() or "",
        scope=table.scope[row].as_py() or "",
        start_ns=table.start_ns[row].as_py(),
        end_ns=table.end_ns[row].as_py(),
        status=table.status[row].as_py(),
        attributes=table.attributes.of_row(row),
        events=table.events_of(row),
    )


def _stored(field: str, value: Any) -> Any:
    if value is None:
        return None
    if field in _JSON_FIELDS:
        return _dump(value)
    if _TYPES[field] == pa.string():
        return _plain_text(value)
    return value


def _plain_text(value: Any) -> str | None:
    """`value` as text; None where a list or an object stands in place of a text or number."""
    if isinstance(value, str):
        return value
    return _dump(value) if isinstance(value, int | float) else None


def _errors(table: SpanTable, error_type: pa.Array | None) -> dict[str, pa.Array]:
    """Error type and message of the spans with status error or an error type of their own."""
    given = (error_type if error_type is not None else pa.nulls(len(table), pa.string())).to_pylist()
    messages: list[str | None] = table.status_message.to_pylist()
    for row in np.flatnonzero(pc.equal(table.status, "error").to_numpy(zero_copy_only=False)):
        exception: dict[str, Any] = next(
            (e["attributes"] for e in table.events_of(int(row)) if e["name"] == "exception"), {}
        )
        text = messages[row] or _plain_text(exception.get("exception.message"))
        named = _plain_text(exception.get("exception.type")) or _error_name(text)
        given[row], messages[row] = given[row] or named, text
    types = pa.array(given, pa.string())
    return {"error_type": types, "error_message": pc.if_else(pc.is_valid(types), pa.array(messages, pa.string()), None)}


def _error_name(message: str | None) -> str:
    """The error class that a status message such as "RateLimitError: slow down" starts with, else "error"."""
    name, separator, _ = (message or "").partition(":")
    return name if separator and name.isidentifier() else "error"


def _ttft(table: SpanTable, columns: Mapping[str, pa.Array]) -> pa.Array:
    """Seconds to the first chunk, from an attribute or from OpenInference's event; null unless streamed."""
    ttft = columns["ttft_s"]
    has_events = pc.greater(pc.list_value_length(table.events), 0).fill_null(False).to_numpy(zero_copy_only=False)
    if not has_events.any():
        return ttft
    values, starts = ttft.to_pylist(), table.start_ns.to_pylist()
    for row in np.flatnonzero(has_events):
        first = next((e["time_ns"] for e in table.events_of(int(row)) if e["name"] == "First Token Stream Event"), 0)
        if values[row] is None and first > starts[row]:
            values[row] = (first - starts[row]) / 1e9
    return pa.array(values, pa.float64())


def _costs(calls: Mapping[str, pa.Array]) -> pa.Array:
    return price_calls(calls).cost_usd


def _spans(table: SpanTable, columns: Mapping[str, pa.Array], is_call: npt.NDArray[np.bool_]) -> pa.Table:
    may_have_documents = pa.array(_among(columns["operation"], _SPAN_OPERATIONS_WITH_DOCUMENTS))
    documents = pc.if_else(may_have_documents, columns["documents"], None)
    stored = {
        name: getattr(table, name)
        for name in SPAN_SCHEMA.names
        if name not in ("project", "operation", "documents", "attributes", "events", "links")
    } | {
        "project": table.project,
        "operation": columns["operation"],
        "documents": documents,
        "attributes": table.attributes.json_without(_stored_elsewhere(table.attributes, is_call, documents)),
        "events": json_events(table.events),
        "links": json_links(table.links),
    }
    return pa.Table.from_arrays([stored[name] for name in SPAN_SCHEMA.names], schema=SPAN_SCHEMA)


def _parts(
    table: SpanTable, columns: Mapping[str, pa.Array], is_part: npt.NDArray[np.bool_], is_wrapper: npt.NDArray[np.bool_]
) -> pa.Table:
    kept = pa.array(is_part)
    latency_ns = pc.subtract(table.end_ns, table.start_ns)
    part_id = pc.binary_join_element_wise(pc.utf8_slice_codeunits(table.trace_id, 16), table.span_id, "")
    whole = dict(columns) | {
        "trace_id": table.trace_id,
        "span_id": table.span_id,
        "call_id": part_id,
        "part_id": part_id,
        "part_kind": pa.array(["span", "wrapper"]).take(pa.array(is_wrapper.astype(np.int8))),
        "parent_span_id": table.parent_span_id,
        "scope": table.scope,
        "start_ns": table.start_ns,
        "end_ns": table.end_ns,
        "project": table.project,
        "service": table.service,
        "environment": table.environment,
        "latency_s": pc.divide(pc.cast(latency_ns, pa.float64(), safe=False), 1e9),
        "ttft_s": _ttft(table, columns),
    }
    whole |= streaming(
        table.attributes,
        scope=table.scope,
        stated=columns["stream"],
        first_chunk_s=whole["ttft_s"],
        latency_s=whole["latency_s"],
        error_type=columns["error_type"],
    )
    n_parts = int(is_part.sum())
    stored = {name: whole[name].filter(kept) for name in PART_SCHEMA.names if name in whole}
    stored |= {"cost_usd": _costs(stored)}
    missing = {name: pa.nulls(n_parts, _TYPES[name]) for name in PART_SCHEMA.names if name not in stored}
    return pa.Table.from_arrays([(stored | missing)[name] for name in PART_SCHEMA.names], schema=PART_SCHEMA)


def _stored_elsewhere(
    attributes: AttributeTable, is_call: npt.NDArray[np.bool_], documents: pa.Array
) -> dict[str, npt.NDArray[np.bool_]]:
    """On which rows the long texts need not stand among the attributes, by key."""
    has_documents = documents.is_valid().to_numpy(zero_copy_only=False)
    rows: dict[str, npt.NDArray[np.bool_]] = {}
    for dialect in DIALECTS:
        described = is_call if dialect.marker is None else is_call & attributes.has(dialect.marker)
        for key in filter(None, attributes.keys):
            if dialect.is_content(key):
                rows[key] = described | has_documents if dialect.is_document(key) else described
    return rows


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
