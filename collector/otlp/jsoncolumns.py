"""Decoded attributes, events and links as JSON texts, a column at a time."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.anyvalue import any_value
from collector.otlp.hexids import optional_hex_column

_MUST_BE_ESCAPED = r'["\\\x00-\x1f]'


def json_objects(keys: pa.StringArray, values: pa.StructArray, row_of: npt.NDArray[np.int64], n_rows: int) -> pa.Array:
    """One JSON object a row from (key, value) pairs that stand in the order of `row_of`, the row of each."""
    encoded = pc.dictionary_encode(keys)
    names = pa.array([json.dumps(key, ensure_ascii=False) + ":" for key in encoded.dictionary.to_pylist()], pa.string())
    named = pc.fill_null(names.take(encoded.indices), '"":')
    members = pc.binary_join_element_wise(named, _json_values(values), "")
    return _enclosed("{", members, row_of, n_rows, "}")


def json_events(events: pa.ListArray) -> pa.Array:
    """JSON lists of {"name", "time_ns", "attributes"}; null for a span without events."""
    items = events.flatten()
    if not len(items):
        return pa.nulls(len(events), pa.string())
    fields = {
        "name": json_strings(pc.struct_field(items, "name")),
        "time_ns": pc.fill_null(pc.cast(pc.struct_field(items, "time"), pa.string()), "0"),
        "attributes": _objects_of(pc.struct_field(items, "attributes")),
    }
    return _lists_of(events, fields)


def json_links(links: pa.ListArray) -> pa.Array:
    """JSON lists of {"trace_id", "span_id", "attributes"}; null for a span without links."""
    items = links.flatten()
    if not len(items):
        return pa.nulls(len(links), pa.string())
    fields = {
        "trace_id": json_strings(optional_hex_column(pc.struct_field(items, "trace_id"), 16)),
        "span_id": json_strings(optional_hex_column(pc.struct_field(items, "span_id"), 8)),
        "attributes": _objects_of(pc.struct_field(items, "attributes")),
    }
    return _lists_of(links, fields)


def json_texts(values: pa.StructArray) -> pa.Array:
    """Each AnyValue as text: a text as it came, anything else as JSON; null for none."""
    is_text = pc.is_valid(pc.struct_field(values, "string"))
    if pc.all(is_text).as_py():
        return pc.struct_field(values, "string")
    others = _json_values(values)
    return pc.if_else(is_text, pc.struct_field(values, "string"), pc.if_else(pc.equal(others, "null"), None, others))


def json_strings(texts: pa.StringArray) -> pa.Array:
    """Each text as a JSON string; an absent one as null."""
    quoted = pc.binary_join_element_wise('"', texts, '"', "")
    places = np.flatnonzero(
        pc.fill_null(pc.match_substring_regex(texts, _MUST_BE_ESCAPED), False).to_numpy(zero_copy_only=False)
    )
    if len(places):
        escaped = [json.dumps(text, ensure_ascii=False) for text in texts.take(pa.array(places)).to_pylist()]
        mask = np.zeros(len(texts), dtype=bool)
        mask[places] = True
        quoted = pc.replace_with_mask(quoted, pa.array(mask), pa.array(escaped, pa.string()))
    return pc.fill_null(quoted, "null")


def _json_values(values: pa.StructArray) -> pa.Array:
    """JSON of each AnyValue: numbers as numbers, of which one that was a double has a point or an exponent."""
    column = pa.nulls(len(values), pa.string())
    strings = pc.struct_field(values, "string")
    if strings.null_count < len(values):
        column = pc.if_else(pc.is_valid(strings), json_strings(strings), None)
    for name, texts_of in _TEXTS.items():
        child = pc.struct_field(values, name)
        if child.null_count < len(values):
            column = pc.coalesce(column, texts_of(child))
    for name in ("array", "kvlist", "bytes"):
        child = pc.struct_field(values, name)
        if child.null_count < len(values):
            encoded = pc.dictionary_encode(child)
            texts = [dump(any_value(name, raw)) for raw in encoded.dictionary.to_pylist()]
            column = pc.coalesce(column, pa.array(texts, pa.string()).take(encoded.indices))
    return pc.fill_null(column, "null")


def _doubles(column: pa.Array) -> pa.Array:
    texts = pc.cast(column, pa.string())
    whole = pc.equal(pc.trunc(column), column)
    if pc.any(whole).as_py():  # what was a double is to be read as one; 1e+22 says so already
        whole = pc.and_(whole, pc.match_substring_regex(texts, r"^-?\d+$"))
        texts = pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
    if not pc.all(pc.is_finite(column)).as_py():
        for odd, name in (("nan", '"NaN"'), ("-nan", '"NaN"'), ("inf", '"Infinity"'), ("-inf", '"-Infinity"')):
            texts = pc.if_else(pc.equal(texts, odd), name, texts)  # as OTLP's own JSON writes them
    return texts


_TEXTS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "int": lambda column: pc.cast(column, pa.string()),
    "double": _doubles,
    "bool": lambda column: pc.if_else(column, "true", "false"),
}


def dump(value: Any) -> str:
    """JSON of one structured value; what is no number in JSON as OTLP's own JSON writes it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    match value:
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case float() if value != value:
            return "NaN"
        case float() if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
    return value


def _objects_of(lists: pa.ListArray) -> pa.Array:
    pairs = lists.flatten()
    rows = np.repeat(np.arange(len(lists)), _lengths(lists))
    return json_objects(pc.struct_field(pairs, "key"), pc.struct_field(pairs, "value"), rows, len(lists))


def _lists_of(lists: pa.ListArray, fields: dict[str, pa.Array]) -> pa.Array:
    lengths = _lengths(lists)
    if not lengths.any():
        return pa.nulls(len(lists), pa.string())
    pieces: list[Any] = []
    for name, column in fields.items():
        pieces += [f'{"," if pieces else "{"}"{name}":', column]
    items = pc.binary_join_element_wise(*pieces, "}", "")
    whole = _enclosed("[", items, np.repeat(np.arange(len(lists)), lengths), len(lists), "]")
    return pc.if_else(pa.array(lengths > 0), whole, None)


def _enclosed(opening: str, items: pa.Array, row_of: npt.NDArray[np.int64], n_rows: int, closing: str) -> pa.Array:
    ends = np.concatenate(([0], np.cumsum(np.bincount(row_of, minlength=n_rows))))
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), items)
    return pc.binary_join_element_wise(opening, pc.binary_join(lists, ","), closing, "")


def _lengths(lists: pa.ListArray) -> npt.NDArray[np.int64]:
    lengths: npt.NDArray[np.int64] = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return lengths
