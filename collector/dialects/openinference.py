"""OpenInference (Arize): flattened lists, the kind of span in an attribute of its own.

Source: openinference-semantic-conventions 0.1.42; exports of openinference-instrumentation-openai 0.1.66.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.flattened import get, listed, nest
from collector.dialects.message_parts import tool_call
from collector.dialects.openai_shapes import (
    content_parts,
    json_or_text,
    mapping,
    message,
    messages_of_request,
)
from collector.dialects.payloads import response_facts

_CONTENT_PREFIXES = (
    "llm.input_messages.", "llm.output_messages.", "llm.prompts.", "llm.choices.", "llm.tools.",
    "retrieval.documents.", "reranker.output_documents.", "embedding.embeddings.",
)  # fmt: skip
_CONTENT_KEYS = ("input.value", "output.value")


def describe(span: SpanView) -> Facts:
    """What one LLM, EMBEDDING, RETRIEVER or RERANKER span tells beyond plain columns."""
    attributes, events = span.attributes, span.events
    tree = nest(attributes, _CONTENT_PREFIXES)
    request, response = (mapping(json_or_text(attributes.get(f"{side}.value"))) for side in ("input", "output"))
    parameters = mapping(json_or_text(attributes.get("llm.invocation_parameters")))
    metadata = mapping(json_or_text(attributes.get("metadata")))
    answer = response_facts(response)
    requested = parameters.get("model") or request.get("model")
    facts: Facts = {
        **answer,
        "operation": _operation(tree, request),
        "request_model": requested,
        "response_model": answer.get("response_model") or _model(span, requested),
        "stream": answer.get("stream") or _is_stream(parameters, request, events),
        "parameters": {name: value for name, value in parameters.items() if name not in ("model", "messages")} or None,
        "metadata": metadata or None,
        "session_id": metadata.get("session_id"),
        "user_id": metadata.get("user_id"),
        "tenant": metadata.get("tenant"),
        "input_messages": _input_messages(tree) or messages_of_request(request) or _raw(attributes, "input", "user"),
        "output_messages": _output_messages(tree, answer, response) or _raw_answer(attributes, response),
        "tool_definitions": [json_or_text(get(tool, "tool", "json_schema")) for tool in listed(tree, "llm", "tools")],
        "documents": _documents(tree),
    }
    return {name: value for name, value in facts.items() if value is not None and value != [] and value != ""}


def _model(span: SpanView, requested: Any) -> Any:
    """The model that the span names: that of the answer, or the requested one where no answer told its own."""
    model = span.attributes.get("llm.model_name", span.attributes.get("embedding.model_name"))
    return None if span.status == "error" and model == requested else model


def _raw(attributes: Mapping[str, Any], side: str, role: str) -> list[dict[str, Any]]:
    """`input.value` or `output.value` as it came, where nothing tells its parts: plain text, or a form of its own."""
    value = attributes.get(f"{side}.value")
    parts = content_parts(value)
    if attributes.get(f"{side}.mime_type") == "application/json" and isinstance(json_or_text(value), str):
        parts = [part | {"truncated": True} for part in parts]  # most likely cut by an attribute limit
    return [{"role": role, "parts": parts}] if parts else []


def _raw_answer(attributes: Mapping[str, Any], response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a model that answers in words; a response that is understood and holds no answer stays without one."""
    is_understood = "error" in response or any(isinstance(response.get(key), list) for key in ("choices", "output"))
    is_words = attributes.get("openinference.span.kind") == "LLM"
    return _raw(attributes, "output", "assistant") if is_words and not is_understood else []


def _operation(tree: Mapping[str, Any], request: Mapping[str, Any]) -> str | None:
    is_completion = "prompt" in request or get(tree, "llm", "prompts") is not None
    return "text_completion" if is_completion else None


def _is_stream(
    parameters: Mapping[str, Any], request: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> bool | None:
    if any(event["name"] == "First Token Stream Event" for event in events):
        return True
    # The instrumentation writes all that was sent, so a request without `stream` was not one.
    return bool(parameters.get("stream", request.get("stream", False))) if parameters or request else None


def _input_messages(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = [_message(item) for item in listed(tree, "llm", "input_messages")]
    prompts = [get(item, "prompt", "text") for item in listed(tree, "llm", "prompts")]
    embedded = [get(item, "embedding", "text") for item in listed(tree, "embedding", "embeddings")]
    return messages or [{"role": "user", "parts": content_parts(text)} for text in prompts or embedded if text]


def _output_messages(tree: Mapping[str, Any], answer: Facts, response: Mapping[str, Any]) -> list[dict[str, Any]]:
    whole: list[dict[str, Any]] = answer.get("output_messages", [])
    messages = [_message(item) for item in listed(tree, "llm", "output_messages")]
    choices = [get(item, "completion", "text") for item in listed(tree, "llm", "choices")]
    messages = messages or [{"role": "assistant", "parts": content_parts(text)} for text in choices if text]
    # The items of a Responses API answer are listed as messages, though they are one answer; and a list may lack
    # choices, or thoughts and tool calls, that the provider's own document has.
    is_one_answer = "output" in response
    return whole if whole and (is_one_answer or _size(whole) > _size(messages)) else messages


def _size(messages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    return len(messages), sum(len(message["parts"]) for message in messages)


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    raw = mapping(get(item, "message"))
    contents = [_content(mapping(get(part, "message_content")), part) for part in listed(raw, "contents")]
    tool_calls = [
        {"id": get(call, "tool_call", "id"), "function": mapping(get(call, "tool_call", "function"))}
        for call in listed(raw, "tool_calls")
    ]
    return message({**raw, "content": contents or raw.get("content"), "tool_calls": tool_calls})


def _content(part: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    if call := mapping(get(item, "tool_call")):
        return tool_call(call.get("id"), get(call, "function", "name"), get(call, "function", "arguments"))
    if url := get(part, "image", "image", "url"):
        return {"image_url": url}
    if part.get("type") == "reasoning":
        return {"type": "reasoning", "content": part.get("text")}
    return dict(part)


def _documents(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = listed(tree, "retrieval", "documents") or listed(tree, "reranker", "output_documents")
    return [dict(document) for item in found if isinstance(document := item.get("document"), dict)]


OPENINFERENCE = Dialect(
    name="openinference",
    operation_key="openinference.span.kind",
    operations={
        "LLM": "chat",
        "EMBEDDING": "embeddings",
        "RERANKER": "rerank",
        "RETRIEVER": "retrieval",
        "TOOL": "execute_tool",
        "AGENT": "invoke_agent",
        "CHAIN": "chain",
        "GUARDRAIL": "guardrail",
        "EVALUATOR": "evaluator",
    },
    columns={
        "provider": ("llm.provider", "llm.system"),
        "request_model": ("llm.request.model_name",),
        "response_model": ("llm.response.model_name",),
        "input_tokens": ("llm.token_count.prompt",),
        "output_tokens": ("llm.token_count.completion",),
        "cache_read_tokens": ("llm.token_count.prompt_details.cache_read",),
        "cache_write_tokens": ("llm.token_count.prompt_details.cache_write",),
        "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
        "finish_reasons": ("llm.finish_reason",),
        "session_id": ("session.id",),
        "user_id": ("user.id",),
        "tags": ("tag.tags",),
    },
    is_content=lambda key: key in _CONTENT_KEYS or key.startswith(_CONTENT_PREFIXES),
    is_document=lambda key: key.startswith("retrieval.documents."),
    marker="openinference.span.kind",
    first_chunk_events=("First Token Stream Event",),
    describe=describe,
)
