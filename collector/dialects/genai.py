"""OpenTelemetry GenAI semantic conventions: the current form, 1.41 and what spans of 1.36 and before carry.

Source: semantic-conventions-genai docs/gen-ai/client-inference.md @024a4f9, client-embeddings.md @88eccb1.
"""

from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.openai_shapes import json_or_text

_OPERATIONS = (
    "chat", "text_completion", "generate_content", "embeddings", "rerank", "retrieval", "execute_tool",
    "create_agent", "invoke_agent", "invoke_workflow", "plan", "fetch_response", "create_memory", "search_memory",
    "update_memory", "upsert_memory", "delete_memory", "create_memory_store", "delete_memory_store",
)  # fmt: skip
_OTHER_WORDS = {
    "chat": "completion acompletion completions chat_completion chat_completions chat.completion chat.completions "
    "responses aresponses response messages message generate generation text_generation generate_text stream_text",
    "text_completion": "atext_completion",
    "embeddings": "embedding aembedding embed embed_content",
    "rerank": "reranking arerank",
    "retrieval": "retrieve vector_search vector_db_retrieve",
    "execute_tool": "tool_call tool",
    "invoke_agent": "agent agent_run run_agent",
    "invoke_workflow": "workflow",
}
"""The convention allows words of one's own. These say what its own words say; any other one stays as it is."""

PARAMETERS = {
    name: f"gen_ai.request.{name}"
    for name in (
        "temperature", "top_p", "top_k", "max_tokens", "seed", "stop_sequences", "frequency_penalty",
        "presence_penalty", "choice.count", "n", "encoding_formats", "reasoning.level", "reasoning_effort",
    )
} | {
    "previous_response_id": "gen_ai.request.previous_response.id",
    "service_tier": "openai.request.service_tier",
    "response_format": "gen_ai.openai.request.response_format",
    "dimensions": "gen_ai.embeddings.dimension.count",
}  # fmt: skip
LIST_PARAMETERS = ("stop_sequences", "encoding_formats")

_CONTENT = frozenset(
    (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.retrieval.documents",
    )
)
_REFERENCES = {
    "input_messages": "gen_ai.input.messages_ref",
    "output_messages": "gen_ai.output.messages_ref",
    "system_instructions": "gen_ai.system_instructions_ref",
}
_ROLES = {"input_messages": "user", "output_messages": "assistant"}
_VARIABLE = "gen_ai.prompt.variable."


def describe(span: SpanView) -> Facts:
    return describe_attributes(span.attributes)


def describe_attributes(attributes: Mapping[str, Any]) -> Facts:
    """What the attributes of a span or of an event tell that is no plain value: the prompt template, moved content."""
    facts: Facts = {}
    if prompt := _prompt(attributes):
        facts["metadata"] = {"prompt": prompt}
    for field, key in _REFERENCES.items():
        if isinstance(uri := attributes.get(key), str) and uri:
            part = {"type": "uri", "uri": uri}
            facts[field] = [{"role": _ROLES[field], "parts": [part]} if field in _ROLES else part]
    return facts


def _prompt(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Name, version and variables of the template that a prompt was made of."""
    if not (name := attributes.get("gen_ai.prompt.name")):
        return {}
    variables = {
        key.removeprefix(_VARIABLE): json_or_text(value)
        for key, value in attributes.items()
        if key.startswith(_VARIABLE)
    }
    known = {"name": name, "version": attributes.get("gen_ai.prompt.version"), "variables": variables}
    return {key: value for key, value in known.items() if value not in (None, "", {})}


GENAI = Dialect(
    name="genai",
    operation_key="gen_ai.operation.name",
    operations={operation: operation for operation in _OPERATIONS}
    | {word: operation for operation, words in _OTHER_WORDS.items() for word in words.split()},
    columns={
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "request_model": ("gen_ai.request.model",),
        "response_model": ("gen_ai.response.model",),
        "response_id": ("gen_ai.response.id",),
        "system_fingerprint": ("openai.response.system_fingerprint", "gen_ai.openai.response.system_fingerprint"),
        "stream": ("gen_ai.request.stream", "gen_ai.request.is_stream"),
        "ttft_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk"),
        "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "cache_read_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_tokens",
        ),
        "cache_write_tokens": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
        ),
        "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
        "finish_reasons": ("gen_ai.response.finish_reasons",),
        "error_type": ("error.type",),
        "session_id": ("session.id", "gen_ai.conversation.id", "gen_ai.session.id"),
        "user_id": ("user.id", "enduser.id", "gen_ai.user.id"),
        "tenant": ("tenant.id",),
        "system_instructions": ("gen_ai.system_instructions",),
        "input_messages": ("gen_ai.input.messages",),
        "output_messages": ("gen_ai.output.messages",),
        "tool_definitions": ("gen_ai.tool.definitions",),
        "documents": ("gen_ai.retrieval.documents",),
    },
    is_content=_CONTENT.__contains__,
    is_document="gen_ai.retrieval.documents".__eq__,
    details=frozenset(("gen_ai.prompt.name", *_REFERENCES.values())),
    describe=describe,
)
