"""What the spans of the Vercel AI SDK tell of model calls."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Parts = Callable[..., list[dict[str, Any]]]
ASKED = {"ai.model.provider": "openai.chat", "ai.model.id": "gpt-4o", "gen_ai.system": "openai.chat"}


def test_a_request_to_a_model(parts_of_span: Parts) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "get", "input": {"city": "Oslo"}}],
        },
        {
            "role": "tool",
            "content": [
                {
                    "type": "tool-result",
                    "toolCallId": "c1",
                    "toolName": "get",
                    "output": {"type": "json", "value": {"temp": -3}},
                }
            ],
        },
    ]
    (call,) = parts_of_span(
        ASKED
        | {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": json.dumps(messages),
            "ai.prompt.tools": [json.dumps({"type": "function", "name": "get"})],
            "ai.response.toolCalls": json.dumps([{"toolCallId": "c2", "toolName": "get", "input": '{"city": "Lima"}'}]),
            "ai.response.reasoning": "Ask again.",
            "ai.response.finishReason": "tool-calls",
            "ai.settings.seed": 7,
            "ai.settings.maxRetries": 0,
            "ai.telemetry.metadata.userId": "u-1",
            "ai.telemetry.metadata.sessionId": "s-1",
            "ai.telemetry.metadata.plan": "free",
        }
    )
    assert [message["role"] for message in call["input_messages"]] == ["system", "user", "assistant", "tool"]
    assert call["input_messages"][3]["parts"] == [{"type": "tool_call_response", "id": "c1", "response": {"temp": -3}}]
    assert call["output_messages"][0]["parts"] == [
        {"type": "reasoning", "content": "Ask again."},
        {"type": "tool_call", "id": "c2", "name": "get", "arguments": {"city": "Lima"}},
    ]
    assert (call["finish_reasons"], call["stream"]) == (["tool_call"], False)
    assert (call["user_id"], call["session_id"], call["metadata"]) == ("u-1", "s-1", {"plan": "free"})
    assert call["parameters"] == {"seed": 7}
    assert call["tool_definitions"] == [{"type": "function", "name": "get"}]


@pytest.mark.parametrize("key", ["ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"])
def test_milliseconds_to_the_first_chunk_are_seconds(parts_of_span: Parts, key: str) -> None:
    (call,) = parts_of_span(ASKED | {"ai.operationId": "ai.streamText.doStream", key: 184.5})
    assert (call["ttft_s"], call["stream"]) == (0.1845, True)


@pytest.mark.parametrize(
    "usage",
    [
        {"ai.usage.promptTokens": 10, "ai.usage.completionTokens": 6},
        {"ai.usage.inputTokens": 10, "ai.usage.outputTokens": 6, "ai.usage.totalTokens": 16},
    ],
)
def test_tokens_of_several_versions(parts_of_span: Parts, usage: dict[str, int]) -> None:
    (call,) = parts_of_span({"ai.operationId": "ai.generateObject.doGenerate"} | usage)
    assert (call["input_tokens"], call["output_tokens"]) == (10, 6)


def test_the_details_of_version_6(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.usage.inputTokens": 2050,
            "ai.usage.inputTokenDetails.cacheReadTokens": 1800,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 200,
            "ai.usage.outputTokens": 90,
            "ai.usage.outputTokenDetails.reasoningTokens": 64,
        }
    )
    assert (call["cache_read_tokens"], call["cache_write_tokens"], call["reasoning_tokens"]) == (1800, 200, 64)
    assert (call["input_tokens"], call["output_tokens"]) == (2050, 90)


def test_the_span_of_all_steps_is_a_wrapper_of_their_messages(parts_of_span: Parts) -> None:
    prompt = {"system": "Be brief.", "prompt": "Hi"}
    (part,) = parts_of_span(
        {
            **ASKED,
            "ai.operationId": "ai.generateText",
            "ai.prompt": json.dumps(prompt),
            "ai.response.text": "Hello",
            "ai.usage.promptTokens": 9,
        }
    )
    assert (part["part_kind"], part["operation"], part["stream"]) == ("wrapper", "invoke_agent", None)
    assert part["system_instructions"] == [{"type": "text", "content": "Be brief."}]
    assert part["input_messages"] == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]


def test_embedded_texts_are_the_input_and_vectors_are_not_kept_as_words(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        {
            "ai.operationId": "ai.embedMany.doEmbed",
            "ai.model.id": "text-embedding-3-small",
            "ai.values": ['"one"', '"two"'],
            "ai.embeddings": ["[0.1]", "[0.2]"],
            "ai.usage.tokens": 8,
        }
    )
    assert [m["parts"][0]["content"] for m in call["input_messages"]] == ["one", "two"]
    assert (call["operation"], call["input_tokens"], call["output_messages"]) == ("embeddings", 8, None)


def test_an_object_is_the_answer(parts_of_span: Parts) -> None:
    (call,) = parts_of_span({"ai.operationId": "ai.generateObject.doGenerate", "ai.response.object": '{"name": "Ada"}'})
    assert call["output_messages"][0]["parts"] == [{"type": "text", "content": '{"name": "Ada"}'}]
