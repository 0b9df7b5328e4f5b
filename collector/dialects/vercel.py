"""Vercel AI SDK 4 to 6, and `LegacyOpenTelemetry` of 7: scope `ai`. (Version 7 by itself writes OTel GenAI.)

One `.doGenerate`, `.doStream` or `.doEmbed` span is one request to a model; the span above it, without `.do...`, holds
the steps of an agent. Source: vercel/ai `packages/ai/src/telemetry`; exports of ai 5.0.277.
"""

from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.message_parts import part_of
from collector.dialects.openai_shapes import content_parts, items, json_or_text, mapping, message
from collector.dialects.payloads import known

_MS_TO_FIRST_CHUNK = ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")
_TEXT_OPERATIONS = ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject")
_CONTENT_KEYS = frozenset(
    (
        "ai.prompt", "ai.prompt.messages", "ai.prompt.tools", "ai.response.text", "ai.response.object",
        "ai.response.toolCalls", "ai.response.reasoning", "ai.response.files", "ai.result.text", "ai.result.object",
        "ai.result.toolCalls", "ai.value", "ai.values", "ai.embedding", "ai.embeddings", "ai.documents",
    )
)  # fmt: skip


def describe(span: SpanView) -> Facts:
    """What one request to a model, or the span above its steps, tells beyond plain columns."""
    attributes = span.attributes
    operation = str(attributes.get("ai.operationId", ""))
    prompt = json_or_text(attributes.get("ai.prompt"))
    ttft_ms = next((attributes[key] for key in _MS_TO_FIRST_CHUNK if _is_number(attributes.get(key))), None)
    is_embedding = operation.startswith("ai.embed") and span.status != "error"
    return known(
        {
            # Embedding models have no snapshots: they answer under the name that was asked for.
            "response_model": attributes.get("ai.model.id") if is_embedding else None,
            # Only what reaches a model says whether it streams: the outer span of a stream holds no stream of its own.
            "stream": True if operation.endswith(".doStream") else False if operation.endswith(".doGenerate") else None,
            "ttft_s": None if ttft_ms is None else ttft_ms / 1e3,
            "system_instructions": content_parts(mapping(prompt).get("system")),
            "input_messages": _input_messages(attributes, prompt),
            "output_messages": _output_messages(attributes, operation),
            "tool_definitions": [json_or_text(tool) for tool in items(attributes.get("ai.prompt.tools"))],
        }
    )


def _input_messages(attributes: Mapping[str, Any], prompt: Any) -> list[dict[str, Any]]:
    listed = json_or_text(attributes.get("ai.prompt.messages"))
    listed = listed if isinstance(listed, list) else items(mapping(prompt).get("messages"))
    if listed:
        return [message(item) for item in listed if isinstance(item, dict)]
    given = mapping(prompt).get("prompt", prompt if isinstance(prompt, str) else None)
    if isinstance(given, list):
        return [message(item) for item in given if isinstance(item, dict)]
    texts = [given] if isinstance(given, str) else [json_or_text(value) for value in _values(attributes)]
    return [{"role": "user", "parts": parts} for text in texts if (parts := content_parts(text))]


def _values(attributes: Mapping[str, Any]) -> list[Any]:
    """The texts that were embedded or ranked, each as JSON."""
    listed = items(attributes.get("ai.values")) or items(attributes.get("ai.documents"))
    return [*listed] if listed else [attributes.get("ai.value")]


def _output_messages(attributes: Mapping[str, Any], operation: str) -> list[dict[str, Any]]:
    def told(name: str) -> Any:  # version 4.0 said `result`
        return attributes.get(f"ai.response.{name}", attributes.get(f"ai.result.{name}"))

    if not operation.startswith(_TEXT_OPERATIONS):
        return []
    thought = told("reasoning")
    parts = [{"type": "reasoning", "content": thought}] if isinstance(thought, str) and thought else []
    parts += content_parts(told("text") or told("object"))
    parts += [part_of({"type": "tool-call"} | call) for call in _objects(told("toolCalls"))]
    parts += [part_of(file) for file in _objects(told("files"))]
    reason = attributes.get("ai.response.finishReason", attributes.get("ai.finishReason"))
    answer = {"role": "assistant", "parts": parts} | ({"finish_reason": reason} if reason else {})
    return [answer] if parts or reason else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [dict(item) for item in items(json_or_text(value)) if isinstance(item, dict)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


VERCEL = Dialect(
    name="vercel",
    operation_key="ai.operationId",
    operations={
        "ai.generateText.doGenerate": "chat",
        "ai.streamText.doStream": "chat",
        "ai.generateObject.doGenerate": "chat",
        "ai.streamObject.doStream": "chat",
        "ai.embed.doEmbed": "embeddings",
        "ai.embedMany.doEmbed": "embeddings",
        "ai.rerank.doRerank": "rerank",
        "ai.generateText": "invoke_agent",
        "ai.streamText": "invoke_agent",
        "ai.generateObject": "invoke_agent",
        "ai.streamObject": "invoke_agent",
        # These hold one request, or several where the values are too many for one; version 7 names them so too.
        "ai.embed": "embeddings",
        "ai.embedMany": "embeddings",
        "ai.rerank": "rerank",
        "ai.toolCall": "execute_tool",
    },
    columns={
        "provider": ("ai.model.provider",),
        "request_model": ("ai.model.id",),
        "response_model": ("ai.response.model",),
        "response_id": ("ai.response.id",),
        "input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
        "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "cache_read_tokens": ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
        "cache_write_tokens": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
        "reasoning_tokens": ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
        "finish_reasons": ("ai.response.finishReason", "ai.finishReason"),
        "session_id": ("ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.session_id"),
        "user_id": ("ai.telemetry.metadata.userId", "ai.telemetry.metadata.user_id"),
        "tenant": ("ai.telemetry.metadata.tenant", "ai.telemetry.metadata.tenantId"),
        "tags": ("ai.telemetry.metadata.tags",),
    },
    parameters={
        "max_tokens": "ai.settings.maxOutputTokens",
        "temperature": "ai.settings.temperature",
        "top_p": "ai.settings.topP",
        "top_k": "ai.settings.topK",
        "seed": "ai.settings.seed",
        "frequency_penalty": "ai.settings.frequencyPenalty",
        "presence_penalty": "ai.settings.presencePenalty",
    },
    metadata=("ai.telemetry.metadata.",),
    is_content=_CONTENT_KEYS.__contains__,
    marker="ai.operationId",
    describe=describe,
)
