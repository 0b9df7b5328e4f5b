"""Redaction of a table, before any of it is stored."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.redaction.cells import Cell, redacted
from collector.redaction.finder import finder_of
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
    hits: dict[str, pa.Array] = {}
    for name, column in columns.items():
        texts = column.flatten() if roles[name].form == "texts" else column
        rows = np.flatnonzero(finder.may_hold(texts))
        if len(rows):
            hits[name] = pa.array(rows)
            hashed = policy.mode is Mode.HASH or roles[name].form == "identifier"
            is_json = roles[name].form == "json"
            cells += [Cell(text, hashed, is_json) for text in texts.take(hits[name]).to_pylist()]
    if not cells:
        return {}, Counter()
    texts_after, counts = redacted(cells, finder, policy.hash_key)
    changed, place = {}, 0
    for name, rows in hits.items():
        before, after = cells[place : place + len(rows)], texts_after[place : place + len(rows)]
        place += len(rows)
        if any(cell.text != text for cell, text in zip(before, after, strict=True)):
            changed[name] = _replaced(columns[name], rows, after)
    return changed, counts


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
