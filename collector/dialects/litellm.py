"""LiteLLM's `otel` callback, of its SDK and its proxy: one span a request, and below it the provider's own words.

Source: exports of litellm 1.106.2, `integrations/opentelemetry.py` of 1.75.0 and 1.106.2.
"""

import re
from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.flattened import get, listed, nest
from collector.dialects.message_parts import tool_call
from collector.dialects.openai_shapes import content_parts, items, json_or_text, mapping, message
from collector.dialects.payloads import known, request_facts, response_facts
from collector.dialects.python_literals import literal_or_text, plain_literal
from collector.dialects.usage_shapes import usage_facts

_COMPLETION = "gen_ai.completion."
_METADATA = "metadata."
_OWN_ID = re.compile(r"chatcmpl-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_NEVER_CHATCMPL = ("anthropic", "bedrock", "gemini", "vertex_ai", "cohere", "ollama", "sagemaker", "watsonx")
"""Providers whose answers are named otherwise: an id in OpenAI's form is one that LiteLLM made up."""
_NO_PROVIDERS = ("None", "Unknown")
_SENT_METADATA = ("metadata.requester_metadata", "metadata.spend_logs_metadata")


def describe(span: SpanView) -> Facts:
    """What one request tells beyond plain columns; texts in place of values become what they stand for."""
    attributes = span.attributes
    sent = {
        name: value
        for key in _SENT_METADATA
        for name, value in mapping(literal_or_text(json_or_text(attributes.get(key)))).items()
    }
    facts = known(
        {
            **usage_facts(plain_literal(attributes.get("metadata.usage_object"))),
            "operation": "chat" if attributes.get("llm.request.type") == "completion" else None,
            "input_messages": _messages(attributes.get("gen_ai.input.messages")),
            "output_messages": _answers(attributes),
            "finish_reasons": items(json_or_text(attributes.get("gen_ai.response.finish_reasons"))),
            "system_instructions": _instructions(attributes.get("gen_ai.system_instructions")),
            "session_id": _text(sent.get("session_id")) or _text(sent.get("trace_session_id")),
            "user_id": _text(sent.get("user_id")) or _text(sent.get("trace_user_id")),
            "tenant": _text(sent.get("tenant")) or _text(sent.get("tenant_id")),
            "tags": [tag for tag in items(sent.get("tags")) if isinstance(tag, str)],
        }
    )
    return facts | ({"response_id": None} if _is_own_id(attributes) else {})


def _is_own_id(attributes: Mapping[str, Any]) -> bool:
    """Whether the id of the answer is LiteLLM's and not its provider's."""
    response_id = str(attributes.get("gen_ai.response.id") or "")
    if response_id == attributes.get("litellm.call_id"):
        return True
    provider = str(attributes.get("gen_ai.system") or attributes.get("gen_ai.provider.name") or "")
    return provider.startswith(_NEVER_CHATCMPL) and _OWN_ID(response_id) is not None


def _messages(text: Any) -> list[dict[str, Any]]:
    """Messages with their tool calls and the answers of tools, which LiteLLM leaves beside the parts, in the parts."""
    return [_message(raw) for raw in items(json_or_text(text)) if isinstance(raw, dict)]


def _message(raw: Mapping[str, Any]) -> dict[str, Any]:
    parts = content_parts(raw.get("parts"))
    texts = [part.get("content") for part in parts if part.get("type") == "text"]
    is_text = len(texts) == len(parts) and all(isinstance(text, str) for text in texts)
    content = "".join(map(str, texts)) if raw.get("tool_call_id") and is_text else parts
    whole = message({**{key: value for key, value in raw.items() if key != "parts"}, "content": content})
    reason = raw.get("finish_reason")
    return whole | {"finish_reason": reason} if isinstance(reason, str) and reason else whole


def _answers(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    answers = _messages(attributes.get("gen_ai.output.messages"))
    calls = _calls(attributes)
    if not calls:
        return answers
    if not answers:
        return [{"role": "assistant", "parts": calls}]
    # One choice has its calls here: the last that asked for any.
    last = answers[-1]
    has_calls = any(part.get("type") == "tool_call" for answer in answers for part in answer["parts"])
    return answers if has_calls else [*answers[:-1], last | {"parts": [*last["parts"], *calls]}]


def _calls(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tool calls asked for, each under a number of its own; their ids are not told."""
    tree = nest(attributes, (_COMPLETION,))
    functions = [mapping(item.get("function_call")) for item in listed(tree, "gen_ai", "completion")]
    return [tool_call(get(call, "id"), get(call, "name"), get(call, "arguments")) for call in functions if call]


def _instructions(value: Any) -> list[dict[str, Any]]:
    """System instructions, which come as a text, as parts or as messages."""
    parsed = json_or_text(value)
    if not isinstance(parsed, list):
        return content_parts(value)
    return [part for raw in parsed for part in (_message(raw)["parts"] if get(raw, "parts") else content_parts([raw]))]


def describe_raw(span: SpanView) -> Facts:
    """What was sent to the provider and what it answered, each of their fields an attribute."""
    if "llm.request.type" in span.attributes:
        return {}  # a request's own span, which says all in other words
    provider, fields = _fields(span.attributes)
    request, response = request_facts(fields), response_facts(fields)
    is_answered = bool(response.get("output_messages") or response.get("response_id") or "usage" in fields)
    facts = {
        **request,
        **response,
        "provider": provider,
        # Both have a field `model`; the answer's was written last.
        "request_model": None if is_answered else request.get("request_model"),
        "response_model": response.get("response_model") or (fields.get("model") if is_answered else None),
        "operation": _operation(fields) or request.get("operation"),
        "parameters": {name: value for name, value in request.get("parameters", {}).items() if name not in _ANSWERED},
        "system_instructions": request.get("system_instructions"),
    }
    return known(facts)


_ANSWERED = frozenset(
    (
        "id", "object", "created", "choices", "usage", "service_tier", "system_fingerprint", "data", "content", "role",
        "type", "stop_reason", "stop_sequence", "stop_details", "moderation", "output", "status", "created_at", "error",
        "candidates", "usageMetadata", "modelVersion", "responseId", "completed_at", "incomplete_details",
        "stringified_raw_response", "container",
    )
)  # fmt: skip


_CONTENT_FIELDS = frozenset(
    ("messages", "choices", "content", "system", "contents", "candidates", "input", "output", "prompt", "tools", "data")
)


def _operation(fields: Mapping[str, Any]) -> str | None:
    """What was asked for, where it was no answer in words; of embeddings only the request is told."""
    if "query" in fields and "documents" in fields:
        return "rerank"
    return "embeddings" if "input" in fields and "output" not in fields else None


def _fields(attributes: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The provider, where it is known, and its fields: `llm.<provider>.<field>`."""
    provider, fields = None, {}
    for key, value in attributes.items():
        first, _, rest = key.partition(".")
        name, _, field = rest.partition(".")
        if first == "llm" and field and value not in ("", "None"):
            provider, fields[field] = None if name in _NO_PROVIDERS else name, json_or_text(literal_or_text(value))
    return provider, fields


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in ("", "None") else None


LITELLM = Dialect(
    name="litellm",
    operation_key="llm.request.type",
    operations={
        "acompletion": "chat",
        "text_completion": "text_completion",
        "atext_completion": "text_completion",
        "aembedding": "embeddings",
        "arerank": "rerank",
        "responses": "chat",
        "aresponses": "chat",
        "anthropic_messages": "chat",
        "generate_content": "generate_content",
        "agenerate_content": "generate_content",
        "agenerate_content_stream": "generate_content",
    },
    columns={
        "user_id": ("llm.user", "metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id"),
        "tenant": ("metadata.user_api_key_org_id", "metadata.user_api_key_team_id"),
        "stream": ("llm.is_streaming", "litellm.request.streaming"),
        "cost_usd": ("gen_ai.cost.total_cost", "litellm.cost.total"),
        "error_message": ("error.message",),
    },
    metadata=(_METADATA,),
    details=frozenset(("litellm.call_id", "metadata.usage_object", "hidden_params", "metadata.user_api_key_hash")),
    corrects=frozenset(("input_messages", "output_messages", "system_instructions", "finish_reasons", "response_id")),
    describe=describe,
)

LITELLM_RAW = Dialect(
    name="litellm, what the provider got and gave",
    scope="litellm",
    operation="chat",
    marker="llm.",
    is_content=lambda key: key.startswith("llm.") and key.rpartition(".")[2] in _CONTENT_FIELDS,
    describe=describe_raw,
)
