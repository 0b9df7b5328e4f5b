"""Log records about model calls."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from collector.batch import LOG_SCHEMA, PART_SCHEMA, Batch, call_id_of
from collector.dialects.events import event_parts
from collector.query import Filters
from collector.store import open_store

from .conftest import Capture, opened

Logs = Callable[..., pa.Table]
DETAILS = "gen_ai.client.inference.operation.details"
TRACE_ID, SPAN_ID = (b"t" * 16).hex(), (b"s" * 8).hex()


def parts_of(logs: pa.Table) -> list[dict[str, Any]]:
    return [opened(part) for part in event_parts(logs).to_pylist()]


def text(content: str) -> list[dict[str, Any]]:
    return [{"type": "text", "content": content}]


def test_logs_about_anything_else_are_no_parts(logs_of: Logs) -> None:
    assert event_parts(LOG_SCHEMA.empty_table()).equals(PART_SCHEMA.empty_table())
    logs = logs_of(("", "GET /", {}), ("gen_ai.evaluation.result", None, {"gen_ai.evaluation.name": "x"}))
    assert event_parts(logs).schema == PART_SCHEMA
    assert parts_of(logs) == []


def test_one_event_a_message_each_a_part_of_the_spans_call(logs_of: Logs) -> None:
    called = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    logs = logs_of(
        ("gen_ai.system.message", {"content": "Be brief."}, {"gen_ai.system": "openai"}),
        ("gen_ai.developer.message", {"content": "Use tools."}, {}),
        ("gen_ai.user.message", {"content": "Weather in Oslo?"}, {}),
        ("gen_ai.assistant.message", {"tool_calls": [called]}, {}),
        ("gen_ai.tool.message", {"content": "-3", "id": "t1"}, {}),
        (
            "gen_ai.choice",
            {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "Cold"}},
            {},
        ),
    )
    parts = parts_of(logs)
    assert [part["part_id"] for part in parts] == logs["log_id"].to_pylist()
    assert {(part["part_kind"], part["call_id"]) for part in parts} == {("message", call_id_of(TRACE_ID, SPAN_ID))}
    *asked, answered = parts
    assert [message for part in asked for message in part["input_messages"]] == [
        {"role": "system", "parts": text("Be brief.")},
        {"role": "developer", "parts": text("Use tools.")},
        {"role": "user", "parts": text("Weather in Oslo?")},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "weather", "arguments": {"city": "Oslo"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "-3"}]},
    ]
    assert answered["output_messages"] == [
        {"role": "assistant", "parts": text("Cold"), "index": 1, "finish_reason": "stop"}
    ]
    assert answered["finish_reasons"] == ["stop"]
    assert [part["start_ns"] for part in parts] == logs["time_ns"].to_pylist()


def test_a_body_may_be_a_bare_text(logs_of: Logs) -> None:
    (part,) = parts_of(logs_of(("gen_ai.user.message", "Hi", {})))
    assert part["input_messages"] == [{"role": "user", "parts": text("Hi")}]


def test_the_messages_of_litellms_events_of_2024(logs_of: Logs) -> None:
    asked, answered = parts_of(
        logs_of(
            ("gen_ai.content.prompt", {"role": "system", "content": "Be brief."}, {"gen_ai.prompt": "Be brief."}),
            (
                "gen_ai.content.completion",
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}},
                {},
            ),
        )
    )
    assert asked["input_messages"] == [{"role": "system", "parts": text("Be brief.")}]
    assert answered["output_messages"][0]["parts"] == text("Hi")


def test_a_details_event_tells_what_a_span_would(logs_of: Logs) -> None:
    asked = [{"role": "user", "parts": text("Hi"), "name": None}]
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 0,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.response.id": "None",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": "8",
        "gen_ai.usage.cache_creation.input_tokens": -1,
        "gen_ai.input.messages": asked,
        "gen_ai.system_instructions": json.dumps(text("Be brief.")),
        "gen_ai.prompt.name": "greet",
    }
    (part,) = parts_of(logs_of((DETAILS, None, attributes)))
    assert (part["part_kind"], part["call_id"]) == ("event", call_id_of(TRACE_ID, SPAN_ID))
    assert (part["provider"], part["request_model"], part["operation"]) == ("openai", "gpt-4o", "chat")
    assert (part["input_tokens"], part["output_tokens"], part["cache_write_tokens"]) == (0, 8, None)
    assert (part["response_id"], part["finish_reasons"]) == (None, ["tool_call"])
    assert part["parameters"] == {"temperature": 0, "stop_sequences": ["END"], "reasoning.level": "low"}
    assert part["input_messages"] == [{"role": "user", "parts": text("Hi")}]
    assert part["system_instructions"] == text("Be brief.")
    assert part["metadata"] == {"prompt": {"name": "greet"}}


def test_a_details_event_without_a_span_is_a_call_by_itself(logs_of: Logs) -> None:
    attributes = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 3}
    logs = logs_of((DETAILS, "", attributes), span=b"")
    (part,), again = parts_of(logs), parts_of(logs)
    assert (part["part_kind"], part["operation"]) == ("span", "chat")
    assert part["call_id"] == part["part_id"] == logs["log_id"][0].as_py()
    assert part["call_id"] == call_id_of(part["trace_id"], part["span_id"])
    assert [part] == again


def test_a_priced_model_has_its_price_in_a_log_record_too(logs_of: Logs) -> None:
    usage = {"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 0}
    named = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"}
    (known,) = parts_of(logs_of((DETAILS, None, named | usage)))
    (unknown,) = parts_of(logs_of((DETAILS, None, {"gen_ai.request.model": "of-nobody"} | usage)))
    assert known["cost_usd"] > 0
    assert unknown["cost_usd"] is None


def test_a_message_without_a_span_belongs_nowhere(logs_of: Logs) -> None:
    assert parts_of(logs_of(("gen_ai.user.message", {"content": "Hi"}, {}), span=b"")) == []


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool", "fetch_response", "one_of_its_own"])
def test_a_details_event_about_something_else_than_a_call_is_no_part(logs_of: Logs, operation: str) -> None:
    attributes = {"gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 3}
    assert parts_of(logs_of((DETAILS, None, attributes))) == []


def test_an_exception_event_names_the_error_of_its_call(logs_of: Logs) -> None:
    attributes = {"exception.type": "openai.RateLimitError", "exception.message": "slow down"}
    (part,) = parts_of(logs_of(("gen_ai.client.operation.exception", None, attributes)))
    assert (part["part_kind"], part["error_type"]) == ("event", "openai.RateLimitError")
    assert part["error_message"] == "slow down"


def test_the_capture_with_one_event_a_message_holds_every_prompt_and_answer(captured: Callable[[str], Capture]) -> None:
    capture = captured("openai-v2")
    parts = parts_of(capture.logs())
    assert {part["part_kind"] for part in parts} == {"message"}
    response_of = {part["call_id"]: part["response_id"] for part in capture.parts()}
    said: dict[str, dict[str, list[Any]]] = {}
    for part in parts:
        of_call = said.setdefault(response_of[part["call_id"]], {"input_messages": [], "output_messages": []})
        for side, messages in of_call.items():
            messages += part[side] or []
    for response_id, truth in capture.with_response_id.items():
        roles = [message["role"] for message in truth["messages"]]
        assert [message["role"] for message in said[response_id]["input_messages"]] == roles, truth["scenario"]
        answers = said[response_id]["output_messages"]
        assert [answer["index"] for answer in answers] == list(range(len(truth["output"])))
        for answer, wanted in zip(answers, truth["output"], strict=True):
            calls = [part["arguments"] for part in answer["parts"] if part["type"] == "tool_call"]
            assert calls == [call["arguments"] for call in wanted["tool_calls"]]


def test_the_capture_with_details_events_tells_the_same_as_its_spans(captured: Callable[[str], Capture]) -> None:
    capture = captured("genai-langchain")
    by_span = {part["call_id"]: part for part in capture.parts()}
    events = parts_of(capture.logs())
    assert len(events) == len({event["call_id"] for event in events}) > 5
    fields = (
        "provider", "operation", "request_model", "response_id", "input_tokens", "output_tokens", "cache_read_tokens",
        "reasoning_tokens", "finish_reasons", "parameters", "error_type",
    )  # fmt: skip
    for event in events:
        span = by_span[event["call_id"]]
        assert {name: event[name] for name in fields} == {name: span[name] for name in fields}
        sides = ("input_messages", "output_messages")
        assert [_parts(event[side]) for side in sides] == [_parts(span[side]) for side in sides]


def test_a_call_whose_span_and_messages_come_apart_and_in_any_order_ends_as_one(
    captured: Callable[[str], Capture], tmp_path: Path
) -> None:
    capture = captured("openai-v2")
    rng, logs = random.Random(7), capture.logs()
    rows = rng.sample(range(logs.num_rows), logs.num_rows)
    split = [logs.take(pa.array(rows[first::6])) for first in range(6)]
    batches = [Batch(logs=some, parts=event_parts(some)) for some in split] + capture.batches()
    rng.shuffle(batches)
    store = open_store(tmp_path)
    for batch in batches:
        store.write([batch])
    calls = store.calls(Filters(since_ns=0, until_ns=2**63 - 1), limit=1000).items
    assert len(calls) == len(capture.parts())
    by_response = {call.response_id: call for call in calls}
    for response_id, truth in capture.with_response_id.items():
        call = by_response[response_id]
        assert [message["role"] for message in call.input_messages or ()] == [m["role"] for m in truth["messages"]]
        assert len(call.output_messages or ()) == len(truth["output"])
        assert len(call.finish_reasons or ()) == len(truth["output"])
    store.close()


def test_a_record_without_a_span_joins_the_span_of_its_answer_and_does_not_lead_it(
    captured: Callable[[str], Capture], tmp_path: Path
) -> None:
    capture = captured("openlit")
    logs = capture.logs()
    lone = {part["response_id"] for part in parts_of(logs) if part["part_kind"] == "span"}
    assert len(lone) > 1
    store = open_store(tmp_path)
    for batch in (Batch(logs=logs, parts=event_parts(logs)), *capture.batches()):
        store.write([batch])
    calls = store.calls(Filters(since_ns=0, until_ns=2**63 - 1), limit=1000).items
    joined = [call for call in calls if call.response_id in lone]
    assert len(joined) == len(lone)
    assert all(call.latency_s for call in joined)
    unreported = {truth["response_id"] for truth in capture.calls if truth.get("usage_reported", True) is False}
    assert {call.response_id for call in joined if call.input_tokens is None} == lone & unreported
    store.close()


def _parts(messages: list[dict[str, Any]] | None) -> list[Any]:
    return [(message["role"], message["parts"]) for message in messages or ()]
