"""Which spans speak a dialect: found by the attributes and events that only it writes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.dialects.base import Dialect
from collector.otlp.attributes import AttributeTable
from collector.otlp.table import SpanTable

Bools = npt.NDArray[np.bool_]
_FEW = 8


def of_scope(scope: pa.Array, prefix: str) -> Bools | None:
    """The spans of scopes whose names begin with `prefix`; None where there is none."""
    encoded = pc.dictionary_encode(scope)
    found = [bool(name and name.startswith(prefix)) for name in encoded.dictionary.to_pylist()]
    if not any(found):
        return None
    rows: Bools = pc.fill_null(pa.array(found).take(encoded.indices), False).to_numpy(zero_copy_only=False)
    return rows


def within(dialect: Dialect, table: SpanTable, column: pa.Array) -> pa.Array:
    """`column` on the spans of the dialect's scope, where it has one."""
    if dialect.scope is None:
        return column
    own = of_scope(table.scope, dialect.scope)
    nothing = pa.scalar(None, column.type)
    return pc.if_else(pa.array(own), column, nothing) if own is not None else pa.nulls(len(column), column.type)


def told_by(dialect: Dialect, table: SpanTable) -> Bools | None:
    """The spans that carry what `dialect.describe` reads; None where there is none."""
    keys = dialect.details if dialect.marker is None else (dialect.marker, *dialect.details)
    found = _with_any(table.attributes, keys)
    if dialect.events and len(names := pc.struct_field(table.events.flatten(), "name")):
        of_event = pc.is_in(names, pa.array(sorted(dialect.events))).to_numpy(zero_copy_only=False)
        found = np.zeros(len(table), dtype=bool) if found is None else found
        found[pc.list_parent_indices(table.events).to_numpy()[of_event]] = True
    if found is None or dialect.scope is None:
        return found
    own = of_scope(table.scope, dialect.scope)
    return None if own is None else found & own


def _with_any(attributes: AttributeTable, wanted: frozenset[str] | tuple[str, ...]) -> Bools | None:
    """The spans with one of the attributes `wanted`, of which those that end in a dot are prefixes."""
    prefixes = tuple(name for name in wanted if name.endswith("."))
    keys = [name for name in wanted if name in attributes]
    keys += [key for key in attributes.keys if key and key.startswith(prefixes)] if prefixes else []
    if not keys:
        return None
    if len(keys) > _FEW:
        return attributes.has_any(keys)
    rows = attributes.has(keys[0])
    for key in keys[1:]:
        rows |= attributes.has(key)
    return rows
