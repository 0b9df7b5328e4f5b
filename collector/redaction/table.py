"""Redaction of a table, before any of it is stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.redaction.byte_column import Ints
from collector.redaction.cells import Cell, redacted
from collector.redaction.finder import Finder, finder_of
from collector.redaction.policy import Mode, Policy, Role

DROPPED = "content"
"""The count of values that drop_content emptied."""


Roles = Mapping[str, Role]


def redact(table: pa.Table, roles: Roles, policy: Policy) -> tuple[pa.Table, Counter[str]]:
    """`table` with the finds in the columns of `roles` replaced as `policy` says, and their number by kind.

    A text column may be string or large_string, a column of `texts` a list of one. Columns without a role, and roles
    without a column, are left alone. JSON stays JSON; redacting twice changes nothing.
    """
    (after,), counts = redact_all([(table, roles)], policy)
    return after, counts


def redact_all(tables: Sequence[tuple[pa.Table, Roles]], policy: Policy) -> tuple[list[pa.Table], Counter[str]]:
    """`redact` for the tables of one request at once, which is cheaper than one by one."""
    counts: Counter[str] = Counter()
    after = [table for table, _ in tables]
    if policy.mode is Mode.OFF:
        return after, counts
    columns: dict[_Place, tuple[pa.Array, Role]] = {}
    for i, (table, roles) in enumerate(tables):
        for name in table.column_names if table.num_rows else ():
            if name not in roles:
                continue
            column = _whole(table[name])
            if policy.mode is Mode.DROP_CONTENT and roles[name].content:
                counts[DROPPED] += len(column) - column.null_count
                after[i] = _with(after[i], name, _emptied(column, table.schema.field(name).nullable))
            elif (policy.kinds or policy.patterns) and column.null_count < len(column):
                columns[i, name] = column, roles[name]
    changed, found = _redacted(columns, policy)
    for (i, name), column in changed.items():
        after[i] = _with(after[i], name, column)
    return after, +(counts + found)


_MAX_STRING_BYTES: Final = 2**31 - 1
_Place = tuple[int, str]
"""Number of the table, name of the column."""


def _redacted(
    columns: Mapping[_Place, tuple[pa.Array, Role]], policy: Policy
) -> tuple[dict[_Place, pa.Array], Counter[str]]:
    """Those of `columns` in which something was found, redacted."""
    finder = finder_of(policy)
    flat = {place: column.flatten() if role.form == "texts" else column for place, (column, role) in columns.items()}
    rows_of = {place: pa.array(rows) for place, rows in _rows_to_search(flat, finder).items()}
    cells: list[Cell] = []
    for place, rows in rows_of.items():
        form = columns[place][1].form
        hashed = policy.mode is Mode.HASH or form == "identifier"
        cells += [Cell(text, hashed, form == "json") for text in flat[place].take(rows).to_pylist()]
    if not cells:
        return {}, Counter()
    texts, counts = redacted(cells, finder, policy.hash_key)
    changed, start = {}, 0
    for place, rows in rows_of.items():
        before, after = cells[start : start + len(rows)], texts[start : start + len(rows)]
        start += len(rows)
        if any(cell.text != text for cell, text in zip(before, after, strict=True)):
            changed[place] = _replaced(columns[place][0], rows, after)
    return changed, counts


def _rows_to_search(columns: Mapping[_Place, pa.Array], finder: Finder) -> dict[_Place, Ints]:
    """The rows of each column that could hold something. All columns are one array meanwhile: each call of the
    prefilter compiles it anew."""
    if not columns:
        return {}
    fits = sum(column.nbytes for column in columns.values()) < _MAX_STRING_BYTES
    kind = pa.string() if fits else pa.large_string()
    whole = pa.concat_arrays([column.cast(kind) for column in columns.values()])
    hits = np.flatnonzero(finder.may_hold(whole))
    ends = np.cumsum([len(column) for column in columns.values()])
    starts = ends - [len(column) for column in columns.values()]
    cuts = np.searchsorted(hits, ends)
    rows = np.split(hits, cuts[:-1])
    return {place: own - start for place, own, start in zip(columns, rows, starts.tolist(), strict=True) if len(own)}


def _replaced(column: pa.Array, rows: pa.Array, texts: list[str]) -> pa.Array:
    """`column` with `texts` in the places `rows` (of its flat values, for a column of lists)."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        values = _replaced(column.flatten(), rows, texts)
        lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        kind = pa.ListArray if pa.types.is_list(column.type) else pa.LargeListArray
        offset_type = pa.int32() if pa.types.is_list(column.type) else pa.int64()
        return kind.from_arrays(pa.array(offsets, offset_type), values, type=column.type, mask=column.is_null())
    places = np.zeros(len(column), bool)
    places[np.asarray(rows)] = True
    return pc.replace_with_mask(column, pa.array(places), pa.array(texts, column.type))


def _emptied(column: pa.Array, nullable: bool) -> pa.Array:
    if nullable:
        return pa.nulls(len(column), column.type)
    is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    return pa.array([[] if is_list else ""] * len(column), column.type)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(name), column)
