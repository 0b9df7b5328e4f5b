"""Langfuse: attributes of its SDKs from version 3 on (OpenTelemetry), with its OpenAI and LangChain integrations.

Source: langfuse-python `_client/attributes.py`, langfuse `OtelIngestionProcessor.ts`; exports of langfuse 5.0.4.
"""

from collections.abc import Callable, Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.openai_shapes import content_parts, json_or_text, mapping
from collector.dialects.payloads import known, request_facts, response_facts
from collector.dialects.retrieved import documents_of
from collector.dialects.usage_shapes import usage_facts
from collector.errors import BadRequest
from collector.times import parse_rfc3339

_OBSERVATION = "langfuse.observation."
_METADATA = ("langfuse.trace.metadata", "langfuse.observation.metadata")
_DEFAULTS = {"temperature": 1, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0, "service_tier": "default"}
"""The OpenAI integration writes these as if the application had sent them (`max_tokens` then as "Infinity")."""
_CONTENT_KEYS = ("langfuse.observation.input", "langfuse.observation.output")


def describe(span: SpanView) -> Facts:
    """What one generation, embedding, retriever, agent or chain tells beyond plain columns."""
    attributes = span.attributes
    kind = attributes.get(f"{_OBSERVATION}type")
    asked, answered = (attributes.get(f"{_OBSERVATION}{side}") for side in ("input", "output"))
    request, response = _facts(asked, request_facts), _facts(answered, response_facts)
    metadata = _metadata(attributes)
    usage = usage_facts(json_or_text(attributes.get(f"{_OBSERVATION}usage_details")))
    reason = metadata.pop("finish_reason", None)
    level, message = (attributes.get(f"{_OBSERVATION}{key}") for key in ("level", "status_message"))
    is_error = level == "ERROR" or span.status == "error"
    model = attributes.get(f"{_OBSERVATION}model.name")
    # The model is set when the call begins and set again by what the answer names: a failed call keeps the first.
    has_ended = not is_error or bool(usage or answered)
    # Of a streamed answer of the Responses API, all but the texts is put into the metadata.
    streamed = metadata if metadata.get("object") in ("response", "chat.completion") else {}
    reason = reason or streamed.get("status")
    # Spans of other libraries that pass through Langfuse's exporter carry the attributes of the trace alone.
    facts: Facts = {
        **request,
        **response,
        **usage,
        "response_id": response.get("response_id") or _text(streamed.get("id")),
        # Embedding models have no snapshots: they answer under the name that was asked for.
        "request_model": request.get("request_model") or (None if has_ended and kind != "embedding" else model),
        "response_model": model if has_ended else None,
        "parameters": _parameters(attributes, span),
        "input_messages": request.get("input_messages") or _raw(asked, "user"),
        "output_messages": response.get("output_messages") or _raw(answered, "assistant"),
        "finish_reasons": [reason] if isinstance(reason, str) else response.get("finish_reasons"),
        "error_type": _error_type(message) if level == "ERROR" else None,
        "error_message": message if level == "ERROR" else None,
        "metadata": metadata,
        "tenant": _text(metadata.get("tenant")),
        "session_id": _text(metadata.get("langfuse_session_id")),
        "user_id": _text(metadata.get("langfuse_user_id")),
        "cost_usd": _cost_usd(attributes),
        **_timing(span),
    }
    if kind == "retriever":
        facts["documents"] = documents_of(json_or_text(answered))
    return known(facts)


def _facts(value: Any, read: Callable[[Any], Facts]) -> Facts:
    """What a recorded document tells; a bare text or number is told by `_raw`, exactly as it came."""
    document = json_or_text(value)
    facts = read(document) if isinstance(document, Mapping | list) else {}
    return {name: fact for name, fact in facts.items() if name not in ("parameters", "stream", "operation")}


def _raw(value: Any, role: str) -> list[dict[str, Any]]:
    parts = content_parts(value if isinstance(value, str) or value is None else str(value))
    return [{"role": role, "parts": parts}] if parts else []


def _metadata(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of trace and observation; of both, the observation's. Texts may come with the quotes of JSON."""
    metadata: dict[str, Any] = {}
    for prefix in _METADATA:
        whole = json_or_text(attributes.get(prefix))
        metadata |= whole if isinstance(whole, dict) else {}
        start = len(prefix) + 1
        metadata |= {
            key[start:]: json_or_text(value) for key, value in attributes.items() if key.startswith(f"{prefix}.")
        }
    prompt = known({key: attributes.get(f"{_OBSERVATION}prompt.{key}") for key in ("name", "version")})
    release = {key: attributes.get(f"langfuse.{key}") for key in ("version", "release")}
    return known({**release, "prompt": prompt, **metadata})


def _parameters(attributes: Mapping[str, Any], span: SpanView) -> dict[str, Any]:
    given = mapping(json_or_text(attributes.get("langfuse.observation.model.parameters")))
    told = {name: value for name, value in given.items() if value not in (None, "Infinity", "NaN")}
    if not _is_openai(span):
        return told
    return {name: value for name, value in told.items() if name not in _DEFAULTS or value != _DEFAULTS[name]}


def _is_openai(span: SpanView) -> bool:
    """Whether the span is one of Langfuse's OpenAI integration, which fills parameters and times every stream."""
    return span.name.startswith("OpenAI-") or '"service_tier"' in str(
        span.attributes.get("langfuse.observation.model.parameters")
    )


def _timing(span: SpanView) -> Facts:
    text = json_or_text(span.attributes.get("langfuse.observation.completion_start_time"))
    try:
        first_ns = parse_rfc3339(text) if isinstance(text, str) else 0
    except BadRequest:
        first_ns = 0
    if first_ns > span.start_ns:
        return {"ttft_s": (first_ns - span.start_ns) / 1e9, "stream": True}
    has_answer = "langfuse.observation.output" in span.attributes
    return {"stream": False} if _is_openai(span) and has_answer and span.status != "error" else {}


def _cost_usd(attributes: Mapping[str, Any]) -> float | None:
    """The reported cost; 0 is what the SDK writes where it knows none."""
    costs = mapping(json_or_text(attributes.get(f"{_OBSERVATION}cost_details")))
    numbers = {key: cost for key, cost in costs.items() if isinstance(cost, int | float) and not isinstance(cost, bool)}
    total = numbers.get("total", sum(numbers.values()))
    return float(total) if total > 0 else None


def _error_type(message: Any) -> str:
    """The class or the HTTP status that a message begins with, else `error`."""
    words = str(message or "")
    if words.startswith("Error code: "):
        code = words.removeprefix("Error code: ")[:3]
        return code if code.isdecimal() else "error"
    name, separator, _ = words.partition(":")
    return name if separator and name.isidentifier() else "error"


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


LANGFUSE = Dialect(
    name="langfuse",
    operation_key="langfuse.observation.type",
    operations={
        "generation": "chat",
        "embedding": "embeddings",
        "retriever": "retrieval",
        "tool": "execute_tool",
        "agent": "invoke_agent",
        "chain": "chain",
        "guardrail": "guardrail",
        "evaluator": "evaluator",
    },
    columns={
        "session_id": ("session.id", "langfuse.session.id"),
        "user_id": ("user.id", "langfuse.user.id"),
        "tags": ("langfuse.trace.tags",),
        "environment": ("langfuse.environment",),
    },
    is_content=_CONTENT_KEYS.__contains__,
    is_document="langfuse.observation.output".__eq__,
    corrects=frozenset(("metadata",)),
    marker="langfuse.",
    describe=describe,
)
