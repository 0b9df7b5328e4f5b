"""Requests and answers of providers and libraries, whole: what they tell, and that nothing strange breaks them."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.dialects.chunks import says_something, whole_answer
from collector.dialects.message_parts import part_of
from collector.dialects.own_form import in_own_form
from collector.dialects.payloads import request_facts, response_facts
from collector.dialects.retrieved import documents_of
from collector.dialects.usage_shapes import usage_facts

WORDS = (
    "type", "role", "content", "text", "parts", "tool_calls", "function", "arguments", "name", "id", "model", "usage",
    "message", "messages", "choices", "output", "candidates", "generations", "kwargs", "lc", "data", "generation_info",
    "input_tokens", "total", "input", "output_tokens_details", "delta", "index", "response", "llm_output", "tools",
    "system", "contents", "prompt", "stop_reason", "toolConfig", "generationConfig", "functionCall", "source",
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["text", "tool_use", "ai"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=20,
)


@given(VALUES)
def test_any_document_is_read_without_an_error(document: Any) -> None:
    assert isinstance(part_of(document), dict)
    assert None not in documents_of(document)
    for facts in (request_facts(document), response_facts(document), usage_facts(document)):
        assert None not in facts.values()
        for message in [*facts.get("input_messages", []), *facts.get("output_messages", [])]:
            assert isinstance(message["role"], str)
            assert all(isinstance(part, dict) for part in message["parts"])


@settings(max_examples=25)
@given(st.lists(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=4), max_size=3))
def test_any_chunks_make_an_answer(chunks: list[dict[str, Any]]) -> None:
    response_facts(whole_answer(chunks))
    assert all(isinstance(says_something(chunk), bool) for chunk in chunks)


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 22}, (10, 12)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7}, (10, 12)),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 12, "thoughtsTokenCount": 7, "totalTokenCount": 22},
            (10, 12),
        ),
        ({"inputTokens": 50, "cacheReadInputTokens": 1800, "outputTokens": 9, "totalTokens": 1859}, (1850, 9)),
        ({"inputTokens": 1850, "cacheReadInputTokens": 1800, "outputTokens": 9, "totalTokens": 1859}, (1850, 9)),
        ({"prompt_tokens": 2050, "cache_read_input_tokens": 1800, "completion_tokens": 9}, (2050, 9)),
        ({"input_tokens": 40, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 80}, (40, 80)),
        ({"input_tokens": -1, "output_tokens": float("nan")}, (None, None)),
        ({"input_tokens": True, "output_tokens": "9"}, (None, None)),
    ],
)
def test_counts_of_each_provider_are_totals(usage: dict[str, Any], told: tuple[int | None, int | None]) -> None:
    facts = usage_facts(usage)
    assert (facts.get("input_tokens"), facts.get("output_tokens")) == told


def test_gemini() -> None:
    facts = response_facts(
        {
            "responseId": "r-1",
            "modelVersion": "gemini-2.5-pro",
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {"text": "Hm.", "thought": True},
                            {"functionCall": {"name": "add", "args": {"a": 1}}},
                        ],
                    },
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {"promptTokenCount": 3},
        }
    )
    assert (facts["response_id"], facts["response_model"], facts["input_tokens"]) == ("r-1", "gemini-2.5-pro", 3)
    (answer,) = facts["output_messages"]
    assert (answer["role"], [part["type"] for part in answer["parts"]]) == ("assistant", ["reasoning", "tool_call"])
    request = request_facts(
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"temperature": 0}}
    )
    assert request["parameters"] == {"temperature": 0}
    assert request["input_messages"] == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]


def test_bedrock() -> None:
    content = [{"text": "Adding."}, {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}}]
    facts = response_facts(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "tool_use",
            "usage": {"inputTokens": 3},
        }
    )
    assert [part["type"] for part in facts["output_messages"][0]["parts"]] == ["text", "tool_call"]
    assert (facts["finish_reasons"], facts["input_tokens"]) == (["tool_use"], 3)


def test_langchain() -> None:
    known = {"id": "chatcmpl-1", "model_name": "gpt-4o-2024-08-06", "finish_reason": "stop"}
    message = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {
            "content": "Hi",
            "id": "lc_run--1",
            "response_metadata": known,
            "usage_metadata": {"input_tokens": 3},
        },
    }
    facts = response_facts({"generations": [[{"text": "Hi", "type": "ChatGeneration", "message": message}]]})
    assert (facts["response_id"], facts["response_model"]) == ("chatcmpl-1", "gpt-4o-2024-08-06")
    assert (facts["finish_reasons"], facts["input_tokens"]) == (["stop"], 3)
    assert "stream" not in facts
    streamed = response_facts({"generations": [[{"type": "ChatGenerationChunk", "message": message}]]})
    assert streamed["stream"] is True
    request = request_facts(
        {"messages": [[{"type": "human", "data": {"content": "Hi"}}, {"type": "ai", "content": "Yes?"}]]}
    )
    assert [message["role"] for message in request["input_messages"]] == ["user", "assistant"]


def test_the_items_of_a_response_are_one_answer() -> None:
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "The Moon."}]},
        {"type": "function_call", "call_id": "c1", "name": "get", "arguments": "{}"},
    ]
    (answer,) = response_facts(items)["output_messages"]
    assert [part["type"] for part in answer["parts"]] == ["reasoning", "text", "tool_call"]
    assert (
        len(
            response_facts([{"role": "assistant", "content": "Heads."}, {"role": "assistant", "content": "Tails."}])[
                "output_messages"
            ]
        )
        == 2
    )


def test_token_numbers_are_no_messages() -> None:
    assert "input_messages" not in request_facts({"input": [1, 2, 3], "model": "e"})
    assert "input_messages" not in request_facts({"input": [[1, 2], [3]], "model": "e"})


def test_only_messages_of_another_form_are_rewritten() -> None:
    own = '[{"role": "user", "parts": [{"type": "text", "content": "say \\"arguments\\":\\"{\\""}]}]'
    other = '[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"f","arguments":"{\\"a\\": 1}"}]}]'
    cut = '[{"role":"assistant","parts":[{"type":"tool_call","arguments":"{'
    rewritten = in_own_form(pa.array([own, other, None, cut])).to_pylist()
    assert (rewritten[0], rewritten[2], rewritten[3]) == (own, None, cut)
    assert '"arguments":{"a":1}' in rewritten[1]
