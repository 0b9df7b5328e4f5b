"""Log records about model calls -> the parts of calls that they are.

Two generations: one record with all attributes of a span (`…operation.details`, in one or several records for one span)
and one record a message (`gen_ai.user.message`, `gen_ai.choice`, up to 1.36, still the default of many libraries).
"""

import hashlib
from collections.abc import Mapping
from string import hexdigits
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

from collector.batch import PART_SCHEMA, call_id_of
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
_READ = (
    "log_id", "time_ns", "trace_id", "span_id", "project", "service", "environment", "scope", "event_name", "body",
    "attributes",
)  # fmt: skip


def event_parts(logs: pa.Table) -> pa.Table:
    """The parts of calls among `logs` (LOG_SCHEMA), as PART_SCHEMA. A log that tells of none costs next to nothing.

    A record with a trace and span id is a part of that span's call: kind `event`, or `message` for one of its messages.
    A details record without them is a call by itself, of kind `span`.
    """
    told = logs.select(_READ).filter(pc.is_in(logs["event_name"], value_set=_EVENTS))
    rows = [part for record in told.to_pylist() if (part := _part(record)) is not None]
    if not rows:
        return PART_SCHEMA.empty_table()
    columns = {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in PART_SCHEMA}
    columns |= {name: in_own_form(columns[name]) for name in ("input_messages", "output_messages")}
    columns["cost_usd"] = price_calls(columns).cost_usd
    return pa.Table.from_arrays(list(columns.values()), schema=PART_SCHEMA)


def _part(record: Mapping[str, Any]) -> dict[str, Any] | None:
    attributes = mapping(json_or_text(record["attributes"]))
    name = record["event_name"]
    has_span = bool(record["trace_id"] and record["span_id"])
    if name == DETAILS_EVENT:
        kind, facts = "event" if has_span else "span", _details(record, attributes)
    elif has_span and name == EXCEPTION_EVENT:
        kind, facts = "event", _exception(attributes)
    elif has_span and name in MESSAGE_EVENTS:
        kind, facts = "message", _messages(name, record["body"], attributes)
    else:
        return None
    return _row(record, kind, facts) if facts else None


def _details(record: Mapping[str, Any], attributes: Mapping[str, Any]) -> Facts:
    """What a details record tells, unless it is about something else than a model call, such as an agent."""
    body = {key: value for key, value in mapping(json_or_text(record["body"])).items() if key.startswith("gen_ai.")}
    sent = _without_invented(record["scope"] or "", {**body, **attributes})
    operation = operation_of(sent)
    if operation is not None and operation not in CALL_OPERATIONS:
        return {}
    facts = facts_of_details(sent)
    if not facts:
        return {}
    if _guesses_counts(record["scope"] or ""):
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


def _row(record: Mapping[str, Any], kind: str, facts: Facts) -> dict[str, Any]:
    log_id = record["log_id"]
    trace_id, span_id = (record["trace_id"], record["span_id"]) if kind != "span" else _ids(log_id)
    values = {name: to_json(value).decode() if name in _JSON_FIELDS else value for name, value in facts.items()}
    return values | {
        "call_id": call_id_of(trace_id, span_id),
        "trace_id": trace_id,
        "span_id": span_id,
        "start_ns": record["time_ns"],
        "end_ns": record["time_ns"],
        "project": record["project"],
        "service": record["service"],
        "environment": record["environment"],
        "scope": record["scope"],
        "part_id": log_id,
        "part_kind": kind,
    }


def _ids(log_id: str) -> tuple[str, str]:
    """Trace and span ids of a call that only one log record tells of; its call id is the id of the record."""
    digits = log_id if len(log_id) == 32 and set(log_id) <= set(hexdigits) else _digest(log_id)
    return digits[16:] + digits[:16], digits[16:]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _guesses_counts(scope: str) -> bool:
    """Whether the library counts tokens itself where it is told none. Only its spans tell which counts those are."""
    return any(d.estimates is not None and d.scope is not None and scope.startswith(d.scope) for d in DIALECTS)


def _without_invented(scope: str, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """`attributes` without the values that the library of `scope` writes though nobody sent them."""
    invented: dict[str, tuple[Any, ...]] = {}
    for dialect in DIALECTS:
        if dialect.invented and dialect.scope is not None and scope.startswith(dialect.scope):
            invented |= dialect.invented
    return {key: value for key, value in attributes.items() if value not in invented.get(key, ())}
