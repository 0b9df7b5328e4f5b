"""Spans of the servers that run models."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Parts = Callable[..., list[dict[str, Any]]]
REQUEST = {
    "gen_ai.request.id": "chatcmpl-7f",
    "gen_ai.request.max_tokens": 64,
    "gen_ai.response.model": "Qwen/Qwen3-8B",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": 30,
    "gen_ai.latency.time_in_queue": 0.01,
    "gen_ai.latency.time_to_first_token": 0.2,
    "gen_ai.latency.e2e": 2.5,
}


def served(parts_of_span: Parts, **changed: Any) -> dict[str, Any]:
    attributes = {key: value for key, value in (REQUEST | changed).items() if value is not None}
    (call,) = parts_of_span(attributes, scope="vllm.llm_engine", name="llm_request", kind=Span.SPAN_KIND_SERVER)
    return call


def test_a_request_span_of_a_server_is_a_call(parts_of_span: Parts) -> None:
    call = served(parts_of_span)
    assert (call["operation"], call["part_kind"], call["provider"]) == ("chat", "span", "vllm")
    assert (call["input_tokens"], call["output_tokens"], call["ttft_s"]) == (12, 30, 0.2)
    assert (call["stream"], call["parameters"]) == (None, {"max_tokens": 64})  # it does not say whether it streamed


@pytest.mark.parametrize(
    ("request_id", "operation", "response_id"),
    [
        ("chatcmpl-7f", "chat", "chatcmpl-7f"),
        ("cmpl-7f-0", "text_completion", "cmpl-7f"),
        ("embd-7f", "embeddings", "embd-7f"),
        ("9a", "chat", "9a"),
        (None, "chat", None),
    ],
)
def test_its_id_is_that_of_the_answer_by_which_the_clients_span_is_found(
    parts_of_span: Parts, request_id: str | None, operation: str, response_id: str | None
) -> None:
    call = served(parts_of_span, **{"gen_ai.request.id": request_id})
    assert (call["operation"], call["response_id"]) == (operation, response_id)
