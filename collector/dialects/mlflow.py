"""MLflow tracing over OTLP: every attribute value is a JSON document in a text; autologging records whole requests.

Source: mlflow `tracing/constant.py` and the autologging of its flavours; exports of mlflow 3.17.2.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.chunks import says_something, whole_answer
from collector.dialects.message_parts import as_text
from collector.dialects.openai_shapes import content_parts, items, json_or_text, mapping
from collector.dialects.payloads import known, request_facts, response_facts
from collector.dialects.retrieved import documents_of
from collector.dialects.usage_shapes import usage_facts

_CHUNK = "mlflow.chunk.item."
_LEGACY_CHUNK = "mlflow.chunk.value"
_CONTENT_KEYS = frozenset(
    ("mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.tools", "mlflow.chat.messages", "tools")
)
_TYPES = {
    "CHAT_MODEL": "chat",
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RERANKER": "rerank",
    "RETRIEVER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "WORKFLOW": "invoke_workflow",
    "CHAIN": "chain",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
}


def describe(span: SpanView) -> Facts:
    """What one model call, retrieval, agent or chain tells; nothing of it stands in plain columns."""
    told = {key: json_or_text(value) for key, value in span.attributes.items() if not key.startswith("mlflow.span")}
    asked, answered = (json_or_text(span.attributes.get(f"mlflow.span{side}")) for side in ("Inputs", "Outputs"))
    if json_or_text(span.attributes.get("mlflow.spanType")) == "RETRIEVER":
        return known({"documents": documents_of(answered)})
    chunks = list(_chunks(span))
    request, response = request_facts(asked), _response(answered, [chunk for _, chunk in chunks])
    model = told.get("mlflow.llm.model")
    settings = mapping(told.get("invocation_params"))  # LangChain
    requested = request.get("request_model") or _text(told.get("model")) or _text(settings.get("model"))
    usage = {**usage_facts(told.get("mlflow.chat.tokenUsage")), **_tokens(response)}
    facts: Facts = {
        **request,
        **response,
        **usage,
        "provider": _text(told.get("mlflow.llm.provider")),
        # MLflow tells one model: the one of the answer, or, where it knows none, the one asked for.
        "request_model": requested or (_text(model) if not response.get("response_model") else None),
        "response_model": response.get("response_model")
        or (_text(model) if model != requested and requested else None),
        "parameters": request.get("parameters") or _settings(settings),
        "tool_definitions": request.get("tool_definitions") or items(told.get("mlflow.chat.tools")),
        "input_messages": request.get("input_messages") or _raw(asked, "user"),
        "output_messages": response.get("output_messages") or _raw_answer(span, answered),
        "metadata": _metadata(told),
        "session_id": _text(told.get("mlflow.trace.session")),
        "user_id": _text(told.get("mlflow.trace.user")),
        "cost_usd": _cost_usd(told.get("mlflow.llm.cost")),
        **_streaming(span, request, chunks),
    }
    return known(facts)


def _response(answered: Any, chunks: list[Mapping[str, Any]]) -> Facts:
    """What the recorded answer tells; of a streamed one only the chunks may tell its tool calls, or anything."""
    recorded = response_facts(answered) if isinstance(answered, Mapping | list) else {}
    if any(message.get("parts") for message in recorded.get("output_messages", ())):
        return recorded
    return {**recorded, **response_facts(whole_answer(chunks))}


def _chunks(span: SpanView) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Time and document of each chunk that MLflow recorded of a streamed answer, in their order."""
    for event in span.events:
        if str(event["name"]).startswith(_CHUNK):
            chunk = json_or_text(event["attributes"].get(_LEGACY_CHUNK))
            if isinstance(chunk, dict):
                yield event["time_ns"], chunk


def _streaming(span: SpanView, request: Facts, chunks: list[tuple[int, Mapping[str, Any]]]) -> Facts:
    is_stream = request.get("stream", True if chunks else None)
    # LangChain asks for a stream in its own way: its span says `stream: false` above the call that was streamed.
    first_ns = next((time_ns for time_ns, chunk in chunks if says_something(chunk)), 0)
    if first_ns <= span.start_ns:
        return {"stream": is_stream}
    return {"stream": True, "ttft_s": (first_ns - span.start_ns) / 1e9}


def _tokens(response: Facts) -> Facts:
    return {name: value for name, value in response.items() if name.endswith("_tokens")}


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = request_facts(settings).get("parameters", {})
    return facts


def _metadata(told: Mapping[str, Any]) -> dict[str, Any]:
    metadata = told.get("metadata")
    traced = {
        key.removeprefix("mlflow.trace."): value for key, value in told.items() if key.startswith("mlflow.trace.")
    }
    return {**traced, **(metadata if isinstance(metadata, dict) else {})}


def _cost_usd(cost: Any) -> float | None:
    total = mapping(cost).get("total_cost")
    return float(total) if isinstance(total, int | float) and total > 0 else None


def _raw(value: Any, role: str) -> list[dict[str, Any]]:
    """A recorded document of a form that is not known, as it came."""
    parts = content_parts(None if value in (None, {}, []) else as_text(value))
    return [{"role": role, "parts": parts}] if parts else []


def _raw_answer(span: SpanView, answered: Any) -> list[dict[str, Any]]:
    is_understood = isinstance(answered, dict) and any(
        isinstance(answered.get(key), list) for key in ("choices", "output", "data", "embeddings")
    )
    is_words = json_or_text(span.attributes.get("mlflow.spanType")) not in ("EMBEDDING", "RERANKER")
    return _raw(answered, "assistant") if is_words and not is_understood else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


MLFLOW = Dialect(
    name="mlflow",
    operation_key="mlflow.spanType",
    operations={f'"{name}"': operation for name, operation in _TYPES.items()} | _TYPES,
    is_content=_CONTENT_KEYS.__contains__,
    is_document="mlflow.spanOutputs".__eq__,
    marker="mlflow.spanType",
    describe=describe,
)
