"""Pydantic AI: OTel GenAI with details of its own, and the messages of its older versions in `events` attributes.

Source: pydantic-ai `models/instrumented.py` of 0.2 to 2.68; exports of pydantic-ai 2.68.0.
"""

from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.event_lists import conversation, split
from collector.dialects.finish import reasons_of
from collector.dialects.message_parts import as_text
from collector.dialects.openai_shapes import content_parts, items, json_or_text, mapping, message
from collector.dialects.payloads import known

_EVENTS = ("events", "all_messages_events")
_ALL_MESSAGES = "pydantic_ai.all_messages"
_TOOL_KINDS = ("function_tools", "output_tools", "result_tools")
_CONTENT_KEYS = frozenset((*_EVENTS, _ALL_MESSAGES, "model_request_parameters"))


def describe(span: SpanView) -> Facts:
    """Messages and tools of a model call, or of the agent's span above it."""
    attributes = span.attributes
    asked, answers = conversation(attributes, _EVENTS)
    if not asked and not answers:
        asked, answers = split(_listed(attributes.get(_ALL_MESSAGES)))
    if not answers and (final := attributes.get("final_result")) not in (None, ""):
        answers = [{"role": "assistant", "parts": content_parts(as_text(final))}]
    is_agent = "agent_name" in attributes
    return known(
        {
            "input_messages": asked,
            "output_messages": answers,
            "finish_reasons": reasons_of(answers),
            "tool_definitions": _tools(mapping(json_or_text(attributes.get("model_request_parameters")))),
            "request_model": attributes.get("model_name") if is_agent else None,
        }
    )


def _listed(value: Any) -> list[dict[str, Any]]:
    return [message(item) | _reason(item) for item in items(json_or_text(value)) if isinstance(item, dict)]


def _reason(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"finish_reason": item["finish_reason"]} if item.get("finish_reason") else {}


def _tools(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    tools = [mapping(tool) for kind in _TOOL_KINDS for tool in items(parameters.get(kind))]
    return [
        {
            "type": "function",
            "name": tool.get("name"),
            "description": tool.get("description"),
            "parameters": tool.get("parameters_json_schema"),
        }
        for tool in tools
        if tool.get("name")
    ]


PYDANTIC_AI = Dialect(
    name="pydantic_ai",
    scope="pydantic-ai",
    operation="invoke_agent",
    marker="agent_name",
    details=frozenset((*_EVENTS, _ALL_MESSAGES, "model_request_parameters")),
    columns={
        "input_tokens": ("gen_ai.aggregated_usage.input_tokens",),
        "output_tokens": ("gen_ai.aggregated_usage.output_tokens",),
        "cache_read_tokens": (
            "gen_ai.usage.details.cache_read_tokens",
            "gen_ai.usage.details.cache_read_input_tokens",
            "gen_ai.usage.details.cached_tokens",
            "gen_ai.aggregated_usage.cache_read.input_tokens",
        ),
        "cache_write_tokens": (
            "gen_ai.usage.details.cache_write_tokens",
            "gen_ai.usage.details.cache_creation_input_tokens",
            "gen_ai.aggregated_usage.cache_write.input_tokens",
            "gen_ai.aggregated_usage.cache_creation.input_tokens",
        ),
        "reasoning_tokens": (
            "gen_ai.usage.details.reasoning_tokens",
            "gen_ai.usage.details.thoughts_tokens",
            "gen_ai.aggregated_usage.details.reasoning_tokens",
        ),
        "cost_usd": ("operation.cost",),
    },
    is_content=_CONTENT_KEYS.__contains__,
    describe=describe,
)
