"""Spans of the servers that run models: vLLM, SGLang and TensorRT-LLM share these attributes.

Source: the tracing modules of the three (`SpanAttributes`, read in 2026). They name no operation and write no content.
"""

import re

from collector.dialects.base import Dialect, Facts, SpanView

_OPERATIONS = {
    "chatcmpl-": "chat",
    "resp_": "chat",
    "cmpl-": "text_completion",
    "embd-": "embeddings",
    "rerank-": "rerank",
    "score-": "rerank",
}
_SERVERS = ("vllm", "sglang", "tensorrt_llm")
_PLACE_OF_PROMPT = re.compile(r"-\d+$")


def describe(span: SpanView) -> Facts:
    """What the request's id tells: it is that of the answer, and begins with the kind of answer."""
    request_id = span.attributes.get("gen_ai.request.id")
    request_id = request_id if isinstance(request_id, str) else ""
    operation = next((name for prefix, name in _OPERATIONS.items() if request_id.startswith(prefix)), None)
    server = next((name for name in _SERVERS if span.scope.startswith(name)), None)
    facts = {
        "operation": operation,
        "provider": server,
        # A completion has one request for each of its prompts: "cmpl-7f-0".
        "response_id": _PLACE_OF_PROMPT.sub("", request_id) if operation == "text_completion" else request_id or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


INFERENCE_SERVER = Dialect(
    name="inference server",
    marker="gen_ai.latency.e2e",
    operation="chat",
    describe=describe,
)
