"""Redaction of a table, before any of it is stored."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.redaction.cells import Cell, redacted
from collector.redaction.finder import Finder, finder_of
from collector.redaction.policy import Mode, Policy, Role

DROPPED = "content"
"""The count of values that drop_content emptied."""


def redact(table: pa.Table, roles: Mapping[str, Role], policy: Policy) -> tuple[pa.Table, Counter[str]]:
    """`table` with the finds in the columns of `roles` replaced as `policy` says, and their number by kind.

    A text column may be string or large_string, a column of `texts` a list of one. Columns without a role, and roles
    without a column, are left alone. JSON stays JSON; redacting twice changes nothing.
    """
    counts: Counter[str] = Counter()
    if policy.mode is Mode.OFF or not table.num_rows:
        return table, counts
    columns = {name: _whole(table[name]) for name in table.column_names if name in roles}
    if policy.mode is Mode.DROP_CONTENT:
        for name in [name for name in columns if roles[name].content]:
            column = columns.pop(name)
            counts[DROPPED] += len(column) - column.null_count
            table = _with(table, name, _emptied(column, table.schema.field(name).nullable))
    if not policy.kinds and not policy.patterns:
        return table, counts
    changed, found = _redacted(columns, roles, policy)
    for name, column in changed.items():
        table = _with(table, name, column)
    return table, +(counts + found)


def _redacted(
    columns: Mapping[str, pa.Array], roles: Mapping[str, Role], policy: Policy
) -> tuple[dict[str, pa.Array], Counter[str]]:
    """Those of `columns` in which something was found, redacted."""
    finder = finder_of(policy)
    cells: list[Cell] = []
    rows_of: dict[str, pa.Array] = {}
    flat = {name: c.flatten() if roles[name].form == "texts" else c for name, c in columns.items()}
    for name, rows in _rows_to_search(flat, finder).items():
        rows_of[name] = pa.array(rows)
        hashed = policy.mode is Mode.HASH or roles[name].form == "identifier"
        texts = flat[name].take(rows_of[name]).to_pylist()
        cells += [Cell(text, hashed, roles[name].form == "json") for text in texts]
    if not cells:
        return {}, Counter()
    texts_after, counts = redacted(cells, finder, policy.hash_key)
    changed, place = {}, 0
    for name, rows in rows_of.items():
        before, after = cells[place : place + len(rows)], texts_after[place : place + len(rows)]
        place += len(rows)
        if any(cell.text != text for cell, text in zip(before, after, strict=True)):
            changed[name] = _replaced(columns[name], rows, after)
    return changed, counts


def _rows_to_search(columns: Mapping[str, pa.Array], finder: Finder) -> dict[str, npt.NDArray[np.int64]]:
    """The rows of each column that could hold something. All columns are one array meanwhile: each call of the
    prefilter compiles it anew."""
    if not columns:
        return {}
    whole = pa.concat_arrays([column.cast(pa.large_string()) for column in columns.values()])
    hits = np.flatnonzero(finder.may_hold(whole))
    ends = np.cumsum([len(column) for column in columns.values()])
    starts = ends - [len(column) for column in columns.values()]
    cuts = np.searchsorted(hits, ends)
    rows = np.split(hits, cuts[:-1])
    return {name: own - start for name, own, start in zip(columns, rows, starts.tolist(), strict=True) if len(own)}


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
