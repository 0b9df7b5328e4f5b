"""What stands on a span and is no fact: values that nobody sent, counts that a library guessed."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from collector.dialects.base import Dialect
from collector.dialects.speakers import of_scope
from collector.otlp.attributes import AttributeTable
from collector.otlp.table import SpanTable


def believed(column: pa.Array, hidden: pa.Array | None) -> pa.Array:
    """`column` without the values of the rows that are `hidden`."""
    return column if hidden is None else pc.if_else(pc.fill_null(hidden, False), pa.scalar(None, column.type), column)


def hidden_attributes(dialects: Sequence[Dialect], table: SpanTable) -> dict[str, pa.Array]:
    """By attribute key the rows on which its value is one that libraries write though nobody sent it."""
    hidden: dict[str, pa.Array] = {}
    for dialect in dialects:
        keys = [key for key in dialect.invented if key in table.attributes]
        rows = of_scope(table.scope, dialect.scope) if keys and dialect.scope is not None else None
        if rows is None:
            continue
        for key in keys:
            invented = pc.and_(pa.array(rows), _is_one_of(table.attributes, key, dialect.invented[key]))
            hidden[key] = pc.or_(hidden[key], invented) if key in hidden else invented
    return hidden


def _is_one_of(attributes: AttributeTable, key: str, values: tuple[Any, ...]) -> pa.Array:
    numbers = [float(value) for value in values if not isinstance(value, str)]
    texts = [value for value in values if isinstance(value, str)]
    is_number = pc.is_in(attributes.doubles(key), pa.array(numbers, pa.float64()))
    return pc.or_(is_number, pc.is_in(attributes.strings(key), pa.array(texts, pa.string()))) if texts else is_number


def is_estimated(dialects: Sequence[Dialect], table: SpanTable) -> pa.Array | None:
    """The rows whose tokens the library counted itself, because the provider had not; None where there is none."""
    for dialect in dialects:
        if dialect.estimates is not None and dialect.scope is not None:
            rows = of_scope(table.scope, dialect.scope)
            if rows is not None:
                return pa.array(rows & dialect.estimates(table.attributes))
    return None


def is_cache_apart(dialects: Sequence[Dialect], table: SpanTable) -> pa.Array | None:
    """The rows whose input tokens leave out what the cache held; None where there is none."""
    found = [of_scope(table.scope, prefix) for dialect in dialects for prefix in dialect.cache_apart]
    rows = [mask for mask in found if mask is not None]
    return pa.array(sum(rows[1:], rows[0])) if rows else None
