"""The attributes of many spans as columns: one value column per key, found by the codes of the keys."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.anyvalue import any_value, plain_fields
from collector.otlp.jsoncolumns import json_objects

Ints = npt.NDArray[np.int64]

_FORMS = ("string", "bool", "int", "double", "array", "kvlist", "bytes")
_MISSING = pa.array(["", "None", "null"])  # spellings of "no value" that some libraries send as text
_LONGEST_MISSING = 4
_SAYS_NOTHING = pa.array(["", "None", "null", "[]", "{}"])


class AttributeTable:
    """Attributes of `n_rows` spans, from a list column of (key, value) as decoded from the wire."""

    def __init__(self, lists: pa.ListArray) -> None:
        self.n_rows = len(lists)
        pairs = lists.flatten()
        lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        self._owners: Ints = np.repeat(np.arange(self.n_rows), lengths)
        ends = np.cumsum(lengths)
        self._row_bounds: tuple[Ints, Ints] = (ends - lengths, ends)
        self._pairs_keys = pc.struct_field(pairs, "key")
        self._values = pc.struct_field(pairs, "value")
        self._children = {name: pc.struct_field(self._values, name) for name in _FORMS}
        self._told = {name: child for name, child in self._children.items() if child.null_count < len(child)}
        encoded = pc.dictionary_encode(self._pairs_keys, null_encoding="encode")
        self._codes = encoded.indices.to_numpy(zero_copy_only=False)
        self.keys: list[str | None] = encoded.dictionary.to_pylist()
        self._code_of = {key: code for code, key in enumerate(self.keys)}
        # Attributes grouped by key: those of code c are _order[_starts[c] : _starts[c + 1]].
        self._order = np.argsort(self._codes, kind="stable")
        self._starts = np.searchsorted(self._codes[self._order], np.arange(len(self.keys) + 1))
        # How many attributes of each key have each form of value: most keys have one, and the others cost nothing.
        self._n_of_form = {name: self._count(child) for name, child in self._children.items()}

    def of_rows(self, rows: Ints) -> "AttributeTable":
        """The attributes of these rows, which ascend, as a table of its own over the same values."""
        table = copy.copy(self)
        number = np.full(self.n_rows + 1, -1, dtype=np.int64)
        number[rows] = np.arange(len(rows))
        table.n_rows = len(rows)
        table._owners = number[self._owners]
        table._order = self._order[table._owners[self._order] >= 0]
        table._starts = np.searchsorted(self._codes[table._order], np.arange(len(self.keys) + 1))
        table._row_bounds = (self._row_bounds[0][rows], self._row_bounds[1][rows])
        return table

    def __contains__(self, key: str) -> bool:
        code = self._code_of.get(key)
        return code is not None and bool(self._starts[code + 1] > self._starts[code])

    def has(self, key: str) -> npt.NDArray[np.bool_]:
        """Which rows carry `key`, shape (n_rows,)."""
        present = np.zeros(self.n_rows, dtype=bool)
        present[self._owners[self._places(key)]] = True
        return present

    def has_any(self, keys: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Which rows carry one of `keys`, however many these are."""
        wanted = np.zeros(len(self.keys), dtype=bool)
        wanted[[code for key in keys if (code := self._code_of.get(key)) is not None]] = True
        present = np.zeros(self.n_rows, dtype=bool)
        present[self._owners[self._order[wanted[self._codes[self._order]]]]] = True
        return present

    def has_text(self, key: str) -> bool:
        """Whether some value of `key` is a text."""
        return self._has_form(key, "string")

    def strings(self, key: str) -> pa.Array:
        """`key` as text, null where absent or spelled as no value; numbers and booleans in their JSON form."""
        column = self._texts(key)
        for form in ("int", "double", "bool"):
            if self._has_form(key, form):
                column = pc.coalesce(column, pc.cast(self._child(key, form), pa.string()))
        return column

    def ints(self, key: str) -> pa.Array:
        """`key` as whole numbers, also from text and from doubles; null where it is none or negative."""
        column = self._child(key, "int")
        if self._has_form(key, "double"):
            doubles = self._child(key, "double")
            whole = pc.if_else(pc.and_(pc.is_finite(doubles), pc.less(pc.abs(doubles), 2.0**62)), doubles, None)
            column = pc.coalesce(column, pc.cast(whole, pa.int64(), safe=False))
        if self._has_form(key, "string"):
            texts = self._child(key, "string")
            digits = pc.if_else(pc.match_substring_regex(texts, r"^\d{1,18}$"), texts, None)
            column = pc.coalesce(column, pc.cast(digits, pa.int64()))
        return pc.if_else(pc.greater_equal(column, 0), column, None)

    def doubles(self, key: str) -> pa.Array:
        """`key` as finite numbers, also from integers and text."""
        column = self._child(key, "double")
        if self._has_form(key, "int"):
            column = pc.coalesce(column, pc.cast(self._child(key, "int"), pa.float64(), safe=False))
        if self._has_form(key, "string"):
            texts = self._child(key, "string")
            numbers = pc.if_else(pc.match_substring_regex(texts, r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$"), texts, None)
            column = pc.coalesce(column, pc.cast(numbers, pa.float64()))
        return pc.if_else(pc.is_finite(column), column, None)

    def bools(self, key: str) -> pa.Array:
        """`key` as truth values, also from the words true and false."""
        column = self._child(key, "bool")
        if self._has_form(key, "string"):
            words = pc.utf8_lower(self._child(key, "string"))
            spoken = pc.if_else(pc.is_in(words, pa.array(["true", "false"])), pc.equal(words, "true"), None)
            column = pc.coalesce(column, spoken)
        return column

    def string_lists(self, key: str) -> pa.Array:
        """`key` as lists of text; a single text is a list of one."""
        column = pa.nulls(self.n_rows, pa.list_(pa.string()))
        if self._has_form(key, "array"):
            arrays = pc.dictionary_encode(self._child(key, "array"))
            parsed = [
                [str(item) for item in any_value("array", raw) if item is not None]
                for raw in arrays.dictionary.to_pylist()
            ]
            column = pa.array(parsed, pa.list_(pa.string())).take(arrays.indices)
        if self._has_form(key, "string"):
            texts = self._child(key, "string").to_pylist()
            single = pa.array([None if text is None else [text] for text in texts], pa.list_(pa.string()))
            column = pc.coalesce(column, single)
        return column

    def json_texts(self, key: str, dump: Callable[[Any], str]) -> pa.Array:
        """`key` as JSON text: a text as it came, a structured value through `dump`."""
        column = self._texts(key)
        for form in ("array", "kvlist"):
            if self._has_form(key, form):
                structured = self._child(key, form).to_pylist()
                texts = [None if raw is None else dump(any_value(form, raw)) for raw in structured]
                column = pc.coalesce(column, pa.array(texts, pa.string()))
        return column

    def of_row(self, row: int) -> dict[str, Any]:
        """All attributes of one span as Python values: for what columns cannot say."""
        first, last = int(self._row_bounds[0][row]), int(self._row_bounds[1][row])
        values: list[Any] = [None] * (last - first)
        # Form by form: all fields of each value, of which all but one are null, would take three times as long.
        for form, child in self._told.items():
            for place, value in enumerate(child[first:last].to_pylist()):
                if value is not None:
                    values[place] = any_value(form, value) if isinstance(value, bytes) else value
        return {key: value for key, value in zip(self._pairs_keys[first:last].to_pylist(), values, strict=True) if key}

    def json_without(self, dropped: Mapping[str, npt.NDArray[np.bool_]]) -> pa.Array:
        """The attributes of each span as a JSON object, less the keys of `dropped` on its rows."""
        keep = self._owners >= 0
        for key, rows in dropped.items():
            places = self._places(key)
            keep[places] &= ~rows[self._owners[places]]
        kept = pa.array(keep)
        return json_objects(self._pairs_keys.filter(kept), self._values.filter(kept), self._owners[keep], self.n_rows)

    def json_under(self, prefixes: tuple[str, ...], left_out: frozenset[str], rows: npt.NDArray[np.bool_]) -> pa.Array:
        """What `rows` carry under `prefixes`, less the keys `left_out`, as JSON objects with the rest of each key.

        Null where there is nothing, and what says nothing is left out.
        """
        names = [_rest(key, prefixes) if key and key not in left_out else "" for key in self.keys]
        is_named = np.array([bool(name) for name in names], dtype=bool)
        if not is_named.any():
            return pa.nulls(self.n_rows, pa.string())
        says_nothing = pc.is_in(self._children["string"], _SAYS_NOTHING).to_numpy(zero_copy_only=False)
        keep = is_named[self._codes] & np.append(rows, False)[self._owners] & ~says_nothing  # -1: the row of none
        keys = pa.array(names, pa.string()).take(pa.array(self._codes[keep]))
        owners = self._owners[keep]
        told = np.bincount(owners, minlength=self.n_rows) > 0
        objects = json_objects(keys, self._values.filter(pa.array(keep)), owners, self.n_rows)
        return pc.if_else(pa.array(told), objects, pa.scalar(None, pa.string()))

    def _places(self, key: str) -> Ints:
        code = self._code_of.get(key)
        return np.empty(0, np.int64) if code is None else self._order[self._starts[code] : self._starts[code + 1]]

    def _count(self, child: pa.Array) -> Ints:
        """How many values of one form there are, by the code of their key."""
        if child.null_count == len(child):
            return np.zeros(len(self.keys), dtype=np.int64)
        return np.bincount(self._codes[child.is_valid().to_numpy(zero_copy_only=False)], minlength=len(self.keys))

    def _has_form(self, key: str, form: str) -> bool:
        code = self._code_of.get(key)
        return code is not None and bool(self._n_of_form[form][code])

    def _texts(self, key: str) -> pa.Array:
        """The texts of `key`, without those that are spelled as no value."""
        column = self._child(key, "string")
        is_short = pc.less_equal(pc.binary_length(column), _LONGEST_MISSING)  # long texts need not be hashed
        if not pc.any(is_short).as_py():
            return column
        return pc.if_else(pc.is_in(column, value_set=_MISSING), None, column)

    def _child(self, key: str, form: str) -> pa.Array:
        """One value form of `key` as a column of n_rows, null where it is absent or of another form."""
        child = self._children[form]
        if not self._has_form(key, form):
            return pa.nulls(self.n_rows, child.type)
        places = self._places(key)
        if len(places) == self.n_rows and (np.diff(self._owners[places]) == 1).all():
            return child.take(pa.array(places))
        at = np.full(self.n_rows, -1, dtype=np.int64)
        at[self._owners[places]] = places
        return child.take(pa.array(at, mask=at < 0))


def _rest(key: str, prefixes: tuple[str, ...]) -> str:
    """`key` less the first of `prefixes` that it begins with; empty where it begins with none."""
    return next((key.removeprefix(prefix) for prefix in prefixes if key.startswith(prefix)), "")


def pairs_to_dict(keys: list[str | None], values: list[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Python values of decoded (key, value) pairs."""
    return {key: plain_fields(value) for key, value in zip(keys, values, strict=True) if key}
