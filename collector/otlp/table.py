"""One trace export as a table of spans."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.attributes import AttributeTable
from collector.otlp.columns import counted, is_id, raw_times, refuse_many_days, time_problems
from collector.otlp.grouped import grouped
from collector.otlp.hexids import hex_column, optional_hex_column
from collector.otlp.limits import Limits, limit_items
from collector.otlp.wire import decode_export
from collector.projects.access import OPEN, Access
from collector.projects.attribution import project_column
from collector.projects.sampling import kept_traces

_KINDS = pa.array(["unspecified", "internal", "server", "client", "producer", "consumer"])
_STATUSES = pa.array(["unset", "ok", "error"])


@dataclass(frozen=True, kw_only=True)
class SpanTable:
    """The spans of one request or several: equal-length columns in the order of the wire, each row with valid ids.

    `rejected` counts the spans that were left out, by reason; `noted` what was stored otherwise than sent.
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
    project: pa.Array
    service: pa.Array
    environment: pa.Array
    resource: pa.Array
    scope: pa.Array
    attribute_lists: pa.ListArray
    events: pa.ListArray
    links: pa.ListArray
    rejected: Mapping[str, int]
    noted: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.trace_id)

    @cached_property
    def attributes(self) -> AttributeTable:
        return AttributeTable(self.attribute_lists)

    def of_rows(self, rows: npt.NDArray[np.int64]) -> "SpanTable":
        """The spans of these rows, which ascend."""
        if len(rows) == len(self):
            return self
        taken = pa.array(rows)
        table = replace(self, **{name: getattr(self, name).take(taken) for name in _COLUMNS if name not in _UNREAD})
        table.__dict__["attributes"] = self.attributes.of_rows(rows)
        return table

    @property
    def n_bytes(self) -> int:
        return sum(int(getattr(self, name).nbytes) for name in _COLUMNS)

    def events_of(self, row: int) -> list[dict[str, Any]]:
        """Name, `time_ns` and attributes of the events of one span."""
        first, last = int(self._event_bounds[row]), int(self._event_bounds[row + 1])
        if first == last:
            return []
        events = self._events[first:last]
        names, times = (pc.struct_field(events, field).to_pylist() for field in ("name", "time"))
        return [
            {"name": name or "", "time_ns": time_ns or 0, "attributes": self._event_attributes.of_row(first + i)}
            for i, (name, time_ns) in enumerate(zip(names, times, strict=True))
        ]

    @cached_property
    def _events(self) -> pa.StructArray:
        return self.events.flatten()

    @cached_property
    def _event_attributes(self) -> AttributeTable:
        return AttributeTable(pc.struct_field(self._events, "attributes"))

    @cached_property
    def _event_bounds(self) -> npt.NDArray[np.int64]:
        """Where the events of each span begin among all of them, and where the last ones end."""
        lengths = pc.list_value_length(self.events).fill_null(0).to_numpy(zero_copy_only=False)
        return np.concatenate(([0], np.cumsum(lengths)))


_UNREAD = ("attribute_lists", "resource", "links")  # of no use where single spans are looked at
_COLUMNS = tuple(f.name for f in fields(SpanTable) if f.name not in ("rejected", "noted"))


def joined(tables: Sequence[SpanTable]) -> SpanTable:
    """The spans of all `tables`, of which there is at least one."""
    if len(tables) == 1:
        return tables[0]
    columns = {name: pa.concat_arrays([getattr(table, name) for table in tables]) for name in _COLUMNS}
    rejected, noted = (
        dict(sum((Counter(getattr(t, name)) for t in tables), Counter())) for name in ("rejected", "noted")
    )
    return SpanTable(**columns, rejected=rejected, noted=noted)


def read_export(
    body: bytes, limits: Limits | None = None, *, access: Access = OPEN, now_ns: int | None = None
) -> SpanTable:
    """Decode one OTLP/protobuf trace export.

    Args:
        access: of the key that came with it: the project of the spans, the share of traces that is kept.
    Raises:
        BadRequest: if `body` is no such message, or over a limit.
    """
    limits = limits or Limits()
    now_ns = time.time_ns() if now_ns is None else now_ns
    sent = grouped(decode_export(body), limits)
    start, end = raw_times(sent.field("start")), raw_times(sent.field("end"))
    problems, n_future = time_problems(start, limits, now_ns)
    bad_ids = ~(is_id(sent.field("trace_id"), 16) & is_id(sent.field("span_id"), 8))
    valid, rejected = counted(
        {"a trace id must have 16 bytes and a span id 8, not all zero": bad_ids}
        | problems
        | {"end_time_unix_nano is out of range": end >= np.uint64(2**63)},
        len(sent.items),
    )
    spans = sent.filter(valid)
    trace_id = hex_column(spans.field("trace_id"), 16)
    noted = Counter({"from_the_future": n_future})
    if access.sample_rate is not None:
        sampled = kept_traces(trace_id, access.sample_rate)
        noted["sampled_out"] = len(sampled) - int(sampled.sum())
        spans, trace_id = spans.filter(sampled), trace_id.filter(pa.array(sampled))
    project, noted["other_project"] = project_column(access, spans.of_resource("project"), len(spans.items))
    start_ns = _times(spans.field("start"))
    refuse_many_days(start_ns.to_numpy())
    return SpanTable(
        trace_id=trace_id,
        span_id=hex_column(spans.field("span_id"), 8),
        parent_span_id=optional_hex_column(spans.field("parent_span_id"), 8),
        start_ns=start_ns,
        # A span without an end, or with one before its start, lasted no time that anyone could tell.
        end_ns=pc.max_element_wise(start_ns, _times(spans.field("end"))),
        name=spans.texts("name"),
        kind=_named(_KINDS, spans.field("kind")),
        status=_named(_STATUSES, spans.field("status", "code")),
        status_message=spans.texts("status", "message", max_chars=limits.max_value_chars),
        project=project,
        service=spans.of_resource("service"),
        environment=spans.of_resource("environment"),
        resource=spans.of_resource("attributes_json"),
        scope=spans.scope_names(),
        attribute_lists=spans.attributes(limits),
        events=limit_items(spans.field("events"), limits, spans.cut),
        links=limit_items(spans.field("links"), limits, spans.cut),
        rejected=rejected,
        noted=+(noted + spans.cut),
    )


def _times(column: pa.Array) -> pa.Array:
    return pc.cast(column, pa.int64()).fill_null(0)


def _named(names: pa.Array, codes: pa.Array) -> pa.Array:
    """Names of enum codes; one that is missing or unknown is the first."""
    known = pc.if_else(pc.and_(pc.greater_equal(codes, 0), pc.less(codes, len(names))), codes, 0)
    return names.take(known.fill_null(0))
