"""What LiteLLM's spans tell: texts in place of values, and the provider's own words on a span below."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Parts = Callable[..., list[dict[str, Any]]]
NOTHING = {"metadata.user_api_key_hash": "", "metadata.requester_metadata": "None", "metadata.applied_guardrails": "[]"}
USAGE = {
    "completion_tokens": 9,
    "prompt_tokens": 2050,
    "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": None},
    "prompt_tokens_details": {"cached_tokens": 1800, "cache_creation_tokens": 200},
}
CHAT = {
    "gen_ai.operation.name": "chat",
    "llm.request.type": "completion",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "litellm.call_id": "cb4b22af-1160-4171-a5d3-a7a9c13391d9",
    "gen_ai.usage.input_tokens": 2050,
    "gen_ai.usage.output_tokens": 9,
} | NOTHING


def messages(*listed: dict[str, Any]) -> str:
    return json.dumps(listed)


def test_words_for_nothing_are_nothing_and_words_for_truth_are_true(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"llm.is_streaming": "False", "llm.user": "None", "metadata.team_alias": "core"})
    assert (call["stream"], call["user_id"], call["metadata"]) == (False, None, {"team_alias": "core"})


def test_cached_and_reasoning_tokens_stand_in_the_usage_object(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"metadata.usage_object": repr(USAGE)})
    assert (call["input_tokens"], call["cache_read_tokens"], call["cache_write_tokens"]) == (2050, 1800, 200)
    assert call["reasoning_tokens"] == 4


def test_no_usage_is_unknown_and_not_zero(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0})
    assert (call["input_tokens"], call["output_tokens"]) == (None, None)


def test_tool_calls_and_answers_of_tools_beside_the_parts_are_parts(parts_of_span: Parts) -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    asked = messages(
        {"role": "assistant", "parts": [], "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "parts": [{"type": "text", "content": "-3"}], "tool_call_id": "call_1"},
    )
    answered = messages({"role": "assistant", "parts": [], "finish_reason": "tool_calls"})
    (call,) = parts_of_span(
        CHAT
        | {
            "gen_ai.input.messages": asked,
            "gen_ai.output.messages": answered,
            "gen_ai.response.finish_reasons": '["tool_calls"]',
            "gen_ai.completion.0.function_call.name": "get_weather",
            "gen_ai.completion.0.function_call.arguments": '{"city": "Oslo"}',
            "gen_ai.completion.1.function_call.name": "get_time",
            "gen_ai.completion.1.function_call.arguments": "{}",
        }
    )
    weather = {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Oslo"}}
    (one, two), (answer,) = call["input_messages"], call["output_messages"]
    assert one["parts"] == [weather]
    assert two["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": "-3"}]
    assert [part["name"] for part in answer["parts"]] == ["get_weather", "get_time"]
    assert call["finish_reasons"] == ["tool_call"]


def test_providers_parts_become_our_own(parts_of_span: Parts) -> None:
    system = {"role": "system", "parts": [{"type": "text", "text": "Be terse.", "cache_control": {}}]}
    (call,) = parts_of_span(CHAT | {"gen_ai.input.messages": messages(system)})
    assert call["input_messages"][0]["parts"] == [{"type": "text", "content": "Be terse."}]


def test_instructions_as_a_bare_text_are_a_part(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"gen_ai.system_instructions": "Be terse."})
    assert call["system_instructions"] == [{"type": "text", "content": "Be terse."}]


@pytest.mark.parametrize(
    ("provider", "response_id", "kept"),
    [
        ("openai", "chatcmpl-251a9380f9bd2519fd594f02", True),
        ("groq", "chatcmpl-d04f29de-71f9-4471-a9e8-0f3883e7ae71", True),
        ("anthropic", "chatcmpl-d04f29de-71f9-4471-a9e8-0f3883e7ae71", False),
        ("openai", CHAT["litellm.call_id"], False),
    ],
)
def test_ids_that_litellm_made_up_are_none_of_the_providers(
    parts_of_span: Parts, provider: str, response_id: str, kept: bool
) -> None:
    (call,) = parts_of_span(CHAT | {"gen_ai.system": provider, "gen_ai.response.id": response_id})
    assert call["response_id"] == (response_id if kept else None)


def test_without_content_a_completion_is_still_a_chat(parts_of_span: Parts) -> None:
    quiet = {key: value for key, value in CHAT.items() if key != "gen_ai.operation.name"}
    assert [part["operation"] for part in parts_of_span(quiet)] == ["chat"]
    assert [part["operation"] for part in parts_of_span(quiet | {"llm.request.type": "aembedding"})] == ["embeddings"]


def test_what_a_client_of_the_proxy_sent_along_names_its_session(parts_of_span: Parts) -> None:
    sent = {"session_id": "s-1", "tenant": "acme", "tags": ["eval"], "trace_user_id": "u-1"}
    (call,) = parts_of_span(CHAT | {"metadata.requester_metadata": repr(sent)})
    assert (call["session_id"], call["user_id"], call["tenant"], call["tags"]) == ("s-1", "u-1", "acme", ["eval"])


def test_the_raw_span_tells_what_the_provider_got_and_gave(parts_of_span: Parts) -> None:
    raw = {
        "llm.anthropic.messages": repr([{"role": "user", "content": [{"type": "text", "text": "It's 4?"}]}]),
        "llm.anthropic.system": repr([{"type": "text", "text": "You read.", "cache_control": {"type": "ephemeral"}}]),
        "llm.anthropic.max_tokens": 128,
        "llm.anthropic.id": "msg_e625",
        "llm.anthropic.type": "message",
        "llm.anthropic.role": "assistant",
        "llm.anthropic.model": "claude-sonnet-4-5-20250929",
        "llm.anthropic.content": repr([{"type": "text", "text": "Yes."}]),
        "llm.anthropic.stop_reason": "end_turn",
        "llm.anthropic.usage": repr({"input_tokens": 50, "cache_read_input_tokens": 1800, "output_tokens": 9}),
    }
    (call,) = parts_of_span(raw, scope="litellm")
    assert (call["provider"], call["response_id"], call["operation"]) == ("anthropic", "msg_e625", "chat")
    assert (call["request_model"], call["response_model"]) == (None, "claude-sonnet-4-5-20250929")
    assert (call["input_tokens"], call["output_tokens"], call["cache_read_tokens"]) == (1850, 9, 1800)
    assert call["parameters"] == {"max_tokens": 128}
    assert call["system_instructions"] == [{"type": "text", "content": "You read."}]
    assert call["input_messages"][0]["parts"] == [{"type": "text", "content": "It's 4?"}]
    assert call["output_messages"][0]["parts"] == [{"type": "text", "content": "Yes."}]
    assert call["finish_reasons"] == ["stop"]


def test_a_raw_span_that_tells_nothing_is_no_call(parts_of_span: Parts) -> None:
    assert parts_of_span({}, scope="litellm", name="raw_gen_ai_request") == []


def test_embeddings_tell_only_their_request(parts_of_span: Parts) -> None:
    raw = {"llm.None.model": "text-embedding-3-small", "llm.None.input": "['first', 'second']"}
    (call,) = parts_of_span(raw, scope="litellm")
    assert (call["operation"], call["provider"]) == ("embeddings", None)
    assert len(call["input_messages"]) == 2


def test_the_recorded_calls_have_the_counts_of_the_provider(captured: Callable[[str], Any]) -> None:
    capture = captured("litellm")
    parts = {part["response_id"]: part for part in capture.parts() if part["response_id"]}
    for response_id, truth in capture.with_response_id.items():
        usage = truth["usage"] if truth.get("usage_reported", True) else {}
        part = parts[response_id]
        assert (part["input_tokens"], part["output_tokens"]) == (usage.get("input_tokens"), usage.get("output_tokens"))
        for ours, theirs in (("cache_read_tokens", "input_cached_read"), ("cache_write_tokens", "input_cache_write")):
            assert (part[ours] or 0) == usage.get(theirs, 0)
