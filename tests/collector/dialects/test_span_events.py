"""Messages on the events of a span, in the forms that libraries write them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.dialects.base import SpanView
from collector.dialects.message_events import MESSAGE_EVENTS
from collector.dialects.span_events import describe

from .conftest import Event

Parts = Callable[..., list[dict[str, Any]]]
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
WEATHER = [{"type": "tool_call", "id": "t1", "name": "weather", "arguments": {"city": "Oslo"}}]


def text(content: str) -> list[dict[str, Any]]:
    return [{"type": "text", "content": content}]


def test_one_event_a_message_with_the_content_among_its_attributes(parts_of_span: Parts) -> None:
    events = (
        Event("gen_ai.system.message", {"content": "Be brief."}),
        Event("gen_ai.user.message", {"content": "Hi", "role": "user"}),
        Event("gen_ai.choice", {"index": 0, "finish_reason": "end_turn", "message.content": "Hello"}),
    )
    (call,) = parts_of_span(CHAT, events=events)
    assert call["input_messages"] == [
        {"role": "system", "parts": text("Be brief.")},
        {"role": "user", "parts": text("Hi")},
    ]
    (answer,) = call["output_messages"]
    assert (answer["role"], answer["parts"], call["finish_reasons"]) == ("assistant", text("Hello"), ["stop"])


def test_content_blocks_of_bedrock_as_strands_writes_them(parts_of_span: Parts) -> None:
    use = [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}]
    result = [{"toolResult": {"toolUseId": "t1", "status": "success", "content": [{"text": "-3"}]}}]
    events = (
        Event("gen_ai.user.message", {"content": json.dumps([{"text": "Weather in Oslo?"}])}),
        Event("gen_ai.assistant.message", {"content": json.dumps(use)}),
        Event("gen_ai.tool.message", {"content": json.dumps(result)}),
        Event("gen_ai.choice", {"finish_reason": "tool_use", "message": json.dumps(use)}),
    )
    (call,) = parts_of_span(CHAT, events=events)
    assert [message["parts"] for message in call["input_messages"]] == [
        text("Weather in Oslo?"),
        WEATHER,
        [{"type": "tool_call_response", "id": "t1", "response": "-3"}],
    ]
    assert (call["output_messages"][0]["parts"], call["finish_reasons"]) == (WEATHER, ["tool_call"])


def test_the_whole_message_as_json_in_one_attribute_as_azure_writes_it(parts_of_span: Parts) -> None:
    asked = {"role": "user", "content": "Weather in Oslo?"}
    called = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    choice = {"finish_reason": "tool_calls", "index": 0, "message": {"content": None, "tool_calls": [called]}}
    events = (
        Event("gen_ai.user.message", {"gen_ai.event.content": json.dumps(asked)}),
        Event("gen_ai.choice", {"gen_ai.event.content": json.dumps(choice)}),
    )
    (call,) = parts_of_span(CHAT, events=events)
    assert call["input_messages"] == [{"role": "user", "parts": text("Weather in Oslo?")}]
    assert (call["output_messages"][0]["parts"], call["finish_reasons"]) == (WEATHER, ["tool_call"])


@pytest.mark.parametrize(
    "prompt",
    [
        "Hi",
        json.dumps([{"role": "user", "content": "Hi"}]),
        json.dumps({"messages": [{"role": "user", "content": "Hi"}]}),
    ],
)
def test_the_events_of_2024_hold_all_messages_or_a_bare_text(parts_of_span: Parts, prompt: str) -> None:
    events = (
        Event("gen_ai.content.prompt", {"gen_ai.prompt": prompt}),
        Event("gen_ai.content.completion", {"gen_ai.completion": "Hello"}),
    )
    (call,) = parts_of_span(CHAT, events=events)
    assert call["input_messages"] == [{"role": "user", "parts": text("Hi")}]
    assert call["output_messages"] == [{"role": "assistant", "parts": text("Hello")}]


def test_a_details_event_may_stand_on_the_span(parts_of_span: Parts) -> None:
    name = "gen_ai.client.inference.operation.details"
    asked, answered = ([{"role": role, "parts": text(role)}] for role in ("user", "assistant"))
    events = (
        Event(name, {"gen_ai.input.messages": json.dumps(asked)}),
        Event(name, {"gen_ai.output.messages": json.dumps([answered[0] | {"finish_reason": "stop"}])}),
    )
    (call,) = parts_of_span(CHAT, events=events)
    assert call["input_messages"] == asked
    assert (call["output_messages"][0]["parts"], call["finish_reasons"]) == (text("assistant"), ["stop"])


def test_what_the_attributes_say_is_not_said_twice(parts_of_span: Parts) -> None:
    asked = [{"role": "user", "parts": text("Hi")}]
    events = (Event("gen_ai.user.message", {"content": "Hi"}),)
    (call,) = parts_of_span(CHAT | {"gen_ai.input.messages": asked}, events=events)
    assert call["input_messages"] == asked


def test_json_that_a_user_wrote_is_what_he_wrote(parts_of_span: Parts) -> None:
    written = '[{"name": "Ada", "age": 36}]'
    (call,) = parts_of_span(CHAT, events=(Event("gen_ai.user.message", {"content": written}),))
    assert call["input_messages"] == [{"role": "user", "parts": text(written)}]


def test_several_choices_are_in_the_order_of_their_index(parts_of_span: Parts) -> None:
    events = tuple(Event("gen_ai.choice", {"index": n, "message": str(n), "finish_reason": "stop"}) for n in (1, 0))
    (call,) = parts_of_span(CHAT, events=events)
    assert [answer["parts"] for answer in call["output_messages"]] == [text("0"), text("1")]
    assert call["finish_reasons"] == ["stop", "stop"]


def test_an_event_without_its_content_says_nothing(parts_of_span: Parts) -> None:
    events = (Event("gen_ai.user.message", {"gen_ai.system": "openai"}), Event("gen_ai.tool.message", {}))
    (call,) = parts_of_span(CHAT, events=events)
    assert (call["input_messages"], call["output_messages"]) == (None, None)


KEYS = ("content", "role", "message", "tool_calls", "index", "finish_reason", "id", "parts", "text", "messages", "type",
        "function", "arguments", "toolUse", "gen_ai.prompt", "gen_ai.completion", "gen_ai.event.content")  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just('[{"text": 1}]'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(MESSAGE_EVENTS),
            st.dictionaries(st.sampled_from(KEYS), json_values | json_values.map(lambda v: json.dumps(v))),
        ),
        max_size=3,
    )
)
def test_whatever_the_events_hold_becomes_messages_with_a_role_and_parts(events: list[tuple[str, Any]]) -> None:
    listed = [{"name": name, "time_ns": 0, "attributes": attributes} for name, attributes in events]
    span = SpanView(name="chat", scope="", start_ns=0, end_ns=1, status="unset", attributes={}, events=listed)
    facts = describe(span)
    for message in (*facts.get("input_messages", ()), *facts.get("output_messages", ())):
        assert isinstance(message["role"], str)
        assert all(isinstance(part, dict) for part in message["parts"])
