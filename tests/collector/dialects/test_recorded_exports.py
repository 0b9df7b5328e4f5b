"""Real exports of Langfuse, MLflow, Vercel AI, Pydantic AI and OpenInference: what each span of a call tells."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from .conftest import Capture

FOLDERS = (
    "langfuse-5", "mlflow-3", "vercel-ai-sdk-5", "vercel-ai-sdk-7", "pydantic-ai-2", "instrumentation-anthropic-3",
    "openinference-instrumentation-langchain", "langchain-plus-openai",
)  # fmt: skip


def text_of(messages: list[dict[str, Any]] | None) -> str:
    parts = [part for message in messages or [] for part in message["parts"]]
    return "".join(part.get("content") or "" for part in parts if part["type"] == "text")


def tool_calls_of(messages: list[dict[str, Any]] | None) -> list[tuple[str, Any]]:
    parts = [part for message in messages or [] for part in message["parts"]]
    return [(part["name"], part["arguments"]) for part in parts if part["type"] == "tool_call"]


def prompt_of(call: Mapping[str, Any]) -> str:
    content = next((m.get("content") or "" for m in reversed(call["messages"]) if m["role"] == "user"), "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def spans_of(capture: Capture, call: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of `call` that stand on spans of model calls."""
    spans = [part for part in capture.parts() if part["part_kind"] == "span"]
    if call["visible"]["response_id"]:
        return [part for part in spans if part["response_id"] == call["response_id"]]
    return [part for part in spans if prompt_of(call) and prompt_of(call) in text_of(part["input_messages"])]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_span_of_a_call_tells_only_the_truth(folder: str, captured: Callable[[str], Capture]) -> None:
    capture = captured(folder)
    parts = [part for part in capture.parts() if part["part_kind"] == "span" and part["response_id"]]
    for part in parts:
        call = capture.with_response_id[part["response_id"]]
        usage = call["usage"] or {}
        where = f"{folder}: {call['scenario']}"
        assert part["input_tokens"] in (usage.get("input_tokens"), None), where
        assert part["output_tokens"] in (usage.get("output_tokens"), None), where
        assert part["request_model"] in (call["request_model"], None), where
        assert part["response_model"] in (call["response_model"], None), where
        assert part["stream"] in (call["stream"], None), where
        if part["output_messages"] and not (call.get("server_aborted") or call.get("client_closed_early")):
            wanted = [(tool["name"], tool["arguments"]) for tool in call["output"][0]["tool_calls"]]
            assert text_of(part["output_messages"][:1]) == call["output"][0]["text"], where
            assert tool_calls_of(part["output_messages"]) == wanted, where
    assert folder == "langfuse-5" or len(parts) >= 9


@pytest.mark.parametrize(
    ("folder", "stream", "ttft_s"),
    [("langfuse-5", "stream_usage", 0.18), ("mlflow-3", "stream_usage", 0.18), ("vercel-ai-sdk-5", "ai_stream", 0.15)],
)
def test_a_stream_has_the_time_of_its_first_token(
    folder: str, stream: str, ttft_s: float, captured: Callable[[str], Capture]
) -> None:
    capture = captured(folder)
    call = next(call for call in capture.calls if call["scenario"] == stream)
    (part,) = spans_of(capture, call)
    assert part["stream"] is True
    assert ttft_s <= part["ttft_s"] <= part["latency_s"]


def test_no_wrapper_is_a_call(captured: Callable[[str], Capture]) -> None:
    """Every span that is one stands for one request: nothing above them is of their kind, but for nested libraries."""
    for folder, n_calls in (("langfuse-5", 35), ("pydantic-ai-2", 12), ("openinference-instrumentation-langchain", 12)):
        assert sum(part["part_kind"] == "span" for part in captured(folder).parts()) == n_calls


def test_the_environment_that_only_langfuse_tells_is_kept(captured: Callable[[str], Capture]) -> None:
    assert {part["environment"] for part in captured("langfuse-5").parts()} == {"capture"}
