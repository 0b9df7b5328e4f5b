"""Logfire's own instrumentation of the OpenAI and Anthropic clients: whole requests and answers as JSON attributes.

A streamed call comes as two spans: one that ends when the stream opens, and later a record (`logfire.span_type` =
`log`, no duration) with the answer. Source: logfire `_internal/integrations/llm_providers`.
"""

from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.event_lists import conversation
from collector.dialects.openai_shapes import items, json_or_text, mapping
from collector.dialects.payloads import known, request_facts, response_facts

_PROVIDERS = ("openai", "anthropic")
_RECORD = "streaming response from {request_data[model]!r} took {duration:.2f}s"


def describe(span: SpanView) -> Facts:
    """What one request to a client, or the later record of its stream, tells beyond plain columns."""
    attributes = span.attributes
    request = request_facts(json_or_text(attributes.get("request_data")))
    response = response_facts(json_or_text(attributes.get("response_data")))
    is_record = attributes.get("logfire.msg_template") == _RECORD
    provider = span.scope.rpartition(".")[2]
    asked, answers = conversation(attributes, ("events",))
    answers = [_without_envelope(answer) for answer in response.get("output_messages", answers)]
    return known(
        {
            **request,
            **response,
            "input_messages": request.get("input_messages", asked),
            "output_messages": answers,
            # Anthropic's count leaves out what the cache held, and stands on the span as it came.
            "input_tokens": response.get("input_tokens", attributes.get("gen_ai.usage.input_tokens")),
            "provider": provider if provider in _PROVIDERS else None,
            "stream": True if is_record else request.get("stream", False if request else None),
        }
    )


def _without_envelope(answer: Mapping[str, Any]) -> dict[str, Any]:
    """`answer` with the arguments of Anthropic's tool calls: they are recorded as {"input": arguments}."""
    parts = [dict(part) for part in items(answer.get("parts"))]
    for part in parts:
        arguments = mapping(part.get("arguments"))
        if part.get("type") == "tool_call" and list(arguments) == ["input"] and isinstance(arguments["input"], dict):
            part["arguments"] = arguments["input"]
    return {**answer, "parts": parts}


LOGFIRE = Dialect(
    name="logfire",
    operation_key="logfire.msg_template",
    operations={
        "Chat Completion with {request_data[model]!r}": "chat",
        "Chat completion with {gen_ai.request.model!r}": "chat",
        "Responses API": "chat",
        "Responses API with {request_data[model]!r}": "chat",
        "Responses API with {gen_ai.request.model!r}": "chat",
        "Message with {request_data[model]!r}": "chat",
        "Completion with {request_data[model]!r}": "text_completion",
        "Embedding Creation with {request_data[model]!r}": "embeddings",
        _RECORD: "chat",
    },
    columns={"tags": ("logfire.tags",)},
    announcements={"logfire.span_type": "pending_span"},
    corrects=frozenset(("input_tokens",)),
    is_content=("request_data", "response_data", "events").__contains__,
    scope="logfire.",
    marker="request_data",
    describe=describe,
)
