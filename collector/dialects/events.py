"""Log records about model calls -> the parts of calls that they are.

Two generations: one record with all attributes of a span (`…operation.details`, in one or several records for one span)
and one record a message (`gen_ai.user.message`, `gen_ai.choice`, up to 1.36, still the default of many libraries).
"""

import functools
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

from collector.batch import PART_SCHEMA
from collector.call import CALL_OPERATIONS
from collector.dialects import DIALECTS
from collector.dialects.base import Facts
from collector.dialects.details import COUNTS, DETAILS_EVENT, EXCEPTION_EVENT, facts_of_details, operation_of
from collector.dialects.finish import fold_reason, reasons_of
from collector.dialects.message_events import MESSAGE_EVENTS, messages_of_event
from collector.dialects.openai_shapes import items, json_or_text, mapping
from collector.dialects.own_form import in_own_form
from collector.prices import price_calls

_EVENTS = pa.array([DETAILS_EVENT, EXCEPTION_EVENT, *MESSAGE_EVENTS])
_JSON_FIELDS = (
    "parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
)  # fmt: skip
_TYPES = {field.name: field.type for field in PART_SCHEMA}
_SPAN_IDS = ("trace_id", "span_id")
_CONTEXT = {"start_ns": "time_ns", "end_ns": "time_ns", "part_id": "log_id"} | {
    name: name for name in ("project", "service", "environment", "scope")
}
"""Fields of a part that its log record has under the same or another name."""


def event_parts(logs: pa.Table) -> pa.Table:
    """The parts of calls among `logs` (LOG_SCHEMA), as PART_SCHEMA. A log that tells of none costs next to nothing.

    A record with a trace and span id is a part of that span's call: kind `event`, or `message` for one of its messages.
    A details record without them is a call by itself, of kind `span`.
    """
    is_event = pc.is_in(logs["event_name"], value_set=_EVENTS)
    if not pc.any(is_event).as_py():
        return PART_SCHEMA.empty_table()
    events = logs.filter(is_event)
    read = (events[name].to_pylist() for name in ("event_name", "scope", "trace_id", "span_id", "body", "attributes"))
    told = [_told(*record) for record in zip(*read, strict=True)]
    rows = [row for row, (_, facts) in enumerate(told) if facts]
    if not rows:
        return PART_SCHEMA.empty_table()
    return _parts(events.take(rows).combine_chunks(), [told[row] for row in rows])


def _parts(events: pa.Table, told: list[tuple[str, Facts]]) -> pa.Table:
    """The rows of PART_SCHEMA for `events`, of which each has a kind and facts."""
    kinds = pa.array([kind for kind, _ in told])
    columns = {name: events[source].combine_chunks() for name, source in _CONTEXT.items()}
    columns |= _ids(columns["part_id"], pc.equal(kinds, "span"), *(events[n].combine_chunks() for n in _SPAN_IDS))
    columns["part_kind"] = kinds
    for name in {name for _, facts in told for name in facts if name in _TYPES}:
        values = [facts.get(name) for _, facts in told]
        if name in _JSON_FIELDS:
            values = [None if value is None else to_json(value).decode() for value in values]
        columns[name] = pa.array(values, _TYPES[name])
    for name in ("input_messages", "output_messages"):
        if name in columns:
            columns[name] = in_own_form(columns[name])
    columns |= {name: pa.nulls(len(told), kind) for name, kind in _TYPES.items() if name not in columns}
    columns["cost_usd"] = price_calls(columns).cost_usd
    return pa.Table.from_arrays([columns[name] for name in PART_SCHEMA.names], schema=PART_SCHEMA)


def _ids(log_id: pa.Array, is_lone: pa.Array, trace_id: pa.Array, span_id: pa.Array) -> dict[str, pa.Array]:
    """Trace, span and call ids. Those of a call that only one log record tells of are made of the id of the record.

    Its call id is that of the record, and its trace id begins with its span id: so it can be told from a span.
    """
    if pc.any(is_lone).as_py():
        first, last = pc.utf8_slice_codeunits(log_id, 0, 16), pc.utf8_slice_codeunits(log_id, 16)
        trace_id = pc.if_else(is_lone, pc.binary_join_element_wise(last, first, ""), trace_id)
        span_id = pc.if_else(is_lone, last, span_id)
    call_id = pc.binary_join_element_wise(pc.utf8_slice_codeunits(trace_id, 16), span_id, "")
    return {"trace_id": trace_id, "span_id": span_id, "call_id": call_id}


def _told(
    name: str, scope: str | None, trace_id: str | None, span_id: str | None, body: str | None, attributes: str | None
) -> tuple[str, Facts]:
    """What kind of part one record is and what it tells; no facts for one that is none."""
    given = mapping(json_or_text(attributes))
    has_span = bool(trace_id and span_id)
    if name == DETAILS_EVENT:
        return "event" if has_span else "span", _details(scope or "", body, given)
    if not has_span:
        return "message", {}
    if name == EXCEPTION_EVENT:
        return "event", _exception(given)
    return "message", _messages(name, body, given)


def _details(scope: str, body: str | None, attributes: Mapping[str, Any]) -> Facts:
    """What a details record tells, unless it is about something else than a model call, such as an agent."""
    said = {key: value for key, value in mapping(json_or_text(body)).items() if key.startswith("gen_ai.")}
    sent = _without_invented(scope, {**said, **attributes})
    operation = operation_of(sent)
    if operation is not None and operation not in CALL_OPERATIONS:
        return {}
    facts = facts_of_details(sent)
    if not facts:
        return {}
    if _guesses_counts(scope):
        facts = {name: value for name, value in facts.items() if name not in COUNTS}
    reasons = facts.get("finish_reasons") or reasons_of(items(facts.get("output_messages")))
    return facts | {"operation": operation or "chat", "finish_reasons": [*map(fold_reason, reasons)] or None}


def _exception(attributes: Mapping[str, Any]) -> Facts:
    named = attributes.get("error.type") or attributes.get("exception.type") or "error"
    message = attributes.get("exception.message")
    return {"error_type": str(named), "error_message": message if isinstance(message, str) and message else None}


def _messages(name: str, body: str | None, attributes: Mapping[str, Any]) -> Facts:
    found = messages_of_event(name, body, attributes)
    if found is None:
        return {}
    reasons = [fold_reason(reason) for reason in reasons_of(found.messages)]
    return {found.side: found.messages, "finish_reasons": reasons or None}


@functools.lru_cache(maxsize=1_024)
def _guesses_counts(scope: str) -> bool:
    """Whether the library counts tokens itself where it is told none. Only its spans tell which counts those are."""
    return any(d.estimates is not None and d.scope is not None and scope.startswith(d.scope) for d in DIALECTS)


@functools.lru_cache(maxsize=1_024)
def _invented(scope: str) -> Mapping[str, tuple[Any, ...]]:
    """The values that the library of `scope` writes though nobody sent them, by attribute key."""
    speaking = [d for d in DIALECTS if d.invented and d.scope is not None and scope.startswith(d.scope)]
    return {key: values for dialect in speaking for key, values in dialect.invented.items()}


def _without_invented(scope: str, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    invented = _invented(scope)
    return {key: value for key, value in attributes.items() if value not in invented.get(key, ())}
