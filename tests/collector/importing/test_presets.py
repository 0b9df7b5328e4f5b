"""Rows of known programs, in the forms that they have been seen in, to calls."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.call import Call
from collector.calllog import call_of
from collector.errors import BadRequest
from collector.importing.convert import Plan, document_of
from collector.importing.mapping import mapping_of
from collector.importing.presets import PRESETS
from collector.importing.presets.contents import messages_in
from collector.importing.presets.usage import tokens_of_langfuse, tokens_of_openai

START = "2026-11-21T10:00:00Z"
START_S = 1795255200


def call(preset: str, row: dict[str, Any], *maps: str) -> Call:
    found = document_of(row, Plan(preset=PRESETS[preset], mapping=mapping_of(maps)))
    assert found is not None
    return call_of(found)


def text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


CHAT_REQUEST = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Ulm?"}],
    "temperature": 0,
    "stream": False,
    "user": "u1",
    "metadata": {"team": "red"},
    "tools": [{"type": "function", "function": {"name": "weather"}}],
}
CHAT_RESPONSE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": START_S,
    "model": "gpt-4o-mini-2024-07-18",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 30,
        "completion_tokens": 12,
        "total_tokens": 42,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 4},
    },
}


def test_a_chat_completion_pair() -> None:
    got = call("openai", {"request": CHAT_REQUEST, "response": CHAT_RESPONSE, "latency_ms": 750, "session_id": "s1"})
    assert got.start_ns == START_S * 10**9
    assert (got.request_model, got.response_model) == ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert (got.response_id, got.system_fingerprint, got.operation) == ("chatcmpl-1", "fp_1", "chat")
    assert (got.input_tokens, got.output_tokens, got.cache_read_tokens, got.reasoning_tokens) == (30, 12, 8, 4)
    assert (got.latency_s, got.stream, got.session_id, got.user_id) == (0.75, False, "s1", "u1")
    assert (got.parameters, got.metadata) == ({"temperature": 0}, {"team": "red"})
    assert got.input_messages == [text("system", "Be brief."), text("user", "Weather in Ulm?")]
    assert got.output_messages is not None
    [part] = got.output_messages[0]["parts"]
    assert part == {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Ulm"}}
    assert got.tool_definitions == CHAT_REQUEST["tools"]
    assert got.cost_usd is not None


def test_a_pair_as_two_cells_of_json_is_the_same_call() -> None:
    cells = {"request": json.dumps(CHAT_REQUEST), "response": json.dumps(CHAT_RESPONSE), "latency_s": "0.75"}
    objects = {"request": CHAT_REQUEST, "response": CHAT_RESPONSE, "latency_s": 0.75}
    assert call("openai", cells) == call("openai", objects)


def test_a_responses_api_pair() -> None:
    request = {"model": "gpt-5", "instructions": "Be brief.", "input": "Hi", "max_output_tokens": 50}
    response = {
        "id": "resp_1", "object": "response", "created_at": START_S, "status": "completed", "model": "gpt-5-2025-08-07",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thinking"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 20, "input_tokens_details": {"cached_tokens": 0},
                  "output_tokens_details": {"reasoning_tokens": 16}},
    }  # fmt: skip
    got = call("openai", {"request": request, "response": response})
    assert got.system_instructions == [{"type": "text", "content": "Be brief."}]
    assert got.input_messages == [text("user", "Hi")]
    assert got.output_text == "Hello"
    assert (got.input_tokens, got.output_tokens, got.reasoning_tokens) == (9, 20, 16)
    assert got.parameters == {"max_output_tokens": 50}


@pytest.mark.parametrize(
    ("given_input", "texts"), [(["a", "b"], ["a", "b"]), ("a", ["a"]), ([1, 2, 3], []), ([[1, 2]], [])]
)
def test_an_embeddings_pair(given_input: Any, texts: list[str]) -> None:
    response = {
        "object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 2, "total_tokens": 2},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1] * 3}],
    }  # fmt: skip
    row = {"request": {"model": "text-embedding-3-small", "input": given_input}, "response": response, "time": START_S}
    got = call("openai", row)
    assert (got.operation, got.input_tokens, got.output_tokens, got.output_messages) == ("embeddings", 2, None, None)
    assert [m["parts"][0]["content"] for m in got.input_messages or ()] == texts


def test_an_output_line_of_the_batch_api() -> None:
    body = {"status_code": 200, "request_id": "r", "body": CHAT_RESPONSE}
    got = call("openai", {"id": "batch_req_1", "custom_id": "q-7", "response": body, "error": None})
    assert (got.response_id, got.metadata, got.error_type) == ("chatcmpl-1", {"custom_id": "q-7"}, None)


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ({"error": {"type": "rate_limit_error", "message": "slow down"}}, "rate_limit_error", "slow down"),
        ({"error": "connection reset"}, "error", "connection reset"),
        ({"response": {"status_code": 400, "body": {"error": {"message": "no", "code": "bad"}}}}, "bad", "no"),
        ({"response": {"status_code": 503, "body": ""}}, "503", None),
    ],
)
def test_failed_calls(row: dict[str, Any], kind: str, message: str | None) -> None:
    got = call("openai", {"request": CHAT_REQUEST, "timestamp": START, **row})
    assert (got.error_type, got.error_message) == (kind, message)


@pytest.mark.parametrize(
    ("row", "said"),
    [({"timestamp": START}, "neither a request nor a response"), ({"request": CHAT_REQUEST}, "start_time: missing"),
     ({"request": CHAT_REQUEST, "response": [{"object": "chat.completion.chunk"}]}, "stream")],
)  # fmt: skip
def test_a_row_that_is_no_pair_is_refused(row: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        call("openai", row)


SPEND_LOG = {
    "request_id": "chatcmpl-9", "call_type": "acompletion", "api_key": "88dc28", "spend": "0.0125",
    "total_tokens": "30", "prompt_tokens": "20", "completion_tokens": "10",
    "startTime": "2026-11-21 10:00:00.5", "endTime": "2026-11-21 10:00:02",
    "completionStartTime": "2026-11-21 10:00:01", "model": "azure/gpt-4o", "model_id": "m1", "model_group": "big",
    "custom_llm_provider": "azure", "api_base": "", "user": "owner", "end_user": "customer", "team_id": "t1",
    "metadata": json.dumps({
        "user_api_key_alias": "shop", "user_api_key_user_id": "owner",
        "additional_usage_values": {"prompt_tokens_details": {"cached_tokens": 5}, "cache_read_input_tokens": 5},
    }),
    "cache_hit": "False", "cache_key": "Cache OFF", "request_tags": '["a"]', "session_id": "s1", "status": "success",
    "messages": "{}", "response": "{}",
}  # fmt: skip


def test_a_row_of_litellms_spend_logs() -> None:
    got = call("litellm", SPEND_LOG)
    assert (got.call_id, got.session_id, got.user_id, got.tenant) == ("chatcmpl-9", "s1", "customer", "t1")
    assert (got.request_model, got.operation, got.cost_usd) == ("gpt-4o", "chat", 0.0125)
    assert got.latency_s == pytest.approx(1.5)
    assert got.ttft_s == pytest.approx(0.5)
    assert (got.input_tokens, got.output_tokens, got.cache_read_tokens) == (20, 10, 5)
    assert got.tags == ["a"]
    assert got.metadata == {
        "user_api_key_alias": "shop", "call_type": "acompletion", "model_id": "m1", "model_group": "big",
        "cache_hit": "False", "team_id": "t1",
    }  # fmt: skip
    assert (got.input_messages, got.output_messages) == (None, None)


def test_a_failed_row_of_litellm_has_its_error_and_no_tokens() -> None:
    error = {"error_class": "RateLimitError", "error_code": "429", "error_message": "slow down"}
    row = SPEND_LOG | {
        "status": "failure", "prompt_tokens": 0, "completion_tokens": 0, "spend": 0, "completionStartTime": None,
        "metadata": {"error_information": error},
    }  # fmt: skip
    got = call("litellm", row)
    assert (got.error_type, got.error_message) == ("RateLimitError", "slow down")
    assert (got.input_tokens, got.output_tokens, got.cost_usd, got.ttft_s) == (None, None, None, None)


def test_litellms_standard_logging_payload() -> None:
    row = {
        "id": "chatcmpl-9", "trace_id": "not-hex", "call_type": "acompletion", "stream": True, "response_cost": 0.5,
        "status": "success", "custom_llm_provider": "openai", "prompt_tokens": 20, "completion_tokens": 10,
        "startTime": START_S + 0.25, "endTime": START_S + 1.25, "completionStartTime": START_S + 0.5, "model": "gpt-4o",
        "metadata": {"user_api_key_alias": "k", "usage_object": {"completion_tokens_details": {"reasoning_tokens": 3}}},
        "cache_hit": None, "request_tags": [], "end_user": "", "messages": [{"role": "user", "content": "hi"}],
        "response": {"id": "x", "model": "gpt-4o-2024", "choices": [
            {"message": {"role": "assistant", "content": "ho"}, "finish_reason": "stop"}]},
        "model_parameters": {"temperature": 0.5, "stream": True},
    }  # fmt: skip
    got = call("litellm", row)
    assert (got.latency_s, got.ttft_s, got.stream, got.cost_usd) == (1.0, 0.25, True, 0.5)
    assert (got.reasoning_tokens, got.finish_reasons, got.parameters) == (3, ["stop"], {"temperature": 0.5})
    assert (got.prompt_text, got.output_text) == ("hi", "ho")


@pytest.mark.parametrize(
    ("given_cost", "cache_hit", "cost"),
    [(0, "True", 0.0), (0, "False", None), ("0.0", None, None), (0.1, "False", 0.1)],
)
def test_litellms_zero_is_unknown_unless_its_cache_answered(
    given_cost: Any, cache_hit: Any, cost: float | None
) -> None:
    row = SPEND_LOG | {
        "spend": given_cost,
        "cache_hit": cache_hit,
        "model": "own-model",
        "custom_llm_provider": "own-gpu",
    }
    assert call("litellm", row).cost_usd == cost


@pytest.mark.parametrize("call_type", ["call_mcp_tool", "aimage_generation", "/health"])
def test_what_is_no_model_call_of_litellm_is_passed_over(call_type: str) -> None:
    assert document_of(SPEND_LOG | {"call_type": call_type}, Plan(preset=PRESETS["litellm"])) is None


OBSERVATION = {
    "id": "0123456789abcdef", "traceId": "ab" * 16, "type": "GENERATION", "name": "answer", "startTime": START,
    "endTime": "2026-11-21T10:00:02Z", "completionStartTime": "2026-11-21T10:00:01Z", "model": "gpt-4o",
    "modelParameters": {"temperature": 0.2, "max_tokens": "Infinity", "top_p": None},
    "input": [{"role": "user", "content": "hi"}], "output": {"role": "assistant", "content": "ho"},
    "usageDetails": {"input": 10, "output": 5, "input_cached_tokens": 4, "total": 19}, "costDetails": {"input": 0.25,
    "output": 0.25, "total": 0.5}, "level": "DEFAULT", "promptName": "p", "promptVersion": 3, "userId": "u",
    "sessionId": "s", "tags": ["t"], "environment": "prod", "metadata": {"k": "v"},
}  # fmt: skip


def test_an_observation_of_langfuse() -> None:
    got = call("langfuse", OBSERVATION)
    assert (got.trace_id, got.span_id) == ("ab" * 16, "0123456789abcdef")
    assert (got.response_model, got.operation, got.environment) == ("gpt-4o", "chat", "prod")
    assert (got.input_tokens, got.output_tokens, got.cache_read_tokens, got.cost_usd) == (14, 5, 4, 0.5)
    assert (got.latency_s, got.ttft_s, got.parameters) == (2.0, 1.0, {"temperature": 0.2})
    assert (got.user_id, got.session_id, got.tags) == ("u", "s", ["t"])
    assert (got.prompt_text, got.output_text) == ("hi", "ho")
    assert got.metadata == {"name": "answer", "prompt_name": "p", "prompt_version": 3, "k": "v"}


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def test_an_observation_in_snake_case_and_in_cells_of_csv_is_the_same_call() -> None:
    cells = {
        snake(key): value if isinstance(value, str) else json.dumps(value) for key, value in OBSERVATION.items()
    } | {"start_time": "2026-11-21 10:00:00.000000", "end_time": "2026-11-21 10:00:02.000000"}
    cells["provided_model_name"] = cells.pop("model")
    assert call("langfuse", cells) == call("langfuse", OBSERVATION | {"promptVersion": "3"})


def test_observations_that_are_no_generation_are_passed_over() -> None:
    for kind in ("SPAN", "EVENT", "AGENT", "TOOL", "RETRIEVER"):
        assert document_of(OBSERVATION | {"type": kind}, Plan(preset=PRESETS["langfuse"])) is None


def test_ids_of_langfuses_own_form_are_the_same_each_time_and_keep_a_trace_together() -> None:
    own = {"traceId": "trace-a", "id": "gen-1"}
    first, again, other = (call("langfuse", OBSERVATION | own | more) for more in ({}, {}, {"id": "gen-2"}))
    assert (first.trace_id, first.span_id) == (again.trace_id, again.span_id)
    assert first.trace_id == other.trace_id
    assert first.span_id != other.span_id


def test_an_observation_that_failed() -> None:
    got = call("langfuse", OBSERVATION | {"level": "ERROR", "statusMessage": "boom", "usageDetails": {}})
    assert (got.error_type, got.error_message, got.input_tokens) == ("error", "boom", None)


def test_what_is_mapped_goes_before_what_the_preset_says() -> None:
    assert call("langfuse", OBSERVATION | {"release": "r1"}, "release=service", "name=user_id").service == "r1"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 10, "output": 5}, (10, 5)),
        ({"input": 10, "input_cached_tokens": 4, "output": 5, "total": 19}, (14, 5)),
        ({"input": 10, "input_cached_tokens": 4, "output": 5, "total": 15}, (10, 5)),
        (
            {"input": "50", "cache_read_input_tokens": "1800", "cache_creation_input_tokens": 200, "output": 7},
            (2050, 7),
        ),
        ({"input": 1, "output": 5, "output_reasoning_tokens": 20}, (1, 25)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}, (10, 5)),
        ({"promptTokens": 3, "completionTokens": 2, "totalTokens": 5, "unit": "TOKENS"}, (3, 2)),
        ({"input": 300, "output": 20, "unit": "CHARACTERS"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_tokens_of_langfuse(usage: dict[str, Any], expected: tuple[int | None, int | None]) -> None:
    tokens = tokens_of_langfuse(usage)
    assert (tokens.get("input_tokens"), tokens.get("output_tokens")) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 2050, "cache_read_input_tokens": 1800, "cache_creation_input_tokens": 200}, 2050),
        ({"input_tokens": 50, "cache_read_input_tokens": 1800, "cache_creation_input_tokens": 200}, 2050),
        ({"input_tokens": 5000, "cache_read_input_tokens": 1800, "cache_creation_input_tokens": 0}, 6800),
        ({"input_tokens": 50, "input_tokens_details": {"cached_tokens": 20}}, 50),
        ({"prompt_tokens": None}, None),
    ],
)
def test_input_tokens_include_the_cache(usage: dict[str, Any], expected: int | None) -> None:
    assert tokens_of_openai(usage)["input_tokens"] == expected


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        (None, None), ("", None), ("{}", None), ("hi", [text("user", "hi")]),
        ('{"question": "why"}', [text("user", '{"question": "why"}')]),
        ({"messages": [{"role": "user", "content": "a"}]}, [text("user", "a")]),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}]}], [text("user", "a")]),
        ([{"role": "user", "parts": [{"type": "text", "content": "a"}]}], [text("user", "a")]),
        (["a", "b"], [text("user", "a"), text("user", "b")]),
        ([{"type": "human", "content": "a"}, {"type": "ai", "content": "b"}],
         [text("user", "a"), text("assistant", "b")]),
        ({"choices": [{"message": {"role": "assistant", "content": "a"}}]}, [text("assistant", "a")]),
    ],
)  # fmt: skip
def test_what_was_said_in_whatever_form(value: Any, messages: Any) -> None:
    assert messages_in(value, role="user") == messages


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(["role", "content", "type", "text", "tool_calls", "function", "name", "messages", "choices",
                         "message", "usage", "input", "output", "body", "error", "id", "parts"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
COLUMNS = (
    "request", "response", "error", "metadata", "messages", "model_parameters", "input", "output", "usageDetails",
    "costDetails", "modelParameters", "usage", "tags", "id", "traceId", "model", "spend", "request_tags",
)  # fmt: skip


@given(st.sampled_from(sorted(PRESETS)), st.dictionaries(st.sampled_from(COLUMNS), ANY, max_size=5))
def test_any_row_of_any_program_is_a_call_or_is_refused(preset: str, row: dict[str, Any]) -> None:
    try:
        found = document_of({"startTime": START, "timestamp": START, **row}, Plan(preset=PRESETS[preset]))
        if found is not None:
            call_of(found)
    except BadRequest:
        return
