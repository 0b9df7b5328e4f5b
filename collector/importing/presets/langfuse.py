"""Langfuse: observations as its pages, its API and its export to blob storage write them."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from collector.dialects.openai_shapes import mapping
from collector.importing.presets.contents import Json, messages_in
from collector.importing.presets.usage import tokens_of_langfuse
from collector.importing.values import structure, typed

_OPERATIONS = {"GENERATION": "chat", "EMBEDDING": "embeddings"}
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_NO_VALUES = (None, "", "Infinity", "null")
_KEPT = ("name", "trace_name", "version", "release", "prompt_name", "prompt_version", "level", "parent_observation_id")


def call_of_langfuse(row: Mapping[str, Any]) -> Json | None:
    """Columns in camelCase or snake_case. Spans, events, agents, tools and the like are passed over."""
    row = {_CAMEL.sub(r"_\1", key).lower().replace(" ", "_"): value for key, value in row.items()}
    kind = str(row.get("type") or "GENERATION").upper()
    if kind not in _OPERATIONS:
        return None
    content = structure(row.get("input"))
    return (
        _ids(row)
        | {
            "start_time": row.get("start_time"),
            "end_time": row.get("end_time"),
            "first_token_time": row.get("completion_start_time"),
            "environment": row.get("environment"),
            "operation": _OPERATIONS[kind],
            "response_model": row.get("model") or row.get("provided_model_name"),
            "cost_usd": _cost_usd(row),
            "parameters": _parameters(row),
            "session_id": row.get("session_id"),
            "user_id": row.get("user_id"),
            "tags": row.get("tags") or row.get("trace_tags"),
            "metadata": _metadata(row),
            "input_messages": messages_in(content, role="user"),
            "output_messages": None if kind == "EMBEDDING" else messages_in(row.get("output"), role="assistant"),
            "tool_definitions": mapping(content).get("tools") or structure(row.get("tool_definitions")) or None,
        }
        | _tokens(row)
        | _failure(row)
    )


def _ids(row: Mapping[str, Any]) -> Json:
    """Those of OpenTelemetry as they are, so that a call which also came over OTLP is the same call; others hashed.

    The calls of one trace stay in one trace.
    """
    observation, trace = str(row.get("id") or ""), str(row.get("trace_id") or "")
    return {
        "trace_id": _hex(trace, 32) if trace else None,
        "span_id": _hex(observation, 16) if observation else None,
    }


def _hex(name: str, n_digits: int) -> str:
    plain = name.replace("-", "").lower()
    if len(plain) == n_digits and set(plain) <= set("0123456789abcdef") and plain.strip("0"):
        return plain
    return hashlib.sha256(name.encode()).hexdigest()[:n_digits]


def _tokens(row: Mapping[str, Any]) -> Json:
    details = structure(row.get("usage_details"))
    if isinstance(details, Mapping) and details:
        return tokens_of_langfuse(details)
    usage = structure(row.get("usage"))
    if isinstance(usage, Mapping) and usage:
        return tokens_of_langfuse(usage)
    return {
        "input_tokens": row.get("input_tokens", row.get("prompt_tokens")),
        "output_tokens": row.get("output_tokens", row.get("completion_tokens")),
    }


def _cost_usd(row: Mapping[str, Any]) -> Any:
    """The total; 0 says that Langfuse knows no price."""
    details = mapping(structure(row.get("cost_details")))
    parts = [typed("cost_usd", value) for key, value in details.items() if key != "total"]
    known = sum(part for part in parts if isinstance(part, float))
    totals = (details.get("total"), known, row.get("total_cost"), row.get("calculated_total_cost"))
    return next((cost for total in totals if (cost := typed("cost_usd", total))), None)


def _parameters(row: Mapping[str, Any]) -> Json | None:
    given = mapping(structure(row.get("model_parameters")))
    return {key: value for key, value in given.items() if value not in _NO_VALUES} or None


def _failure(row: Mapping[str, Any]) -> Json:
    if str(row.get("level") or "").upper() != "ERROR":
        return {}
    return {"error_type": "error", "error_message": row.get("status_message")}


def _metadata(row: Mapping[str, Any]) -> Json | None:
    own = structure(row.get("metadata"))
    kept = {key: row[key] for key in _KEPT if row.get(key) not in _NO_VALUES and row[key] != "DEFAULT"}
    return {**kept, **(own if isinstance(own, Mapping) else {"metadata": own} if own else {})} or None
