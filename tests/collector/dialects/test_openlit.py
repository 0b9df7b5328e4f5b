"""What of OpenLIT's spans is a fact."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Parts = Callable[..., list[dict[str, Any]]]
SCOPE = "openlit.instrumentation.openai"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "openai.api.type": "chat_completions",
}
DEFAULTS = {
    "gen_ai.request.seed": 0,
    "gen_ai.request.temperature": 1.0,
    "gen_ai.request.top_p": 1.0,
    "gen_ai.request.frequency_penalty": 0.0,
    "gen_ai.request.max_tokens": -1,
    "gen_ai.request.user": "",
}
USAGE = {"gen_ai.usage.input_tokens": 17, "gen_ai.usage.output_tokens": 20}


def test_defaults_that_nobody_sent_are_no_parameters(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | DEFAULTS | {"gen_ai.request.top_p": 0.5}, scope=SCOPE)
    assert (call["parameters"], call["user_id"]) == ({"top_p": 0.5}, None)
    (other,) = parts_of_span(CHAT | DEFAULTS, scope="another")
    assert other["parameters"]["temperature"] == 1


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"gen_ai.request.stream": True}, None),
        ({"gen_ai.request.stream": True, "gen_ai.usage.cache_read.input_tokens": 0}, 17),
        ({"gen_ai.request.stream": False}, 17),
    ],
)
def test_counts_that_openlit_guessed_are_unknown(
    parts_of_span: Parts, more: dict[str, Any], tokens: int | None
) -> None:
    (call,) = parts_of_span(CHAT | USAGE | more, scope=SCOPE)
    assert call["input_tokens"] == tokens


def test_anthropics_caches_are_counted_into_the_input(parts_of_span: Parts) -> None:
    usage = USAGE | {"gen_ai.usage.cache_read.input_tokens": 5, "gen_ai.usage.cache_creation.input_tokens": 1}
    (call,) = parts_of_span(CHAT | usage, scope="openlit.instrumentation.anthropic")
    assert (call["input_tokens"], call["cache_read_tokens"]) == (23, 5)
    (other,) = parts_of_span(CHAT | usage, scope=SCOPE)
    assert other["input_tokens"] == 17


def test_what_is_no_stream_has_no_first_token(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        CHAT | {"gen_ai.request.stream": False, "gen_ai.server.time_to_first_token": 2.4}, scope=SCOPE
    )
    assert (call["stream"], call["ttft_s"]) == (False, None)


def test_the_system_message_is_not_told_twice(parts_of_span: Parts) -> None:
    system = {"role": "system", "parts": [{"type": "text", "content": "Be terse."}]}
    user = {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}
    instructions = {"gen_ai.system_instructions": json.dumps(system["parts"])}
    (call,) = parts_of_span(CHAT | instructions | {"gen_ai.input.messages": json.dumps([system, user])}, scope=SCOPE)
    assert call["system_instructions"] is None
    # The Responses API takes instructions apart, and then they stand only there.
    (call,) = parts_of_span(CHAT | instructions | {"gen_ai.input.messages": json.dumps([user])}, scope=SCOPE)
    assert call["system_instructions"] == system["parts"]


def test_a_text_that_is_a_list_of_texts_is_several_parts(parts_of_span: Parts) -> None:
    nested = [{"role": "system", "parts": [{"type": "text", "content": [{"type": "text", "text": "Be terse."}]}]}]
    attributes = {"gen_ai.system_instructions": "[]", "gen_ai.input.messages": json.dumps(nested)}
    (call,) = parts_of_span(CHAT | attributes, scope=SCOPE)
    assert call["input_messages"][0]["parts"] == [{"type": "text", "content": "Be terse."}]


def test_a_cost_it_could_not_know_is_none(parts_of_span: Parts) -> None:
    unpriced = CHAT | USAGE | {"gen_ai.request.model": "our-own-model", "gen_ai.request.stream": False}
    (call,) = parts_of_span(unpriced | {"gen_ai.usage.cost": 0}, scope=SCOPE)
    assert call["cost_usd"] is None
    (call,) = parts_of_span(unpriced | {"gen_ai.usage.cost": 0.25}, scope=SCOPE)
    assert call["cost_usd"] == 0.25


def test_http_spans_below_are_no_calls(captured: Callable[[str], Any]) -> None:
    capture = captured("openlit")
    parts = capture.parts()
    assert {part["scope"] for part in parts} == {SCOPE}
    by_id = {part["response_id"]: part for part in parts if part["response_id"]}
    for response_id, truth in capture.with_response_id.items():
        usage = truth["usage"] if truth.get("usage_reported", True) else {}
        part = by_id[response_id]
        assert (part["input_tokens"], part["output_tokens"]) == (usage.get("input_tokens"), usage.get("output_tokens"))
        sent = {name: value for name, value in truth["params"].items() if name in ("temperature", "top_p", "seed")}
        told = {name: value for name, value in (part["parameters"] or {}).items() if name in sent or name == "seed"}
        assert told == sent
