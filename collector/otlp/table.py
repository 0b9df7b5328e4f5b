"""One trace export as a table of spans."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.attributes import AttributeTable, pairs_to_dict
from collector.otlp.hexids import hex_column, optional_hex_column
from collector.otlp.wire import decode_export

_KINDS = pa.array(["unspecified", "internal", "server", "client", "producer", "consumer"])
_STATUSES = pa.array(["unset", "ok", "error"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What one group of spans says of its sender."""

    service: str | None
    environment: str | None
    attributes_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanTable:
    """The spans of one request: equal-length columns in the order of the wire, each row a span with valid ids.

    `rejected` counts the spans that were left out, by reason.
    """

    trace_id: pa.Array
    span_id: pa.Array
    parent_span_id: pa.Array
    start_ns: pa.Array
    end_ns: pa.Array
    name: pa.Array
    kind: pa.Array
    status: pa.Array
    status_message: pa.Array
    service: pa.Array
    environment: pa.Array
    resource: pa.Array
    scope: pa.Array
    attributes: AttributeTable
    events: pa.ListArray
    links: pa.ListArray
    rejected: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.trace_id)

    def events_of(self, row: int) -> list[dict[str, Any]]:
        """Name, `time_ns` and attributes of the events of one span."""
        return [
            {
                "name": event["name"] or "",
                "time_ns": event["time"] or 0,
                "attributes": pairs_to_dict(*_keys_and_values(event["attributes"])),
            }
            for event in self.events[row].as_py() or ()
        ]


def read_export(body: bytes) -> SpanTable:
    """Decode one OTLP/protobuf trace export.

    Raises:
        BadRequest: if `body` is no such message.
    """
    groups = decode_export(body).column("resource_spans").flatten()
    resources = [_resource(pairs) for pairs in pc.struct_field(groups, ["resource", "attributes"]).to_pylist()]
    scopes, group_of_scope = _flatten(pc.struct_field(groups, "scope_spans"))
    spans, scope_of_span = _flatten(pc.struct_field(scopes, "spans"))
    valid, rejected = _valid(spans)
    if rejected:
        spans, scope_of_span = spans.filter(pa.array(valid)), scope_of_span[valid]
    group = pa.array(group_of_scope[scope_of_span])

    def per_group(values: list[str | None]) -> pa.Array:
        return pa.array(values, pa.string()).take(group)

    status = pc.struct_field(spans, ["status", "code"])
    return SpanTable(
        trace_id=hex_column(pc.struct_field(spans, "trace_id"), 16),
        span_id=hex_column(pc.struct_field(spans, "span_id"), 8),
        parent_span_id=optional_hex_column(pc.struct_field(spans, "parent_span_id"), 8),
        start_ns=_times(spans, "start"),
        # A span without an end, or with one before its start, lasted no time that anyone could tell.
        end_ns=pc.max_element_wise(_times(spans, "start"), _times(spans, "end")),
        name=pc.struct_field(spans, "name"),
        kind=_named(_KINDS, pc.struct_field(spans, "kind")),
        status=_named(_STATUSES, status),
        status_message=pc.struct_field(spans, ["status", "message"]),
        service=per_group([resource.service for resource in resources]),
        environment=per_group([resource.environment for resource in resources]),
        resource=per_group([resource.attributes_json for resource in resources]),
        scope=pc.struct_field(scopes, ["scope", "name"]).take(pa.array(scope_of_span)),
        attributes=AttributeTable(pc.struct_field(spans, "attributes")),
        events=pc.struct_field(spans, "events"),
        links=pc.struct_field(spans, "links"),
        rejected=rejected,
    )


def _flatten(lists: pa.ListArray) -> tuple[pa.StructArray, npt.NDArray[np.int64]]:
    """The items of `lists` and for each the place of its list."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return lists.flatten(), np.repeat(np.arange(len(lists)), lengths)


def _valid(spans: pa.StructArray) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Which spans can be kept, and how many cannot, by reason."""
    bad_ids = np.zeros(len(spans), dtype=bool)
    for field, n_bytes in (("trace_id", 16), ("span_id", 8)):
        ids = pc.struct_field(spans, field)
        zero = pa.scalar(bytes(n_bytes), pa.binary())
        good = pc.and_(pc.equal(pc.binary_length(ids), n_bytes), pc.not_equal(ids, zero))
        bad_ids |= ~pc.fill_null(good, False).to_numpy(zero_copy_only=False)
    start = pc.struct_field(spans, "start").fill_null(0).to_numpy(zero_copy_only=False)
    end = pc.struct_field(spans, "end").fill_null(0).to_numpy(zero_copy_only=False)
    bad_times = ~bad_ids & ((start == 0) | (start >= 2**63) | (end >= 2**63))
    counts = Counter(
        {
            "a trace id must have 16 bytes and a span id 8, not all zero": int(bad_ids.sum()),
            "start_time_unix_nano is missing or a time is out of range": int(bad_times.sum()),
        }
    )
    return ~(bad_ids | bad_times), dict(+counts)


def _times(spans: pa.StructArray, field: str) -> pa.Array:
    return pc.cast(pc.struct_field(spans, field), pa.int64()).fill_null(0)


def _named(names: pa.Array, codes: pa.Array) -> pa.Array:
    """Names of enum codes; one that is missing or unknown is the first."""
    known = pc.if_else(pc.and_(pc.greater_equal(codes, 0), pc.less(codes, len(names))), codes, 0)
    return names.take(known.fill_null(0))


def _resource(pairs: list[dict[str, Any]] | None) -> Resource:
    attributes = pairs_to_dict(*_keys_and_values(pairs))
    environment = attributes.get("deployment.environment.name") or attributes.get("deployment.environment")
    return Resource(
        service=str(attributes["service.name"]) if attributes.get("service.name") else None,
        environment=str(environment) if environment else None,
        attributes_json=json.dumps(attributes, ensure_ascii=False, default=str),
    )


def _keys_and_values(pairs: list[dict[str, Any]] | None) -> tuple[list[str | None], list[Any]]:
    return [pair["key"] for pair in pairs or ()], [pair["value"] for pair in pairs or ()]
