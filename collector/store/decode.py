"""Stored rows -> the values people read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from collector.call import Call
from collector.dialects.openai_shapes import message
from collector.jsontext import parse
from collector.logrecord import LogRecord
from collector.metricpoint import MetricPoint
from collector.score import Score
from collector.span import Span, SpanEvent, SpanLink
from collector.verdict import Cluster, Effect, Pair, Verdict, WindowTest

Row = dict[str, Any]

_CALL_FIELDS = tuple(f.name for f in fields(Call))
_LOG_FIELDS = tuple(f.name for f in fields(LogRecord))
_POINT_FIELDS = tuple(f.name for f in fields(MetricPoint))
_SCORE_FIELDS = tuple(f.name for f in fields(Score))


def calls_of(rows: Sequence[Row]) -> list[Call]:
    return [_call(row) for row in rows]


def _call(row: Row) -> Call:
    values = {name: row[name] for name in _CALL_FIELDS}
    for name in ("parameters", "metadata"):
        values[name] = _object(row[name])
    for name in ("system_instructions", "tool_definitions"):
        values[name] = _objects(row[name], _text_part)
    values["contexts"] = contexts_of(row["contexts"])
    values["input_messages"] = _messages(row["input_messages"], "user")
    values["output_messages"] = _messages(row["output_messages"], "assistant")
    return Call(**values)


def contexts_of(raw: str | None) -> list[dict[str, Any]] | None:
    """A stored JSON list of retrieved documents; a bare text becomes one with that content."""
    return _objects(raw, lambda text: {"content": text})


def _objects(raw: str | None, wrap: Any) -> list[dict[str, Any]] | None:
    """A JSON list of objects. A text that was cut in the middle is shown as far as it goes, in one object."""
    if raw is None:
        return None
    try:
        found = parse(raw)
    except ValueError:
        cut: dict[str, Any] = wrap(raw)
        _mark_truncated(cut)
        return [cut]
    items = found if isinstance(found, list) else [found]
    return [item if isinstance(item, dict) else wrap(item if isinstance(item, str) else str(item)) for item in items]


def _object(raw: str | None) -> dict[str, Any] | None:
    if raw is None:
        return None
    try:
        found = parse(raw)
    except ValueError:
        return {"content": raw, "truncated": True}
    return found if isinstance(found, dict) else {"content": found}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _messages(raw: str | None, role: str) -> list[dict[str, Any]] | None:
    found = _objects(raw, lambda text: {"role": role, "parts": [_text_part(text)]})
    return None if found is None else [_well_formed(item, role) for item in found]


def _well_formed(item: dict[str, Any], default_role: str) -> dict[str, Any]:
    """A message with a role and parts, as everyone who reads one relies on; senders wrote what they would."""
    role, parts = str(item.get("role") or default_role), item.get("parts")
    if not parts and (item.get("content") or item.get("tool_calls")):
        reason = item.get("finish_reason")  # OpenAI's form where the conventions want parts
        return message({**item, "role": role}) | ({"finish_reason": reason} if reason else {})
    listed = parts if isinstance(parts, list) else [parts] if parts else []
    return {**item, "role": role, "parts": [p if isinstance(p, dict) else _text_part(str(p)) for p in listed if p]}


def _mark_truncated(item: dict[str, Any]) -> None:
    for part in item.get("parts", [item]):
        part["truncated"] = True


def span_of(row: Row) -> Span:
    return Span(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_span_id=row["parent_span_id"],
        name=row["name"] or "",
        kind=row["kind"] or "internal",
        operation=row["operation"],
        start_ns=row["start_ns"],
        end_ns=row["end_ns"],
        status=row["status"] or "unset",
        status_message=row["status_message"],
        project=row["project"],
        service=row["service"],
        environment=row["environment"],
        scope=row["scope"],
        attributes=_object(row["attributes"]) or {},
        resource=_object(row["resource"]) or {},
        events=tuple(
            SpanEvent(name=e.get("name") or "", time_ns=e.get("time_ns") or 0, attributes=e.get("attributes") or {})
            for e in _objects(row["events"], _text_part) or ()
        ),
        links=tuple(
            SpanLink(
                trace_id=link.get("trace_id") or "",
                span_id=link.get("span_id") or "",
                attributes=link.get("attributes") or {},
            )
            for link in _objects(row["links"], _text_part) or ()
        ),
    )


def log_of(row: Row) -> LogRecord:
    return LogRecord(**{name: row[name] for name in _LOG_FIELDS} | _sent_objects(row))


def point_of(row: Row) -> MetricPoint:
    values = {name: row[name] for name in _POINT_FIELDS} | _sent_objects(row)
    return MetricPoint(**values | {"distribution": _object(row["distribution"])})


def _sent_objects(row: Row) -> dict[str, dict[str, Any]]:
    return {name: _object(row[name]) or {} for name in ("attributes", "resource")}


def scores_of(rows: Sequence[Row]) -> list[Score]:
    return [
        Score(**{name: row[name] for name in _SCORE_FIELDS} | {"marks": tuple(json.loads(row["marks"]))})
        for row in rows
    ]


def verdicts_of(rows: Sequence[Row]) -> list[Verdict]:
    return [verdict_of(json.loads(row["body"])) for row in rows]


def verdict_of(body: Mapping[str, Any]) -> Verdict:
    """The verdict whose `asdict` became `body`; also one from before it had all these fields."""
    parts: dict[str, Any] = {
        "effects": tuple(Effect(**effect) for effect in body["effects"]),
        "pairs": tuple(Pair(**pair) for pair in body["pairs"]),
        "tests": {name: WindowTest(**test) for name, test in body.get("tests", {}).items()},
        "clusters": tuple(
            Cluster(**cluster | {"words": tuple(cluster["words"])}) for cluster in body.get("clusters", ())
        ),
        "contributors": tuple(body.get("contributors", ())),
        "notes": tuple(body.get("notes", ())),
    }
    return Verdict(**{**body, **parts})
