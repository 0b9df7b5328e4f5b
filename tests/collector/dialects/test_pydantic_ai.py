"""What Pydantic AI tells beyond OTel GenAI, in its present and its older versions."""

import json
from collections.abc import Callable
from typing import Any

Parts = Callable[..., list[dict[str, Any]]]
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
AGENT = {"agent_name": "geo", "model_name": "gpt-4o"}
EVENTS = [
    {"event.name": "gen_ai.system.message", "role": "system", "content": "Use the tools.", "gen_ai.message.index": 0},
    {"event.name": "gen_ai.user.message", "role": "user", "content": "Weather?", "gen_ai.message.index": 0},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get", "arguments": '{"city": "Oslo"}'}}],
        "event.name": "gen_ai.assistant.message",
    },
    {"event.name": "gen_ai.tool.message", "role": "tool", "id": "c1", "name": "get", "content": '{"temp": -3}'},
]
CHOICE = {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "-3 °C."}}


def test_details_of_usage_and_the_reported_cost(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        CHAT
        | {
            "gen_ai.usage.input_tokens": 180,
            "gen_ai.usage.details.cache_read_tokens": 64,
            "gen_ai.usage.output_tokens": 25,
            "gen_ai.usage.details.reasoning_tokens": 20,
        },
        scope="pydantic-ai",
    )
    assert (call["cache_read_tokens"], call["reasoning_tokens"], call["input_tokens"]) == (64, 20, 180)


def test_arguments_that_came_as_text_are_objects_and_results_responses(parts_of_span: Parts) -> None:
    called = {"type": "tool_call", "id": "c1", "name": "get", "arguments": '{"city": "Oslo"}'}
    answered = {"type": "tool_call_response", "id": "c1", "name": "get", "result": {"temp": -3}}
    (call,) = parts_of_span(
        CHAT
        | {
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [answered]}]),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [called], "finish_reason": "tool_call"}]
            ),
        }
    )
    assert call["output_messages"][0]["parts"][0]["arguments"] == {"city": "Oslo"}
    assert call["output_messages"][0]["finish_reason"] == "tool_call"
    (message,) = call["input_messages"]
    assert (message["role"], message["parts"][0]["response"]) == ("tool", {"temp": -3})
    assert "result" not in message["parts"][0]


def test_the_events_of_older_versions_are_the_messages(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"events": json.dumps([*EVENTS, CHOICE])}, scope="pydantic-ai")
    assert [message["role"] for message in call["input_messages"]] == ["system", "user", "assistant", "tool"]
    assert call["input_messages"][2]["parts"][0]["arguments"] == {"city": "Oslo"}
    assert call["output_messages"][0]["parts"] == [{"type": "text", "content": "-3 °C."}]


def test_the_history_of_an_agent_ends_with_its_answer(parts_of_span: Parts) -> None:
    history = [*EVENTS, {"role": "assistant", "content": "-3 °C.", "event.name": "gen_ai.assistant.message"}]
    usage = {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 3}
    (part,) = parts_of_span(AGENT | usage | {"all_messages_events": json.dumps(history)}, scope="pydantic-ai")
    assert (part["part_kind"], part["operation"], part["request_model"]) == ("wrapper", "invoke_agent", "gpt-4o")
    assert len(part["input_messages"]) == 4
    assert part["output_messages"][0]["parts"] == [{"type": "text", "content": "-3 °C."}]


def test_an_agent_counts_by_the_sum_of_its_calls(parts_of_span: Parts) -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    (part,) = parts_of_span(
        AGENT
        | {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.aggregated_usage.input_tokens": 262,
            "gen_ai.aggregated_usage.output_tokens": 30,
            "pydantic_ai.all_messages": json.dumps(messages),
            "final_result": "Hello",
        },
        scope="pydantic-ai",
    )
    assert (part["part_kind"], part["input_tokens"], part["output_tokens"]) == ("wrapper", 262, 30)
    assert (part["input_messages"], part["output_messages"][0]["parts"][0]["content"]) == (messages, "Hello")


def test_tools_of_the_request_parameters_are_definitions(parts_of_span: Parts) -> None:
    tool = {"name": "add", "description": "Add.", "parameters_json_schema": {"type": "object"}, "strict": True}
    (call,) = parts_of_span(
        CHAT | {"model_request_parameters": json.dumps({"function_tools": [tool]})}, scope="pydantic-ai"
    )
    assert call["tool_definitions"] == [
        {"type": "function", "name": "add", "description": "Add.", "parameters": {"type": "object"}}
    ]
