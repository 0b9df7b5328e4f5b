"""What people, users and evaluators elsewhere said of calls, sent as telemetry: events, attributes, spans with a link.

Known spellings: the event `gen_ai.evaluation.result` (OTel GenAI) in a log or on a span, its forerunners
`gen_ai.evaluation.user_feedback` and `gen_ai.evaluation.<method>` with one `score`, OpenInference's annotations and
evaluations of a span, its trace or its session, also on a later EVALUATOR span that links to what it speaks of, and
Logfire's feedback. Values keep their number, whatever the evaluator's scale is: none of these tells it.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.batch import OPINION_SCHEMA
from collector.dialects.openai_shapes import json_or_text, mapping
from collector.otlp.table import SpanTable

Row = dict[str, Any]

_EVENT = r"^gen_ai\.(?:[a-z0-9_.]+\.)?evaluation(?:\.|$)"
_METHOD = re.compile(_EVENT)
_INLINE = re.compile(
    r"(?:(?P<scope>trace|session)\.)?(?P<form>annotations|evaluations)\.(?P<index>\d{1,9})\.(?:annotation|evaluation)\."
    r"(?P<field>name|score|label|explanation|annotator_kind|identifier)"
)
_FEEDBACK = "feedback.name"  # Logfire
_SOURCES = {
    "human": "human", "expert": "human", "annotator": "human",
    "user": "user", "end_user": "user", "user_feedback": "user",
    "llm": "judge", "llm_judge": "judge", "llm_as_judge": "judge", "judge": "judge", "ai": "judge",
}  # fmt: skip
"""Who judges, in the words of the conventions; anybody else is a program."""
_CALL_KINDS = ("LLM", "EMBEDDING", "RERANKER")
_EVALUATOR_TYPE = ("gen_ai.evaluation.evaluator.type", "annotator_kind", "gen_ai.evaluation.annotator_kind")
_AUTHOR = (
    "gen_ai.evaluation.evaluator.id", "gen_ai.evaluation.evaluator.name", "gen_ai.evaluation.evaluator", "identifier",
)  # fmt: skip


def opinions_of_logs(logs: pa.Table) -> pa.Table:
    """Opinions (OPINION_SCHEMA) among log records (LOG_SCHEMA)."""
    is_opinion = pc.fill_null(pc.match_substring_regex(logs["event_name"], _EVENT), False)
    return _table(filter(None, map(_of_log, logs.filter(is_opinion).to_pylist())))


def opinions_of_spans(table: SpanTable) -> pa.Table:
    """Opinions (OPINION_SCHEMA) that spans carry or are; nothing is read where no span has any."""
    keys = [key for key in table.attributes.keys if key and (key == _FEEDBACK or _INLINE.fullmatch(key))]
    rows = np.zeros(len(table), dtype=bool)
    for key in keys:
        rows |= table.attributes.has(key)
    events = table.events.flatten()
    if len(events):
        told = pc.fill_null(pc.match_substring_regex(pc.struct_field(events, "name"), _EVENT), False)
        rows[pc.list_parent_indices(table.events).filter(told).to_numpy()] = True
    if not rows.any():
        return OPINION_SCHEMA.empty_table()
    return _table(opinion for row in np.flatnonzero(rows) for opinion in _of_span(table, int(row)))


def _of_log(record: Mapping[str, Any]) -> Row | None:
    fields = {**mapping(json_or_text(record["body"])), **mapping(json_or_text(record["attributes"]))}
    said = _said_by_event(str(record["event_name"]), fields)
    if said is None:
        return None
    where = {
        "target_kind": "call",
        "trace_id": record["trace_id"],
        "span_id": record["span_id"],
        "response_id": _text(fields.get("gen_ai.response.id")),
        "session_id": _text(fields.get("session.id", fields.get("gen_ai.conversation.id"))),
        "project": record["project"],
        "time_ns": record["time_ns"],
    }
    return _placed(said | where, record["log_id"])


def _of_span(table: SpanTable, row: int) -> Iterator[Row]:
    attributes = table.attributes.of_row(row)
    own = {"trace_id": table.trace_id[row].as_py(), "span_id": table.span_id[row].as_py()}
    session_id = _text(attributes.get("session.id", attributes.get("gen_ai.conversation.id")))
    parent_id = table.parent_span_id[row].as_py()
    about = {
        **own,
        "target_kind": "call",
        "response_id": _text(attributes.get("gen_ai.response.id")),
        "session_id": session_id,
        "project": table.project[row].as_py(),
        "time_ns": table.end_ns[row].as_py(),
    }
    kind = attributes.get("openinference.span.kind")
    if kind == "EVALUATOR" and (link := _only_link(table, row)) is not None:
        about |= link
    elif kind is not None and kind not in _CALL_KINDS and parent_id is None:
        about["target_kind"] = "trace"  # said of the root of a trace, which is no call itself
    record_id = "/".join(own.values())
    for event in table.events_of(row):
        said = _said_by_event(str(event["name"]), event["attributes"]) if _METHOD.match(str(event["name"])) else None
        if said is not None and (opinion := _placed(about | said | {"time_ns": event["time_ns"]}, record_id)):
            yield opinion
    for scope, said in _said_inline(attributes):
        if opinion := _placed(about | said | {"target_kind": scope or about["target_kind"]}, record_id):
            yield opinion
    if _FEEDBACK in attributes and parent_id is not None:
        feedback = about | _said_by_logfire(attributes) | {"span_id": parent_id}
        if opinion := _placed(feedback, record_id):
            yield opinion


def _said_by_event(event_name: str, fields: Mapping[str, Any]) -> Row | None:
    """What one evaluation event says; None for an evaluation that failed."""
    if fields.get("error.type"):
        return None
    method = event_name[match.end() :] if (match := _METHOD.match(event_name)) else ""
    is_named = method in ("", "result")
    kind = next((fields[key] for key in _EVALUATOR_TYPE if fields.get(key)), None)
    value = fields.get("gen_ai.evaluation.score.value", fields.get("gen_ai.evaluation.score", fields.get("score")))
    return {
        "name": _text(fields.get("gen_ai.evaluation.name")) or (None if is_named else method),
        "value": _number(value),
        "label": _text(fields.get("gen_ai.evaluation.score.label", fields.get("gen_ai.evaluation.label"))),
        "explanation": _text(fields.get("gen_ai.evaluation.explanation", fields.get("comment"))),
        "source": _source(method if kind is None else kind),
        "author": next((_text(fields[key]) for key in _AUTHOR if fields.get(key)), None),
    }


def _said_inline(attributes: Mapping[str, Any]) -> Iterator[tuple[str | None, Row]]:
    """OpenInference's annotations of a span, each with the scope it speaks of where that is not the span."""
    found: dict[tuple[str | None, str, int], Row] = {}
    for key, value in attributes.items():
        if match := _INLINE.fullmatch(key):
            place = (match["scope"], match["form"], int(match["index"]))
            found.setdefault(place, {})[match["field"]] = value
    for (scope, _, _), fields in sorted(found.items(), key=lambda item: (item[0][0] or "", *item[0][1:])):
        said = {name: _text(fields.get(name)) for name in ("name", "label", "explanation")}
        author = _text(fields.get("identifier"))
        source = _source(fields.get("annotator_kind"))
        yield scope, said | {"value": _number(fields.get("score")), "source": source, "author": author}


def _said_by_logfire(attributes: Mapping[str, Any]) -> Row:
    """Numbers are scores, texts are labels, and truth values are assertions."""
    value = attributes.get("feedback.score", attributes.get("feedback.assertion"))
    return {
        "name": _text(attributes.get(_FEEDBACK)),
        "value": _number(value),
        "label": _text(attributes.get("feedback.label")),
        "explanation": _text(attributes.get("feedback.comment")),
        "source": "user",
        "author": None,
    }


def _only_link(table: SpanTable, row: int) -> Row | None:
    """The span that a span links to, if it is one alone."""
    links = table.links[row].as_py() or []
    if len(links) != 1:
        return None
    trace_id, span_id = (links[0].get(name) for name in ("trace_id", "span_id"))
    if not (isinstance(trace_id, bytes) and isinstance(span_id, bytes) and len(trace_id) == 16 and len(span_id) == 8):
        return None
    return {"trace_id": trace_id.hex(), "span_id": span_id.hex()}


def _placed(opinion: Row, record_id: str) -> Row | None:
    """`opinion` with its id, if it says something, of something."""
    has_target = {
        "call": opinion["span_id"] or opinion["response_id"],
        "trace": opinion["trace_id"],
        "session": opinion["session_id"],
    }[opinion["target_kind"]]
    says_something = any(opinion[name] is not None for name in ("value", "label", "explanation"))
    if not (opinion["name"] and has_target and says_something):
        return None
    told = (
        opinion["target_kind"],
        *(opinion[name] for name in ("name", "value", "label", "explanation", "source", "author")),
    )
    key = "\x1f".join(map(str, (opinion["project"], record_id, *told)))
    return opinion | {"opinion_id": hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]}


def _table(opinions: Iterable[Row]) -> pa.Table:
    """Each opinion once: both of OpenInference's forms may carry the same."""
    rows = {opinion["opinion_id"]: opinion for opinion in opinions}
    return pa.Table.from_pylist([*rows.values()], schema=OPINION_SCHEMA)


def _source(kind: Any) -> str:
    return _SOURCES.get(str(kind).lower(), "model")


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    is_number = isinstance(value, int | float) and abs(value) < 2**1023
    return float(value) if is_number and math.isfinite(value) else None


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
