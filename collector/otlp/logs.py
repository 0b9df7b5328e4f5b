"""One log export as a table of log records."""

import time
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.batch import LOG_SCHEMA
from collector.otlp.attributes import AttributeTable
from collector.otlp.columns import counted, raw_times, refuse_many_days, time_problems
from collector.otlp.grouped import Grouped, grouped
from collector.otlp.hexids import optional_hex_column
from collector.otlp.jsoncolumns import json_texts
from collector.otlp.limits import Limits, cut_values
from collector.otlp.records import Records, hashes_of
from collector.otlp.wire import decode_export
from collector.projects.access import OPEN, Access
from collector.projects.attribution import project_column

_EVENT_NAME_KEYS = ("event.name", "event_name")
_WORDS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_SEVERITIES = pa.array([None, *(word + suffix for word in _WORDS for suffix in ("", "2", "3", "4"))])
"""By severity_number: TRACE, TRACE2, TRACE3, TRACE4, DEBUG, ..."""


def read_logs(
    body: bytes, limits: Limits | None = None, *, access: Access = OPEN, now_ns: int | None = None
) -> Records:
    """Decode one OTLP/protobuf log export.

    Args:
        access: of the key that came with it. Sampling keeps all log records: most have no trace to go by.
    Raises:
        BadRequest: if `body` is no such message, or over a limit.
    """
    limits = limits or Limits()
    now_ns = time.time_ns() if now_ns is None else now_ns
    sent = grouped(decode_export(body, "LogExport"), limits)
    told = raw_times(sent.field("time"))
    told = np.where(told == 0, raw_times(sent.field("observed")), told)
    times = np.where(told == 0, np.uint64(now_ns), told)
    problems, n_future = time_problems(times, limits, now_ns)
    kept, rejected = counted(problems, len(sent.items))
    records = sent.filter(kept)
    columns = _columns(records, limits)
    project, n_others = project_column(access, records.of_resource("project"), len(records.items))
    told_ns, time_ns = (pa.array(given[kept].astype(np.int64)) for given in (told, times))
    refuse_many_days(time_ns.to_numpy())
    columns |= {"project": project, "time_ns": time_ns, "log_id": _log_ids(columns, told_ns)}
    noted = Counter({"from_the_future": n_future, "other_project": n_others})
    return Records(
        table=pa.Table.from_arrays([columns[name] for name in LOG_SCHEMA.names], schema=LOG_SCHEMA),
        rejected=rejected,
        noted=+(noted + records.cut),
    )


def _columns(records: Grouped, limits: Limits) -> dict[str, pa.Array]:
    body, n_cut = cut_values(records.field("body"), limits.max_value_chars)
    records.cut["log_bodies"] += n_cut
    attributes = AttributeTable(records.attributes(limits))
    return {
        "trace_id": optional_hex_column(records.field("trace_id"), 16),
        "span_id": optional_hex_column(records.field("span_id"), 8),
        "service": records.of_resource("service"),
        "environment": records.of_resource("environment"),
        "scope": records.scope_names(),
        "event_name": _event_names(records.texts("event_name"), attributes),
        "severity": _severities(records),
        "body": json_texts(body),
        "attributes": attributes.json_without({}),
        "resource": records.of_resource("attributes_json"),
    }


def _event_names(column: pa.Array, attributes: AttributeTable) -> pa.Array:
    column = pc.if_else(pc.equal(column, ""), None, column)
    for key in _EVENT_NAME_KEYS:
        if key in attributes:
            column = pc.coalesce(column, attributes.strings(key))
    return column


def _severities(records: Grouped) -> pa.Array:
    """The sender's own word, else the one that OTLP has for its number; null for neither."""
    numbers = records.field("severity_number")
    known = pc.and_(pc.greater(numbers, 0), pc.less(numbers, len(_SEVERITIES)))
    words = records.texts("severity_text")
    words = pc.if_else(pc.equal(words, ""), None, words)
    return pc.coalesce(words, _SEVERITIES.take(pc.if_else(known, numbers, 0).fill_null(0)))


def _log_ids(columns: Mapping[str, pa.Array], told_ns: pa.Array) -> pa.Array:
    """128 bits of all that a record and its resource say, in hex.

    Without `time_ns`, which is the time of receipt where the sender told none: a retry has another.
    """
    names = ("trace_id", "span_id", "scope", "event_name", "severity", "attributes", "resource", "body")
    texts = [pc.cast(told_ns, pa.string()), *(pc.fill_null(columns[name], "") for name in names)]
    return hashes_of(pc.binary_join_element_wise(*texts, "\x1f"))
