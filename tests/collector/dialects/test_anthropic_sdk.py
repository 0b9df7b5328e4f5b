"""The spans of Anthropic's own SDK."""

from collections.abc import Callable
from typing import Any

from .conftest import Capture

SCOPE = "com.anthropic.sdk.python"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic"}


def test_the_stop_reason_is_the_finish_reason(parts_of_span: Callable[..., list[dict[str, Any]]]) -> None:
    (call,) = parts_of_span(CHAT | {"anthropic.message.stop_reason": "tool_use"}, scope=SCOPE)
    assert call["finish_reasons"] == ["tool_call"]


def test_the_budget_for_thinking_is_a_parameter(parts_of_span: Callable[..., list[dict[str, Any]]]) -> None:
    thinking = {"anthropic.thinking.type": "enabled", "anthropic.thinking.budget_tokens": 1024}
    (call,) = parts_of_span(CHAT | thinking, scope=SCOPE)
    assert call["parameters"] == {"thinking.type": "enabled", "thinking.budget_tokens": 1024}


def test_the_capture_is_read_whole(captured: Callable[[str], Capture]) -> None:
    capture = captured("anthropic-sdk-native")
    parts = capture.parts()
    calls = {part["response_id"]: part for part in parts}
    assert len(parts) == len(capture.calls)
    n_failed = sum(bool(call.get("error")) for call in capture.calls)
    assert sum(part["error_type"] is not None for part in parts) == n_failed > 0
    for response_id, truth in capture.with_response_id.items():
        call, usage = calls[response_id], truth["usage"]
        counts = [call[f"{name}_tokens"] for name in ("input", "output", "cache_read", "cache_write")]
        wanted = [usage[name] for name in ("input_tokens", "output_tokens", "input_cached_read", "input_cache_write")]
        assert counts == wanted, truth["scenario"]
        assert call["stream"] is truth["stream"]
        assert len(call["finish_reasons"]) == 1
        assert call["finish_reasons"][0] in ("stop", "length", "tool_call")
