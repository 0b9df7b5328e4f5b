"""The attributes of many spans as columns: one value column per key, found by the codes of the keys."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.jsoncolumns import json_objects
from collector.otlp.wire import any_value

Ints = npt.NDArray[np.int64]

_MISSING = ("", "None", "null")  # spellings of "no value" that some libraries send as text


class AttributeTable:
    """Attributes of `n_rows` spans, from a list column of (key, value) as decoded from the wire."""

    def __init__(self, lists: pa.ListArray) -> None:
        self.n_rows = len(lists)
        pairs = lists.flatten()
        lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        self._owners: Ints = np.repeat(np.arange(self.n_rows), lengths)
        self._pairs_keys = pc.struct_field(pairs, "key")
        self._values = pc.struct_field(pairs, "value")
        encoded = pc.dictionary_encode(self._pairs_keys, null_encoding="encode")
        self._codes = encoded.indices.to_numpy(zero_copy_only=False)
        self.keys: list[str | None] = encoded.dictionary.to_pylist()
        self._code_of = {key: code for code, key in enumerate(self.keys)}
        # Attributes grouped by key: those of code c are _order[_starts[c] : _starts[c + 1]].
        self._order = np.argsort(self._codes, kind="stable")
        self._starts = np.searchsorted(self._codes[self._order], np.arange(len(self.keys) + 1))

    def __contains__(self, key: str) -> bool:
        return key in self._code_of

    def has(self, key: str) -> npt.NDArray[np.bool_]:
        """Which rows carry `key`, shape (n_rows,)."""
        present = np.zeros(self.n_rows, dtype=bool)
        present[self._owners[self._places(key)]] = True
        return present

    def strings(self, key: str) -> pa.Array:
        """`key` as text, null where absent or spelled as no value; numbers and booleans in their JSON form."""
        column = self._child(key, "string")
        column = pc.if_else(pc.is_in(column, pa.array(_MISSING)), None, column)
        for child in ("int", "double", "bool"):
            other = self._child(key, child)
            if other.null_count < self.n_rows:
                column = pc.coalesce(column, pc.cast(other, pa.string()))
        return column

    def ints(self, key: str) -> pa.Array:
        """`key` as whole numbers, also from text and from doubles; null where it is none or negative."""
        column = self._child(key, "int")
        doubles, texts = self._child(key, "double"), self._child(key, "string")
        if doubles.null_count < self.n_rows:
            whole = pc.if_else(pc.and_(pc.is_finite(doubles), pc.less(pc.abs(doubles), 2.0**62)), doubles, None)
            column = pc.coalesce(column, pc.cast(whole, pa.int64(), safe=False))
        if texts.null_count < self.n_rows:
            digits = pc.if_else(pc.match_substring_regex(texts, r"^\d{1,18}$"), texts, None)
            column = pc.coalesce(column, pc.cast(digits, pa.int64()))
        return pc.if_else(pc.greater_equal(column, 0), column, None)

    def doubles(self, key: str) -> pa.Array:
        """`key` as finite numbers, also from integers and text."""
        column = pc.coalesce(self._child(key, "double"), pc.cast(self._child(key, "int"), pa.float64(), safe=False))
        texts = self._child(key, "string")
        if texts.null_count < self.n_rows:
            numbers = pc.if_else(pc.match_substring_regex(texts, r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$"), texts, None)
            column = pc.coalesce(column, pc.cast(numbers, pa.float64()))
        return pc.if_else(pc.is_finite(column), column, None)

    def bools(self, key: str) -> pa.Array:
        """`key` as truth values, also from the words true and false."""
        column, texts = self._child(key, "bool"), self._child(key, "string")
        if texts.null_count < self.n_rows:
            words = pc.utf8_lower(texts)
            spoken = pc.if_else(pc.is_in(words, pa.array(["true", "false"])), pc.equal(words, "true"), None)
            column = pc.coalesce(column, spoken)
        return column

    def string_lists(self, key: str) -> pa.Array:
        """`key` as lists of text; a single text is a list of one."""
        arrays = pc.dictionary_encode(self._child(key, "array"))
        parsed = [
            [str(item) for item in any_value("array", raw) if item is not None] for raw in arrays.dictionary.to_pylist()
        ]
        column = pa.array(parsed, pa.list_(pa.string())).take(arrays.indices)
        texts = self._child(key, "string")
        if texts.null_count < self.n_rows:
            single = pa.array([None if text is None else [text] for text in texts.to_pylist()], pa.list_(pa.string()))
            column = pc.coalesce(column, single)
        return column

    def json_texts(self, key: str, dump: Callable[[Any], str]) -> pa.Array:
        """`key` as JSON text: a text as it came, a structured value through `dump`."""
        column = self._child(key, "string")
        column = pc.if_else(pc.is_in(column, pa.array(_MISSING)), None, column)
        for child in ("array", "kvlist"):
            structured = self._child(key, child)
            if structured.null_count < self.n_rows:
                texts = [None if raw is None else dump(any_value(child, raw)) for raw in structured.to_pylist()]
                column = pc.coalesce(column, pa.array(texts, pa.string()))
        return column

    def of_row(self, row: int) -> dict[str, Any]:
        """All attributes of one span as Python values: for what columns cannot say."""
        first, last = self._row_starts[row], self._row_starts[row + 1]
        return pairs_to_dict(self._pairs_keys[first:last].to_pylist(), self._values[first:last].to_pylist())

    def json_without(self, dropped: Mapping[str, npt.NDArray[np.bool_]]) -> pa.Array:
        """The attributes of each span as a JSON object, less the keys of `dropped` on its rows."""
        keep = np.ones(len(self._codes), dtype=bool)
        for key, rows in dropped.items():
            places = self._places(key)
            keep[places] = ~rows[self._owners[places]]
        kept = pa.array(keep)
        return json_objects(self._pairs_keys.filter(kept), self._values.filter(kept), self._owners[keep], self.n_rows)

    @cached_property
    def _row_starts(self) -> Ints:
        return np.searchsorted(self._owners, np.arange(self.n_rows + 1))

    def _places(self, key: str) -> Ints:
        code = self._code_of.get(key)
        return np.empty(0, np.int64) if code is None else self._order[self._starts[code] : self._starts[code + 1]]

    def _child(self, key: str, child: str) -> pa.Array:
        """One value form of `key` as a column of n_rows, null where it is absent or of another form."""
        places = self._places(key)
        at = np.full(self.n_rows, -1, dtype=np.int64)
        at[self._owners[places]] = places
        return pc.struct_field(self._values, child).take(pa.array(at, mask=at < 0))


def pairs_to_dict(keys: list[str | None], values: list[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Python values of decoded (key, value) pairs."""
    return {key: _plain(value) for key, value in zip(keys, values, strict=True) if key}


def _plain(value: Mapping[str, Any] | None) -> Any:
    for name, item in (value or {}).items():
        if item is not None:
            return any_value(name, item) if isinstance(item, bytes) else item
    return None
