"""What OpenLLMetry wrote until spring 2026: messages spelled out, one attribute a field."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.dialects.base import SpanView
from collector.dialects.traceloop_legacy import TRACELOOP_LEGACY, describe

Parts = Callable[..., list[dict[str, Any]]]
SCOPE = "opentelemetry.instrumentation.openai.v1"
CHAT = {"llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o"}


def a_span(attributes: dict[str, Any], *, scope: str = SCOPE, name: str = "openai.chat") -> SpanView:
    return SpanView(name=name, scope=scope, start_ns=1, end_ns=2, status="ok", attributes=attributes)


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def test_a_call_is_read_from_spelled_out_messages(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        CHAT
        | {
            "llm.is_streaming": False,
            "llm.user": "user-77",
            "llm.frequency_penalty": 0.25,
            "llm.chat.stop_sequences": ["END"],
            "gen_ai.request.temperature": 0,
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be terse.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "Hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hello",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.usage.prompt_tokens": 9,
            "gen_ai.usage.completion_tokens": 2,
            "llm.usage.total_tokens": 11,
        },
        scope=SCOPE,
    )
    assert call["input_messages"] == [
        {"role": "system", "parts": [text("Be terse.")]},
        {"role": "user", "parts": [text("Hi")]},
    ]
    assert call["output_messages"] == [{"role": "assistant", "parts": [text("Hello")], "finish_reason": "stop"}]
    assert (call["input_tokens"], call["output_tokens"], call["finish_reasons"]) == (9, 2, ["stop"])
    assert (call["operation"], call["stream"], call["user_id"]) == ("chat", False, "user-77")
    assert call["parameters"] == {"temperature": 0, "frequency_penalty": 0.25, "stop_sequences": ["END"]}


def test_tools_their_calls_and_their_answers_are_parts(parts_of_span: Parts) -> None:
    schema = {"type": "object"}
    (call,) = parts_of_span(
        CHAT
        | {
            "llm.request.functions.0.name": "get_weather",
            "llm.request.functions.0.parameters": json.dumps(schema),
            "gen_ai.prompt.0.role": "tool",
            "gen_ai.prompt.0.content": '{"temp": -3}',
            "gen_ai.prompt.0.tool_call_id": "call_1",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.completion.0.tool_calls.0.id": "call_2",
            "gen_ai.completion.0.tool_calls.0.name": "get_weather",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Oslo"}',
        }
    )
    assert call["tool_definitions"] == [{"type": "function", "name": "get_weather", "parameters": schema}]
    (asked,), (answer,) = call["input_messages"], call["output_messages"]
    assert asked["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": '{"temp": -3}'}]
    assert answer["parts"] == [
        {"type": "tool_call", "id": "call_2", "name": "get_weather", "arguments": {"city": "Oslo"}}
    ]
    assert call["finish_reasons"] == ["tool_call"]


def test_messages_stand_in_the_order_of_their_numbers() -> None:
    attributes = {f"gen_ai.prompt.{n}.content": str(n) for n in (10, 9, 2)}
    messages = describe(a_span(attributes))["input_messages"]
    assert [message["parts"][0]["content"] for message in messages] == ["2", "9", "10"]


def test_kinds_of_requests() -> None:
    assert TRACELOOP_LEGACY.operations["embedding"] == "embeddings"
    assert TRACELOOP_LEGACY.operations["completion"] == "text_completion"
    # Anthropic's instrumentation writes "completion" of chats too.
    assert describe(a_span({"llm.request.type": "completion"}, name="anthropic.chat"))["operation"] == "chat"
    assert "operation" not in describe(a_span({"llm.request.type": "completion"}, name="anthropic.completion"))


def test_a_prompt_without_a_role_is_the_users() -> None:
    facts = describe(a_span({"gen_ai.prompt.0.user": "The quick brown", "gen_ai.completion.0.content": " fox"}))
    assert facts["input_messages"] == [{"role": "user", "parts": [text("The quick brown")]}]
    assert facts["output_messages"] == [{"role": "assistant", "parts": [text(" fox")]}]


def test_several_choices_are_several_answers() -> None:
    attributes: dict[str, Any] = {}
    for n, side in enumerate(("Heads.", "Tails.")):
        attributes |= {f"gen_ai.completion.{n}.role": "assistant", f"gen_ai.completion.{n}.content": side}
    assert len(describe(a_span(attributes))["output_messages"]) == 2


def test_thoughts_and_blocks_of_anthropics_answer_are_one_answer() -> None:
    attributes = {
        "gen_ai.completion.0.role": "thinking",
        "gen_ai.completion.0.content": "Hm.",
        "gen_ai.completion.0.finish_reason": "end_turn",
        "gen_ai.completion.1.role": "assistant",
        "gen_ai.completion.1.content": "42",
        "gen_ai.completion.1.finish_reason": "end_turn",
    }
    facts = describe(a_span(attributes, scope="opentelemetry.instrumentation.anthropic"))
    parts = [{"type": "reasoning", "content": "Hm."}, text("42")]
    assert facts["output_messages"] == [{"role": "assistant", "parts": parts, "finish_reason": "end_turn"}]
    assert facts["finish_reasons"] == ["end_turn"]


def test_blocks_of_bedrocks_answer_have_one_role_between_them() -> None:
    attributes = {
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "One.",
        "gen_ai.completion.1.content": "Two.",
    }
    (answer,) = describe(a_span(attributes))["output_messages"]
    assert answer["parts"] == [text("One."), text("Two.")]


def test_content_parts_written_as_json_are_parts() -> None:
    blocks = [
        {"type": "text", "text": "Look."},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}},
    ]
    attributes = {"gen_ai.prompt.0.role": "assistant", "gen_ai.prompt.0.content": json.dumps(blocks)}
    # Later versions list the call beside the content once more.
    attributes |= {
        "gen_ai.prompt.0.tool_calls.0.id": "toolu_1",
        "gen_ai.prompt.0.tool_calls.0.name": "get_weather",
        "gen_ai.prompt.0.tool_calls.0.arguments": '{"city": "Oslo"}',
    }
    (message,) = describe(a_span(attributes))["input_messages"]
    call = {"type": "tool_call", "id": "toolu_1", "name": "get_weather", "arguments": {"city": "Oslo"}}
    assert message["parts"] == [text("Look."), call]


def test_json_that_a_model_said_stays_a_text() -> None:
    said = '[{"type": "fruit", "name": "apple"}]'
    (answer,) = describe(a_span({"gen_ai.completion.0.content": said}))["output_messages"]
    assert answer["parts"] == [text(said)]


def test_only_where_every_text_is_quoted_are_the_quotes_not_of_the_text() -> None:
    attributes = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": '"Hi"'}
    for scope, content in (("opentelemetry.instrumentation.bedrock", "Hi"), (SCOPE, '"Hi"')):
        (message,) = describe(a_span(attributes, scope=scope))["input_messages"]
        assert message["parts"] == [text(content)]


def test_a_quoted_nothing_is_nothing() -> None:
    (answer,) = describe(a_span({"gen_ai.completion.0.content": '""'}))["output_messages"]
    assert answer["parts"] == []


def test_what_stands_in_place_of_a_withheld_answer_is_none() -> None:
    attributes = {"gen_ai.completion.0.content": "FILTERED", "gen_ai.completion.0.finish_reason": "content_filter"}
    (answer,) = describe(a_span(attributes))["output_messages"]
    assert answer == {"role": "assistant", "parts": [], "finish_reason": "content_filter"}


def test_an_answer_without_a_number_is_the_one_answer() -> None:
    attributes = {"gen_ai.completion.role": "assistant", "gen_ai.completion.content": "Hello"}
    assert describe(a_span(attributes))["output_messages"] == [{"role": "assistant", "parts": [text("Hello")]}]


def test_names_of_prompts_are_no_messages(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"gen_ai.prompt.name": "greeting", "gen_ai.prompt.version": "2"})
    assert call["input_messages"] is None
    assert not TRACELOOP_LEGACY.is_content("gen_ai.prompt.name")
    assert TRACELOOP_LEGACY.is_content("gen_ai.prompt.0.content")


keys = st.lists(
    st.sampled_from(
        ("gen_ai", "prompt", "completion", "0", "1", "99999999999", "content", "role", "tool_calls", "name")
    ),
    min_size=1,
    max_size=6,
).map(".".join)


@given(
    st.dictionaries(keys, st.text(max_size=20) | st.integers() | st.none() | st.lists(st.text(max_size=3)), max_size=12)
)
def test_any_attributes_are_read_without_an_error(attributes: dict[str, Any]) -> None:
    facts = describe(a_span({"gen_ai." + key: value for key, value in attributes.items()} | attributes))
    json.dumps(facts)


def test_the_recorded_calls_of_the_old_instrumentation(captured: Callable[[str], Any]) -> None:
    parts = captured("traceloop-instrumentation-openai-0.33.12").parts()
    last = [(part["input_messages"] or [{}])[-1].get("parts", [])[:1] for part in parts]
    by_prompt = {one.get("content"): part for part, some in zip(parts, last, strict=True) for one in some}
    story = by_prompt["Tell me a one-line story."]
    assert story["stream"]
    assert 0.15 < story["ttft_s"] < story["latency_s"]
    assert by_prompt["What is 6 * 7?"]["output_tokens"] == 900
    assert by_prompt["second passage about moons"]["operation"] == "embeddings"
    assert by_prompt["The quick brown fox"]["operation"] == "text_completion"
