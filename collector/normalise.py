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
from collector.call import CALL_OPERATIONS
from collector.dialects import DIALECTS, Dialect, SpanView
from collector.dialects.base import Facts
from collector.dialects.doubts import believed, hidden_attributes, is_cache_apart, is_estimated
from collector.dialects.finish import fill, fold
from collector.dialects.genai import LIST_PARAMETERS, PARAMETERS
from collector.dialects.operations import guessed, named_otherwise
from collector.dialects.own_form import in_own_form
from collector.dialects.speakers import told_by, within
from collector.dialects.streaming import streaming
from collector.otlp.attributes import AttributeTable
from collector.otlp.jsoncolumns import json_events, json_links, json_strings
from collector.otlp.table import SpanTable

WRAPPER_OPERATIONS = ("invoke_agent", "invoke_workflow", "chain")
"""Their tokens are those of the model calls below them, and count only where there is none."""
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_PARAMETERS = (*PARAMETERS.items(), *(pair for dialect in DIALECTS for pair in dialect.parameters.items()))
_METADATA = tuple(prefix for dialect in DIALECTS for prefix in dialect.metadata)
_NO_METADATA = frozenset(
    key for dialect in DIALECTS for keys in (*dialect.columns.values(), dialect.details) for key in keys
)
_USAGE_KEYS = sorted({key for dialect in DIALECTS for name in _TOKENS for key in dialect.columns.get(name, ())})
_FIRST_CHUNKS = pa.array([name for dialect in DIALECTS for name in dialect.first_chunk_events], pa.string())
_OF_THE_SPAN = (
    "trace_id", "span_id", "parent_span_id", "scope", "start_ns", "end_ns", "project", "service",
)  # fmt: skip
_SPAN_OPERATIONS_WITH_DOCUMENTS = ("retrieval", "rerank")
_TYPES = {field.name: field.type for field in CALL_SCHEMA} | {"documents": pa.string()}
_JSON_FIELDS = (
    "parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
    "contexts", "documents",
)  # fmt: skip


def normalise(table: SpanTable) -> Batch:
    """The spans of a request and what they tell of model calls: what each dialect on them says, field by field."""
    operation = _operation(table)
    operation = pc.coalesce(operation, guessed(table.attributes, table.kind))
    other = named_otherwise(table.attributes, operation)
    is_call = _among(operation, CALL_OPERATIONS)
    is_wrapper = _among(operation, WRAPPER_OPERATIONS) | other.is_valid().to_numpy(zero_copy_only=False)
    operation = pc.coalesce(operation, other)
    # Only what may be a model call, or hold documents, is looked at closely.
    is_asked = is_call | (is_wrapper & _may_tell_usage(table)) | _among(operation, _SPAN_OPERATIONS_WITH_DOCUMENTS)
    rows = np.flatnonzero(is_asked)
    asked = table.of_rows(rows)
    columns = _columns(asked, operation.take(pa.array(rows)))
    place = np.full(len(table), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    places = pa.array(place, mask=place < 0)
    environment = pc.coalesce(table.environment, _column(table.attributes, "environment", {}))
    told = {
        "operation": pc.coalesce(columns["operation"].take(places), operation),
        "documents": columns["documents"].take(places),
        "environment": environment,
    }
    spans, is_span = _spans(table, told, is_call), ~_is_announcement(table.attributes)
    # A wrapper can stand in for a call that nobody reported, if it says what that would have been.
    has_usage = pc.is_valid(pc.coalesce(columns["input_tokens"], columns["output_tokens"]))
    has_model = pc.is_valid(pc.coalesce(columns["request_model"], columns["response_model"]))
    is_part = is_call[rows] | is_wrapper[rows] & pc.and_(has_usage, has_model).to_numpy(zero_copy_only=False)
    columns["environment"] = environment.take(pa.array(rows))
    parts = _parts(asked, columns, is_part & is_span[rows], is_wrapper[rows])
    return Batch(spans=spans if is_span.all() else spans.filter(pa.array(is_span)), parts=parts)


def _columns(table: SpanTable, operation: pa.Array) -> dict[str, pa.Array]:
    """What the dialects say of each field of a call, for spans of which each may be one."""
    attributes = table.attributes
    hidden = hidden_attributes(DIALECTS, table)
    columns = {name: _column(attributes, name, hidden) for name in _TYPES if any(name in d.columns for d in DIALECTS)}
    columns["parameters"] = _parameters(attributes, hidden)
    columns["metadata"] = attributes.json_under(_METADATA, _NO_METADATA, np.ones(len(table), dtype=bool))
    views: dict[int, SpanView] = {}
    for dialect in DIALECTS:
        columns = _describe(dialect, table, columns, views)
    columns |= _whole_tokens(table, columns)
    columns |= {name: in_own_form(columns[name]) for name in ("input_messages", "output_messages")}
    columns["finish_reasons"] = fold(fill(columns["finish_reasons"], columns["output_messages"]))
    columns["operation"] = pc.coalesce(columns["operation"], operation) if "operation" in columns else operation
    return columns | _errors(table, columns.get("error_type"), columns.get("error_message"))


def _may_tell_usage(table: SpanTable) -> npt.NDArray[np.bool_]:
    """Which spans carry a count of tokens, or something that `describe` of a dialect could read one from."""
    rows = np.zeros(len(table), dtype=bool)
    for key in _USAGE_KEYS:
        if key in table.attributes:
            rows |= table.attributes.has(key)
    for dialect in DIALECTS:
        if (told := told_by(dialect, table)) is not None:
            rows |= told
    return rows


def _is_announcement(attributes: AttributeTable) -> npt.NDArray[np.bool_]:
    """What was sent ahead of a span, to tell that it began: the span itself comes when it has ended."""
    rows = np.zeros(attributes.n_rows, dtype=bool)
    for key, value in ((key, value) for dialect in DIALECTS for key, value in dialect.announcements.items()):
        if key in attributes:
            rows |= pc.fill_null(pc.equal(attributes.strings(key), value), False).to_numpy(zero_copy_only=False)
    return rows


def _operation(table: SpanTable) -> pa.Array:
    """What each span did, in the words of OTel GenAI; null for a span that says nothing of the kind."""
    attributes = table.attributes
    column = pa.nulls(attributes.n_rows, pa.string())
    for dialect in DIALECTS:
        if dialect.operation_key is not None and dialect.operation_key in attributes:
            encoded = pc.dictionary_encode(attributes.strings(dialect.operation_key))
            words = [_folded(dialect, word or "") for word in encoded.dictionary.to_pylist()]
            named = pa.array(words, pa.string()).take(encoded.indices)
            column = pc.coalesce(column, within(dialect, table, named))
    for dialect in DIALECTS:
        if dialect.operation is not None and (rows := told_by(dialect, table)) is not None:
            column = pc.coalesce(column, pc.if_else(pa.array(rows), dialect.operation, pa.scalar(None, pa.string())))
    return column


def _folded(dialect: Dialect, word: str) -> str | None:
    return dialect.operations.get(word) or dialect.operations.get(word.lower())


def _whole_tokens(table: SpanTable, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Token counts that are known, input and output with their parts in them.

    Parts above the whole were counted beside it, as some providers do, and are added.
    """
    estimated = is_estimated(DIALECTS, table)
    known = {name: believed(columns[name], estimated) for name in _TOKENS}

    def whole(total: str, *parts: str, apart: pa.Array | None = None) -> pa.Array:
        inside = functools.reduce(pc.add, (pc.fill_null(known[part], 0) for part in parts))
        is_beside = pc.greater(inside, known[total])
        is_beside = is_beside if apart is None else pc.or_(is_beside, apart)
        return pc.if_else(is_beside, pc.add(known[total], inside), known[total])

    apart = is_cache_apart(DIALECTS, table)
    known["input_tokens"] = whole("input_tokens", "cache_read_tokens", "cache_write_tokens", apart=apart)
    known["output_tokens"] = whole("output_tokens", "reasoning_tokens")
    # A model reads something: nothing in and nothing out is what libraries write when they were told no counts.
    n_tokens = pc.add(known["input_tokens"], pc.fill_null(known["output_tokens"], 0))
    return {name: believed(column, pc.equal(n_tokens, 0)) for name, column in known.items()}


def _among(operation: pa.Array, names: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    result: npt.NDArray[np.bool_] = pc.is_in(operation, pa.array(names)).to_numpy(zero_copy_only=False)
    return result


def _column(attributes: AttributeTable, field: str, hidden: Mapping[str, pa.Array]) -> pa.Array:
    """One field of all spans: the first of its keys that holds a value, dialect by dialect."""
    read = _reader(attributes, field)
    column = pa.nulls(attributes.n_rows, _TYPES[field])
    for key in dict.fromkeys(key for dialect in DIALECTS for key in dialect.columns.get(field, ())):
        if key in attributes:
            column = pc.coalesce(column, believed(read(key), hidden.get(key)))
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


def _parameters(attributes: AttributeTable, hidden: Mapping[str, pa.Array]) -> pa.Array:
    """The request parameters that dialects spell one by one, as one JSON object a span."""
    texts: dict[str, pa.Array] = {}
    for name, key in _PARAMETERS:
        if key in attributes:
            column = believed(_parameter(attributes, key), hidden.get(key))
            texts[name] = pc.coalesce(texts[name], column) if name in texts else column
    if not texts:
        return pa.nulls(attributes.n_rows, pa.string())
    members = [pc.binary_join_element_wise(f',"{name}":', column, "") for name, column in texts.items()]
    listed = pc.binary_join_element_wise(*members, "", null_handling="replace", null_replacement="")
    whole = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(listed, 1), "}", "")
    return pc.if_else(pc.equal(listed, ""), None, whole)


def _parameter(attributes: AttributeTable, key: str) -> pa.Array:
    """One parameter of all spans as JSON texts."""
    if key.rpartition(".")[2] in LIST_PARAMETERS:
        lists = attributes.string_lists(key).to_pylist()
        return pa.array([_dump(items) if items else None for items in lists], pa.string())
    numbers = attributes.doubles(key)
    is_whole = pc.and_(pc.equal(pc.trunc(numbers), numbers), pc.less(pc.abs(numbers), 2.0**62))
    whole = pc.cast(pc.if_else(is_whole, numbers, None), pa.int64(), safe=False)
    texts = pc.coalesce(pc.cast(whole, pa.string()), pc.cast(numbers, pa.string()))
    if texts.null_count < len(texts):
        return texts if not attributes.has_text(key) else pc.coalesce(texts, _quoted(attributes.strings(key)))
    return _quoted(attributes.strings(key))


def _quoted(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(texts), json_strings(texts), None)


def _describe(
    dialect: Dialect, table: SpanTable, columns: Mapping[str, pa.Array], views: dict[int, SpanView]
) -> dict[str, pa.Array]:
    """`columns` with the holes filled that `dialect.describe` can fill, and put right what it corrects.

    `views` keeps the spans that one dialect has looked at for the next.
    """
    told_of = told_by(dialect, table) if len(table) else None
    rows = np.empty(0, np.int64) if told_of is None else np.flatnonzero(told_of)
    if not len(rows):
        return dict(columns)
    facts: dict[int, Facts] = {}
    for row in rows.tolist():
        if row not in views:
            views[row] = _view(table, row)
        facts[row] = dialect.describe(views[row])
    filled = dict(columns)
    for field in sorted({field for told in facts.values() for field in told}):
        values = [_stored(field, facts[row].get(field)) if row in facts else None for row in range(len(table))]
        told = pa.array(values, _TYPES[field])
        if field in filled and field in dialect.corrects:
            is_told = np.zeros(len(table), dtype=bool)
            is_told[[row for row in facts if field in facts[row]]] = True
            filled[field] = pc.if_else(pa.array(is_told), told, filled[field])
        else:
            filled[field] = pc.coalesce(filled[field], told) if field in filled else told
    return filled


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


def _errors(table: SpanTable, error_type: pa.Array | None, told: pa.Array | None) -> dict[str, pa.Array]:
    """Error type and message of the spans with status error or an error type of their own."""
    given = (error_type if error_type is not None else pa.nulls(len(table), pa.string())).to_pylist()
    status_message = table.status_message if told is None else pc.coalesce(table.status_message, told)
    messages: list[str | None] = status_message.to_pylist()
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
    """Seconds to the first chunk, from an attribute or from the first event of a chunk."""
    ttft, events = columns["ttft_s"], table.events.flatten()
    is_chunk = pc.fill_null(pc.is_in(pc.struct_field(events, "name"), _FIRST_CHUNKS), False)
    places = np.flatnonzero(is_chunk.to_numpy(zero_copy_only=False))
    if not len(places):
        return ttft
    rows, first = np.unique(pc.list_parent_indices(table.events).to_numpy()[places], return_index=True)
    times = pc.cast(pc.struct_field(events, "time").take(pa.array(places[first])), pa.int64(), safe=False)
    waited_ns = pc.subtract(pc.fill_null(times, 0), table.start_ns.take(pa.array(rows)))
    at = np.full(len(table), -1, dtype=np.int64)
    at[rows] = np.arange(len(rows))
    waited_s = pc.divide(pc.cast(waited_ns, pa.float64(), safe=False), 1e9).take(pa.array(at, mask=at < 0))
    return pc.coalesce(ttft, pc.if_else(pc.greater(waited_s, 0), waited_s, None))


def _spans(table: SpanTable, told: Mapping[str, pa.Array], is_call: npt.NDArray[np.bool_]) -> pa.Table:
    """`told`: operation, documents and environment of each span."""
    may_have_documents = pa.array(_among(told["operation"], _SPAN_OPERATIONS_WITH_DOCUMENTS))
    documents = pc.if_else(may_have_documents, told["documents"], None)
    made = dict(told) | {
        "documents": documents,
        "attributes": table.attributes.json_without(_stored_elsewhere(table, is_call, documents)),
        "events": json_events(table.events),
        "links": json_links(table.links),
    }
    columns = [made[name] if name in made else getattr(table, name) for name in SPAN_SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=SPAN_SCHEMA)


def _parts(
    table: SpanTable, columns: Mapping[str, pa.Array], is_part: npt.NDArray[np.bool_], is_wrapper: npt.NDArray[np.bool_]
) -> pa.Table:
    latency_s = pc.divide(pc.cast(pc.subtract(table.end_ns, table.start_ns), pa.float64(), safe=False), 1e9)
    part_id = pc.binary_join_element_wise(pc.utf8_slice_codeunits(table.trace_id, 16), table.span_id, "")
    whole = dict(columns) | {
        "call_id": part_id,
        "part_id": part_id,
        "part_kind": pa.array(["span", "wrapper"]).take(pa.array(is_wrapper.astype(np.int8))),
        "latency_s": latency_s,
    }
    whole |= {name: getattr(table, name) for name in _OF_THE_SPAN}
    whole |= streaming(
        table.attributes,
        scope=table.scope,
        stated=columns["stream"],
        first_chunk_s=_ttft(table, columns),
        latency_s=latency_s,
        error_type=columns["error_type"],
    )
    n = len(table)
    arrays = [whole[name] if name in whole else pa.nulls(n, _TYPES[name]) for name in PART_SCHEMA.names]
    parts = pa.Table.from_arrays(arrays, schema=PART_SCHEMA)
    return parts if is_part.all() else parts.filter(pa.array(is_part))


def _stored_elsewhere(
    table: SpanTable, is_call: npt.NDArray[np.bool_], documents: pa.Array
) -> dict[str, npt.NDArray[np.bool_]]:
    """On which rows the long texts need not stand among the attributes, by key."""
    attributes = table.attributes
    has_documents = documents.is_valid().to_numpy(zero_copy_only=False)
    rows: dict[str, npt.NDArray[np.bool_]] = {}
    for dialect in DIALECTS:
        keys = [key for key in filter(None, attributes.keys) if dialect.is_content(key)]
        if not keys:
            continue
        described = is_call
        if dialect.marker is not None:
            if (speaking := told_by(dialect, table)) is None:
                continue
            described = is_call & speaking
        for key in keys:
            rows[key] = described | has_documents if dialect.is_document(key) else described
    return rows


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
