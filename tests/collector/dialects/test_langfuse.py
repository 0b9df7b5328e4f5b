"""What the spans of Langfuse's SDKs tell of model calls."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from collector.times import format_rfc3339

from .conftest import START_NS

Parts = Callable[..., list[dict[str, Any]]]
GENERATION = {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o-2024-08-06"}


def the_call(parts_of_span: Parts, attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    (call,) = parts_of_span(GENERATION | attributes, scope="langfuse-sdk", **fields)
    return call


@pytest.mark.parametrize(
    ("details", "tokens"),
    [
        # OpenAI's names are totals, whatever is detailed beside them.
        (
            {
                "prompt_tokens": 2048,
                "completion_tokens": 900,
                "total_tokens": 2948,
                "prompt_tokens_details": {"cached_tokens": 1920},
                "completion_tokens_details": {"reasoning_tokens": 832},
            },
            (2048, 900, 1920, None, 832),
        ),
        # Langfuse's own leave out what has a key of its own: here the total is the sum of all.
        (
            {"input": 28, "input_cache_read": 100, "output": 16, "output_reasoning": 10, "total": 154},
            (128, 26, 100, None, 10),
        ),
        ({"input": 50, "input_cache_read": 1800, "input_cache_creation": 200, "output": 9}, (2050, 9, 1800, 200, None)),
        # ... and here it is not, so the details are within.
        ({"input": 5, "output": 3, "cache_read_input_tokens": 2, "total": 8}, (5, 3, 2, None, None)),
        # Anthropic as its API has it.
        (
            {
                "input_tokens": 50,
                "output_tokens": 9,
                "cache_read_input_tokens": 1800,
                "cache_creation_input_tokens": 200,
            },
            (2050, 9, 1800, 200, None),
        ),
        ({"input": 14}, (14, None, None, None, None)),
    ],
)
def test_usage_details_add_up_to_totals(parts_of_span: Parts, details: dict[str, Any], tokens: tuple[Any, ...]) -> None:
    call = the_call(parts_of_span, {"langfuse.observation.usage_details": json.dumps(details)})
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    assert tuple(call[name] for name in names) == tokens


def test_the_model_of_an_answer_is_not_the_one_that_was_asked_for(parts_of_span: Parts) -> None:
    call = the_call(parts_of_span, {"langfuse.observation.output": "Hi"})
    assert (call["request_model"], call["response_model"]) == (None, "gpt-4o-2024-08-06")


def test_a_failed_call_has_the_requested_model_its_error_and_no_cost(parts_of_span: Parts) -> None:
    call = the_call(
        parts_of_span,
        {
            "langfuse.observation.level": "ERROR",
            "langfuse.observation.status_message": "Error code: 429 - Rate limit reached.",
            "langfuse.observation.cost_details": json.dumps({"input": 0, "output": 0, "total": 0}),
        },
    )
    assert (call["request_model"], call["response_model"]) == ("gpt-4o-2024-08-06", None)
    assert (call["error_type"], call["error_message"]) == ("429", "Error code: 429 - Rate limit reached.")
    assert call["cost_usd"] is None


def test_parameters_that_the_openai_integration_fills_in_are_no_facts(parts_of_span: Parts) -> None:
    filled = {
        "temperature": 1,
        "max_tokens": "Infinity",
        "top_p": 0.9,
        "frequency_penalty": 0,
        "service_tier": "default",
    }
    call = the_call(parts_of_span, {"langfuse.observation.model.parameters": json.dumps(filled)})
    assert call["parameters"] == {"top_p": 0.9}
    given = {"temperature": 1, "max_tokens": 50}
    call = the_call(parts_of_span, {"langfuse.observation.model.parameters": json.dumps(given)})
    assert call["parameters"] == given


def test_the_first_token_came_at_a_time_with_the_quotes_of_json(parts_of_span: Parts) -> None:
    first = json.dumps(format_rfc3339(START_NS + 250_000_000))
    call = the_call(parts_of_span, {"langfuse.observation.completion_start_time": first})
    assert (call["stream"], call["ttft_s"]) == (True, 0.25)
    assert the_call(parts_of_span, {"langfuse.observation.completion_start_time": "soon"})["ttft_s"] is None


def test_metadata_of_trace_and_observation_lose_the_quotes_of_json(parts_of_span: Parts) -> None:
    call = the_call(
        parts_of_span,
        {
            "langfuse.trace.metadata.tenant": '"acme-eu"',
            "langfuse.observation.metadata.k": '"v"',
            "langfuse.observation.metadata.finish_reason": '"tool_calls"',
            "langfuse.trace.tags": ["a", "b"],
            "langfuse.session.id": "s-1",
            "user.id": "u-1",
            "langfuse.environment": "staging",
            "langfuse.observation.prompt.name": "greeting",
            "langfuse.observation.prompt.version": 3,
        },
    )
    assert call["metadata"] == {"tenant": "acme-eu", "k": "v", "prompt": {"name": "greeting", "version": 3}}
    assert (call["tenant"], call["session_id"], call["user_id"], call["tags"]) == ("acme-eu", "s-1", "u-1", ["a", "b"])
    assert (call["environment"], call["finish_reasons"]) == ("staging", ["tool_call"])


def test_spans_of_other_libraries_keep_what_langfuse_knows_of_the_trace(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        {"gen_ai.operation.name": "chat", "langfuse.trace.metadata.tenant": '"acme"', "langfuse.trace.tags": ["t"]}
    )
    assert (call["metadata"], call["tenant"], call["tags"]) == ({"tenant": "acme"}, "acme", ["t"])


def test_messages_of_the_langchain_integration(parts_of_span: Parts) -> None:
    answer = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"name": "add", "args": {"a": 2}, "id": "c1", "type": "tool_call"}],
    }
    call = the_call(
        parts_of_span,
        {
            "langfuse.observation.input": json.dumps(
                [{"role": "user", "content": "2 + 2?"}, {"role": "tool", "tool_call_id": "c0", "content": "4"}]
            ),
            "langfuse.observation.output": json.dumps(answer),
        },
    )
    assert [message["role"] for message in call["input_messages"]] == ["user", "tool"]
    (part,) = call["output_messages"][0]["parts"]
    assert part == {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 2}}


def test_a_bare_text_stays_as_it_is(parts_of_span: Parts) -> None:
    call = the_call(
        parts_of_span, {"langfuse.observation.input": "7", "langfuse.observation.output": '{"name": "Ada"}'}
    )
    assert call["input_messages"][0]["parts"] == [{"type": "text", "content": "7"}]
    assert call["output_messages"][0]["parts"] == [{"type": "text", "content": '{"name": "Ada"}'}]


def test_an_agent_is_no_call_and_counts_only_with_tokens(parts_of_span: Parts) -> None:
    assert parts_of_span({"langfuse.observation.type": "agent", "langfuse.observation.output": "Hi"}) == []
    assert parts_of_span({"langfuse.observation.type": "span"}) == []
