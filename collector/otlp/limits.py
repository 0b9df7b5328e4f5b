"""What one record may hold. What is over a limit is cut with a visible mark, by column, and counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.errors import TooLarge
from collector.jsontext import parse
from collector.otlp.anyvalue import any_value
from collector.otlp.jsoncolumns import dump

DROPPED_KEY = "watchkeeper.dropped_attributes"
MAX_NAME_CHARS = 4096
"""Of names of spans, events, scopes and services: a scope's and a service's are repeated for each of their spans."""
ITEMS_A_RECORD = 4
MAX_KEYS = 65_536
"""Different keys of attributes in one export: each is a column while calls are looked for."""
_LEAST_KEPT_CHARS = 256
_MOST_CONTAINERS, _MOST_COMMAS = 100_000, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`max_records` spans, log records or data points an export, `max_attributes` a record.

    `max_value_chars`: characters of one attribute value or log body. `max_future_s`: how far ahead of our clock a
    record may be; one before the year 2000 is refused too, so that junk times do not make a file for each day.
    """

    max_records: int = 32_768
    max_attributes: int = 1024
    max_value_chars: int = 4 * 2**20
    max_future_s: float = 86_400.0


def cut_text(text: str, max_chars: int) -> str:
    """`text`, or as much of it as is allowed with a mark that says so; a JSON text stays one while that can be."""
    if len(text) <= max_chars:
        return text
    if text.lstrip()[:1] in ("{", "[") and _is_mostly_text(text):
        try:
            return _cut_json(parse(text), max_chars)
        except ValueError:
            pass
    return _cut_plain(text, max_chars)


def _is_mostly_text(json_text: str) -> bool:
    """Whether cutting texts can help: what is long by the number of its values would take seconds to go through."""
    return json_text.count("[") + json_text.count("{") <= _MOST_CONTAINERS and json_text.count(",") <= _MOST_COMMAS


def cut_texts(column: pa.Array, max_chars: int) -> tuple[pa.Array, int]:
    """Each text within `max_chars`, and how many were cut."""
    return _replaced(column, max_chars, lambda text: cut_text(text, max_chars))


def cut_values(values: pa.StructArray, max_chars: int) -> tuple[pa.StructArray, int]:
    """AnyValues within `max_chars`, and how many were cut. A list or map that is cut becomes a JSON text."""
    children = {field.name: values.field(field.name) for field in values.type}
    children["string"], n_cut = cut_texts(children["string"], max_chars)
    for kind in ("array", "kvlist", "bytes"):
        too_long = np.flatnonzero(_lengths_in_bytes(children[kind]) > max_chars)
        if not len(too_long):
            continue
        cut = [_cut_structure(kind, raw, max_chars) for raw in children[kind].take(pa.array(too_long)).to_pylist()]
        is_cut = _mask(len(values), too_long)
        children["string"] = pc.replace_with_mask(children["string"], is_cut, pa.array(cut, pa.string()))
        children[kind] = pc.if_else(is_cut, None, children[kind])
        n_cut += len(too_long)
    if not n_cut:
        return values, 0
    mask = pc.is_null(values) if values.null_count else None
    return pa.StructArray.from_arrays(list(children.values()), names=list(children), mask=mask), n_cut


def limit_attributes(lists: pa.ListArray, limits: Limits, cut: Counter[str]) -> pa.ListArray:
    """Attribute lists within the limits. `cut` counts what they lost: attribute_values, attributes.

    Raises:
        TooLarge: if they have more keys than anybody gives names.
    """
    lists = _limit_length(lists, limits.max_attributes, cut)
    pairs = lists.flatten()
    if not len(pairs):
        return lists
    _refuse_many_keys(pc.struct_field(pairs, "key"))
    values, n_cut = cut_values(pc.struct_field(pairs, "value"), limits.max_value_chars)
    keys, n_cut_keys = cut_texts(pc.struct_field(pairs, "key"), MAX_NAME_CHARS)
    if not n_cut and not n_cut_keys:
        return lists
    cut["attribute_values"] += n_cut + n_cut_keys
    return _list_of(lists, pa.StructArray.from_arrays([keys, values], names=["key", "value"]))


def _refuse_many_keys(keys: pa.Array) -> None:
    if len(keys) > MAX_KEYS and (n_keys := pc.count_distinct(keys).as_py()) > MAX_KEYS:
        raise TooLarge(
            f"{n_keys} different attribute keys in one export, of at most {MAX_KEYS}; put what differs into values"
        )


def limit_items(lists: pa.ListArray, limits: Limits, cut: Counter[str]) -> pa.ListArray:
    """Lists of events or links whose attributes are within the limits.

    Raises:
        TooLarge: if they are more than `ITEMS_A_RECORD` for each record that may come.
    """
    lists = _limit_length(lists, limits.max_attributes, cut, what="events_and_links")
    items = lists.flatten()
    if not len(items):
        return lists
    if len(items) > ITEMS_A_RECORD * limits.max_records:
        most = ITEMS_A_RECORD * limits.max_records
        raise TooLarge(f"{len(items)} events or links in one export; send at most {most}")
    children = {field.name: pc.struct_field(items, field.name) for field in items.type}
    before = cut.total()
    children["attributes"] = limit_attributes(children["attributes"], limits, cut)
    if "name" in children:
        children["name"], n_cut = cut_texts(children["name"], MAX_NAME_CHARS)
        cut["names"] += n_cut
    if cut.total() == before:
        return lists
    return _list_of(lists, pa.StructArray.from_arrays(list(children.values()), names=list(children)))


def _limit_length(lists: pa.ListArray, n_most: int, cut: Counter[str], what: str = "attributes") -> pa.ListArray:
    """The first of each list. Of cut attributes, the last place says how many are missing."""
    lengths: npt.NDArray[np.int64] = (
        pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    too_long = np.flatnonzero(lengths > n_most)
    if not len(too_long):
        return lists
    items = lists.flatten()
    kept_lengths = np.minimum(lengths, n_most)
    starts, kept_starts = np.cumsum(lengths) - lengths, np.cumsum(kept_lengths) - kept_lengths
    places = np.arange(kept_lengths.sum()) + np.repeat(starts - kept_starts, kept_lengths)
    n_missing = lengths[too_long] - n_most
    if what == "attributes":
        n_missing = n_missing + 1  # one more makes room for the mark
        marks = [{"key": DROPPED_KEY, "value": {"int": int(n)}} for n in n_missing]
        places[kept_starts[too_long] + n_most - 1] = len(items) + np.arange(len(too_long))
        items = pa.concat_arrays([items, pa.array(marks, items.type)])
    cut[what] += int(n_missing.sum())
    ends = np.concatenate(([0], np.cumsum(kept_lengths)))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), items.take(pa.array(places)))


def _list_of(lists: pa.ListArray, items: pa.StructArray) -> pa.ListArray:
    """`lists` with `items` in place of its flattened ones."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return pa.ListArray.from_arrays(pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32()), items)


def _replaced(column: pa.Array, max_chars: int, cut: Any) -> tuple[pa.Array, int]:
    suspects = np.flatnonzero(_lengths_in_bytes(column) > max_chars)  # no text has more characters than bytes
    if not len(suspects):
        return column, 0
    old = column.take(pa.array(suspects)).to_pylist()
    new = [cut(text) for text in old]
    mask = _mask(len(column), suspects)
    n_cut = sum(before is not after for before, after in zip(old, new, strict=True))
    return pc.replace_with_mask(column, mask, pa.array(new, column.type)), n_cut


def _lengths_in_bytes(column: pa.Array) -> npt.NDArray[np.int32]:
    if column.null_count == len(column):
        return np.zeros(0, np.int32)
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    return np.diff(offsets)


def _mask(n_rows: int, places: npt.NDArray[np.int64]) -> pa.Array:
    mask = np.zeros(n_rows, dtype=bool)
    mask[places] = True
    return pa.array(mask)


def _cut_structure(kind: str, raw: bytes, max_chars: int) -> str:
    if kind == "bytes":
        return _cut_plain(raw[: max_chars // 2 + 1].hex(), max_chars, n_chars=2 * len(raw))
    return _cut_json(any_value(kind, raw), max_chars)


def _cut_json(value: Any, max_chars: int) -> str:
    """JSON of `value`, its longest texts cut to one length so that it fits; a plain cut where that is no help."""
    text = dump(value)
    lengths = np.sort(np.fromiter(map(len, _texts_in(value)), np.int64))
    # Cut to the i-th length, the texts take what the shorter ones have and that length for each of the others.
    room = max_chars - (len(text) - int(lengths.sum()))
    shorter = np.cumsum(lengths) - lengths
    kept_chars = int(np.max((room - shorter) // np.arange(len(lengths), 0, -1), initial=0))
    if kept_chars < _LEAST_KEPT_CHARS:
        return _cut_plain(text, max_chars)
    return dump(_with_texts_cut(value, kept_chars))


def _texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts_in(item)
        case dict():
            for item in value.values():
                yield from _texts_in(item)


def _with_texts_cut(value: Any, max_chars: int) -> Any:
    match value:
        case str():
            return _cut_plain(value, max_chars)
        case list():
            return [_with_texts_cut(item, max_chars) for item in value]
        case dict():
            return {key: _with_texts_cut(item, max_chars) for key, item in value.items()}
    return value


def _cut_plain(text: str, max_chars: int, n_chars: int | None = None) -> str:
    n_chars = len(text) if n_chars is None else n_chars
    if n_chars <= max_chars:
        return text
    return f"{text[:max_chars]}...[cut by Watchkeeper: {max_chars} of {n_chars} characters kept]"
