"""OTel GenAI on spans: current names, older ones, and what the conventions leave open."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Capture

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
Parts = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize(
    "name", ["cache_write.input_tokens", "cache_creation.input_tokens", "cache_write_input_tokens"]
)
def test_cache_writes_are_read_under_their_new_and_their_old_names(parts_of_span: Parts, name: str) -> None:
    (call,) = parts_of_span(CHAT | {"gen_ai.usage.input_tokens": 2050, f"gen_ai.usage.{name}": 200})
    assert (call["input_tokens"], call["cache_write_tokens"]) == (2050, 200)


def test_parameters_that_are_words_stay_words(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        CHAT
        | {
            "gen_ai.request.reasoning.level": "high",
            "gen_ai.request.temperature": 0,
            "gen_ai.request.stop_sequences": ["END"],
            "gen_ai.request.previous_response.id": "resp_1",
        }
    )
    assert call["parameters"] == {
        "reasoning.level": "high",
        "temperature": 0,
        "stop_sequences": ["END"],
        "previous_response_id": "resp_1",
    }


def test_the_prompt_template_is_part_of_the_metadata(parts_of_span: Parts) -> None:
    template = {"gen_ai.prompt.name": "greet", "gen_ai.prompt.version": "3", "gen_ai.prompt.variable.name": "Ada"}
    (call,) = parts_of_span(CHAT | template)
    assert call["metadata"] == {"prompt": {"name": "greet", "version": "3", "variables": {"name": "Ada"}}}


def test_content_that_was_moved_out_is_named_by_its_address(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        CHAT
        | {
            "gen_ai.input.messages_ref": "s3://bucket/in.json",
            "gen_ai.output.messages_ref": "s3://bucket/out.json",
            "gen_ai.system_instructions_ref": "s3://bucket/system.json",
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}],
        }
    )
    assert call["input_messages"] == [{"role": "user", "parts": [{"type": "uri", "uri": "s3://bucket/in.json"}]}]
    assert call["system_instructions"] == [{"type": "uri", "uri": "s3://bucket/system.json"}]
    assert call["output_messages"][0]["parts"][0]["content"] == "Hi"  # what is here wins


def test_a_finish_reason_is_also_read_from_the_answer(parts_of_span: Parts) -> None:
    answer = [{"role": "assistant", "parts": [], "finish_reason": "end_turn"}]
    assert parts_of_span(CHAT | {"gen_ai.output.messages": answer})[0]["finish_reasons"] == ["stop"]
    told = {"gen_ai.response.finish_reasons": ["tool_calls"], "gen_ai.output.messages": answer}
    assert parts_of_span(CHAT | told)[0]["finish_reasons"] == ["tool_call"]


def test_fetching_an_answer_again_is_no_call(parts_of_span: Parts) -> None:
    assert parts_of_span({"gen_ai.operation.name": "fetch_response", "gen_ai.response.id": "resp_1"}) == []


@pytest.mark.parametrize(
    ("word", "operation"),
    [("completion", "chat"), ("acompletion", "chat"), ("embedding", "embeddings"), ("Chat", "chat")],
)
def test_other_words_for_an_operation_are_folded(parts_of_span: Parts, word: str, operation: str) -> None:
    (call,) = parts_of_span({"gen_ai.operation.name": word, "gen_ai.request.model": "m"})
    assert (call["operation"], call["part_kind"]) == (operation, "span")


def test_an_unknown_operation_counts_only_where_no_call_is_below_it(parts_of_span: Parts) -> None:
    step = {"gen_ai.operation.name": "deliberate", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9}
    (part,) = parts_of_span(step)
    assert (part["operation"], part["part_kind"], part["input_tokens"]) == ("deliberate", "wrapper", 9)
    assert parts_of_span({"gen_ai.operation.name": "deliberate"}) == []


def test_a_client_span_with_model_and_tokens_is_a_call_even_without_an_operation(parts_of_span: Parts) -> None:
    said = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4", "gen_ai.usage.prompt_tokens": 5}
    (call,) = parts_of_span(said)
    assert (call["operation"], call["input_tokens"], call["part_kind"]) == ("chat", 5, "span")
    assert parts_of_span({"gen_ai.request.model": "gpt-4"}) == []


def test_every_call_of_the_capture_is_told_by_the_current_conventions(captured: Callable[[str], Capture]) -> None:
    capture = captured("genai-openai")
    calls = {part["response_id"]: part for part in capture.parts() if part["response_id"]}
    assert calls.keys() == capture.with_response_id.keys()
    for response_id, truth in capture.with_response_id.items():
        call = calls[response_id]
        assert (call["request_model"], call["stream"]) == (truth["request_model"], truth["stream"]), truth["scenario"]
        if truth["visible"]["usage"] and truth.get("usage_reported", True):
            details = (call["input_tokens"], call["output_tokens"], call["reasoning_tokens"] or 0)
            usage = truth["usage"]
            assert details == (usage["input_tokens"], usage["output_tokens"], usage.get("output_reasoning", 0))
