"""OpenLLMetry (Traceloop) until spring 2026: messages spelled out as `gen_ai.prompt.<i>.*`, `gen_ai.completion.<i>.*`.

Others write this form too, LiteLLM's older versions among them. Source: opentelemetry-semantic-conventions-ai 0.4.2 to
0.4.13 and instrumentations 0.33.12 to 0.52.6 for openai, anthropic, langchain, bedrock, cohere, llamaindex, vertexai.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.flattened import get, listed, nest
from collector.dialects.openai_shapes import json_or_text, mapping, message
from collector.dialects.payloads import known

_PROMPT, _COMPLETION, _FUNCTIONS = "gen_ai.prompt.", "gen_ai.completion.", "llm.request.functions."
_IS_CONTENT = re.compile(r"(gen_ai\.(prompt|completion)|llm\.request\.functions)\.\d").match
_THINKING = "thinking"
_QUOTING = (".bedrock",)
"""Instrumentations that write every content as JSON, texts too. That for LangChain writes only "nothing" so."""
_ONE_ANSWER = (".anthropic",)
_PART_TYPES = frozenset(
    (
        "text", "image", "image_url", "input_text", "input_image", "input_audio", "input_file", "output_text", "file",
        "document", "tool_use", "tool_result", "server_tool_use", "thinking", "redacted_thinking", "reasoning",
        "refusal", "tool_call", "tool_call_response", "blob", "uri", "audio", "video",
    )
)  # fmt: skip
_BEDROCK_PARTS = frozenset(("text", "image", "document", "toolUse", "toolResult", "reasoningContent", "cachePoint"))
_FILTERED = "FILTERED"
"""What stands in place of an answer that the provider withheld."""


def describe(span: SpanView) -> Facts:
    """Messages, tools and reasons to end of one model call."""
    tree = nest(span.attributes, (_PROMPT, _COMPLETION, _FUNCTIONS))
    is_quoted = span.scope.endswith(_QUOTING)
    answers = _whole_answers(_items(tree, "completion"), is_quoted, is_one=span.scope.endswith(_ONE_ANSWER))
    return known(
        {
            # Anthropic's instrumentation calls everything a completion.
            "operation": "chat" if span.name.endswith(".chat") else None,
            "input_messages": [_asked(item, is_quoted) for item in _items(tree, "prompt")],
            "output_messages": answers,
            "tool_definitions": [_tool(item) for item in listed(tree, "llm", "request", "functions")],
            "finish_reasons": [answer["finish_reason"] for answer in answers if "finish_reason" in answer],
        }
    )


def _items(tree: Mapping[str, Any], side: str) -> Sequence[Mapping[str, Any]]:
    """The messages of one side; LlamaIndex gives its one answer no number."""
    branch = mapping(get(tree, "gen_ai", side))
    return listed(branch) or ([branch] if "content" in branch and "role" in branch else [])


def _asked(item: Mapping[str, Any], is_quoted: bool) -> dict[str, Any]:
    """One message on the way to the model; a prompt without roles is named after who wrote it."""
    if "content" not in item and "user" in item:
        item = {"role": "user", "content": item["user"]}
    return _message(item, "user", is_quoted)


def _whole_answers(items: Sequence[Mapping[str, Any]], is_quoted: bool, *, is_one: bool) -> list[dict[str, Any]]:
    """The answers; blocks of one that are listed as answers (thoughts, and what has no role of its own) in one."""
    whole: list[dict[str, Any]] = []
    is_open = False  # whether what comes next belongs to the last answer
    for item in items:
        answer = _answer(item, is_quoted)
        if whole and (is_one or is_open or ("role" not in item and "role" in items[0])):
            whole[-1] = {**answer, **whole[-1], "parts": [*whole[-1]["parts"], *answer["parts"]]}
        else:
            whole.append(answer)
        is_open = item.get("role") == _THINKING
    return whole


def _answer(item: Mapping[str, Any], is_quoted: bool) -> dict[str, Any]:
    reason = item.get("finish_reason")
    if reason == "content_filter" and item.get("content") == _FILTERED:
        item = {key: value for key, value in item.items() if key != "content"}
    if item.get("role") == _THINKING:
        item = {**item, "role": "assistant", "content": None, "reasoning": item.get("content")}
    answer = _message(item, "assistant", is_quoted)
    if isinstance(refusal := item.get("refusal"), str) and refusal:
        answer["parts"].append({"type": "refusal", "content": refusal})
    return answer | {"finish_reason": reason} if isinstance(reason, str) and reason else answer


def _message(item: Mapping[str, Any], role: str, is_quoted: bool) -> dict[str, Any]:
    calls = [dict(call) for call in listed(item, "tool_calls")] if "tool_calls" in item else []
    content = _content(item.get("content"), is_quoted)
    return message({**item, "role": item.get("role") or role, "content": content, "tool_calls": calls})


def _content(content: Any, is_quoted: bool) -> Any:
    """Content parts that were written as JSON, and where texts are written so too these, as what they are."""
    if not isinstance(content, str) or not content.startswith(('[{"', '"')):
        return content
    value = json_or_text(content)
    if isinstance(value, str):
        return value if is_quoted or not value else content
    return value if isinstance(value, list) and all(map(_is_part, value)) else content


def _is_part(item: Any) -> bool:
    """Whether this is a part of a message and not JSON that somebody said."""
    told = mapping(item)
    return told.get("type") in _PART_TYPES or ("type" not in told and not told.keys().isdisjoint(_BEDROCK_PARTS))


def _tool(item: Mapping[str, Any]) -> dict[str, Any]:
    schema = item.get("parameters", item.get("input_schema"))
    tool = {"type": "function", "name": item.get("name"), "description": item.get("description")}
    return {key: value for key, value in (tool | {"parameters": json_or_text(schema)}).items() if value is not None}


TRACELOOP_LEGACY = Dialect(
    name="traceloop, before gen_ai.input.messages",
    operation_key="llm.request.type",
    operations={
        "chat": "chat",
        "completion": "text_completion",
        "embedding": "embeddings",
        "rerank": "rerank",
    },
    columns={
        "stream": ("llm.is_streaming",),
        "cache_read_tokens": ("gen_ai.usage.cache_read_input_tokens",),
        "cache_write_tokens": ("gen_ai.usage.cache_creation_input_tokens",),
        "reasoning_tokens": ("llm.usage.reasoning_tokens",),
        "system_fingerprint": ("gen_ai.openai.system_fingerprint",),
        "finish_reasons": ("llm.response.finish_reason", "llm.response.stop_reason"),
        "user_id": ("llm.user",),
    },
    parameters={
        "frequency_penalty": "llm.frequency_penalty",
        "presence_penalty": "llm.presence_penalty",
        "top_k": "llm.top_k",
        "stop_sequences": "llm.chat.stop_sequences",
        "repetition_penalty": "llm.request.repetition_penalty",
        "reasoning_effort": "llm.request.reasoning_effort",
    },
    is_content=lambda key: _IS_CONTENT(key) is not None,
    marker=_PROMPT,
    details=frozenset((_COMPLETION, _FUNCTIONS)),
    first_chunk_events=("llm.content.completion.chunk",),
    describe=describe,
)
