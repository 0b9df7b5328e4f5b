"""The records of one export without their nesting: one row a record, and for each what its resource and scope say."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.errors import TooLarge
from collector.otlp.attributes import pairs_to_dict
from collector.otlp.jsoncolumns import dump
from collector.otlp.limits import MAX_NAME_CHARS, Limits, cut_text, cut_texts, limit_attributes
from collector.projects.attribution import PROJECT_ATTRIBUTE

Rows = npt.NDArray[np.int64]

_RESOURCES_BYTES = 64 * 2**20
_LEAST_RESOURCE_CHARS, _MOST_RESOURCE_CHARS = 2048, 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What one group of records says of its sender."""

    service: str | None
    environment: str | None
    project: str | None
    attributes_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """`group` and `scope` are for each of `items` the place of its resource and of its scope."""

    items: pa.StructArray
    group: Rows
    scope: Rows
    resources: list[Resource]
    scopes: pa.Array
    cut: Counter[str]

    def filter(self, kept: npt.NDArray[np.bool_]) -> "Grouped":
        if kept.all():
            return self
        return replace(self, items=self.items.filter(pa.array(kept)), group=self.group[kept], scope=self.scope[kept])

    def of_resource(self, name: str) -> pa.Array:
        """A field of `Resource` for each item."""
        return pa.array([getattr(r, name) for r in self.resources], pa.string()).take(pa.array(self.group))

    def scope_names(self) -> pa.Array:
        return self.scopes.take(pa.array(self.scope))

    def field(self, *path: str) -> pa.Array:
        return child(self.items, *path)

    def texts(self, *path: str, max_chars: int = MAX_NAME_CHARS) -> pa.Array:
        """A text of each item, within `max_chars`."""
        column, n_cut = cut_texts(self.field(*path), max_chars)
        self.cut["texts"] += n_cut
        return column

    def attributes(self, limits: Limits) -> pa.ListArray:
        return limit_attributes(self.field("attributes"), limits, self.cut)


def child(structs: pa.StructArray, *path: str) -> pa.Array:
    """A field of each struct, null where the struct is."""
    for name in path:
        # Where no struct is null, its field can be had without a kernel, which takes some microseconds to start.
        structs = pc.struct_field(structs, name) if structs.null_count else structs.field(name)
    return structs


def grouped(batch: pa.RecordBatch, limits: Limits) -> Grouped:
    """The items of a decoded export.

    Raises:
        TooLarge: if they are more than `limits.max_records`.
    """
    groups = batch.column("groups").flatten()
    _refuse_many(len(groups), limits)
    scopes, group_of_scope = _flatten(child(groups, "scopes"))
    _refuse_many(len(scopes), limits)
    items, scope = _flatten(child(scopes, "items"))
    _refuse_many(len(items), limits)
    cut: Counter[str] = Counter()
    names, _ = cut_texts(child(scopes, "scope", "name"), MAX_NAME_CHARS)
    attributes = limit_attributes(child(groups, "resource", "attributes"), limits, cut)
    max_chars = resource_chars(len(items))
    return Grouped(
        items=items,
        group=group_of_scope[scope],
        scope=scope,
        resources=[resource_of(_values(pairs), max_chars=max_chars) for pairs in attributes.to_pylist()],
        scopes=names,
        cut=cut,
    )


def resource_chars(n_items: int) -> int:
    """How long the JSON of a resource may be: it is repeated for each record of its group."""
    return min(_MOST_RESOURCE_CHARS, max(_LEAST_RESOURCE_CHARS, _RESOURCES_BYTES // max(1, n_items)))


def resource_of(attributes: Mapping[str, Any], *, max_chars: int) -> Resource:
    environment = attributes.get("deployment.environment.name") or attributes.get("deployment.environment")
    return Resource(
        service=_name(attributes.get("service.name")),
        environment=_name(environment),
        project=_name(attributes.get(PROJECT_ATTRIBUTE)),
        attributes_json=cut_text(dump(attributes), max_chars),
    )


def _name(value: Any) -> str | None:
    return cut_text(str(value), MAX_NAME_CHARS) if value else None


def _refuse_many(n: int, limits: Limits) -> None:
    if n > limits.max_records:
        raise TooLarge(f"{n} records in one export; send at most {limits.max_records}")


def _flatten(lists: pa.ListArray) -> tuple[pa.StructArray, Rows]:
    """The items of `lists` and for each the place of its list."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return lists.flatten(), np.repeat(np.arange(len(lists)), lengths)


def _values(pairs: list[dict[str, Any]] | None) -> dict[str, Any]:
    return pairs_to_dict([pair["key"] for pair in pairs or ()], [pair["value"] for pair in pairs or ()])
