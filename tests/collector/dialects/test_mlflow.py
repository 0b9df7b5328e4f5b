"""What MLflow's spans tell of model calls: every value is a JSON document in a text."""

import json
from collections.abc import Callable
from typing import Any

from collector.dialects.base import SpanView
from collector.dialects.mlflow import describe

Parts = Callable[..., list[dict[str, Any]]]


def recorded(**documents: Any) -> dict[str, str]:
    return {f"mlflow.{name}": json.dumps(value) for name, value in documents.items()}


def chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({"id": "chatcmpl-1", "model": "gpt-4o-2024-08-06", "choices": [choice]})


def streamed(*chunks: str, **attributes: Any) -> SpanView:
    events = [
        {"name": f"mlflow.chunk.item.{n}", "time_ns": 10**9 * (n + 2), "attributes": {"mlflow.chunk.value": text}}
        for n, text in enumerate(chunks)
    ]
    return SpanView(
        name="Completions",
        scope="mlflow",
        start_ns=10**9,
        end_ns=10**11,
        status="ok",
        attributes=recorded(spanType="CHAT_MODEL", **attributes),
        events=events,
    )


def test_a_call_is_read_from_its_request_and_answer(parts_of_span: Parts) -> None:
    request = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    answer = {"role": "assistant", "content": "Hello", "tool_calls": None}
    response = {"id": "c-1", "model": "gpt-4o-2024-08-06", "choices": [{"finish_reason": "stop", "message": answer}]}
    attributes = recorded(spanType="CHAT_MODEL", spanInputs=request, spanOutputs=response)
    (call,) = parts_of_span(
        attributes | recorded(**{"chat.tokenUsage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}})
    )
    assert (call["request_model"], call["response_model"], call["response_id"]) == (
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "c-1",
    )
    assert (call["input_tokens"], call["output_tokens"], call["stream"]) == (9, 2, False)
    assert (call["parameters"], call["finish_reasons"]) == ({"temperature": 0}, ["stop"])


def test_anthropics_answer_counts_its_caches_in(parts_of_span: Parts) -> None:
    request = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 9,
        "system": "Be terse.",
        "messages": [{"role": "user", "content": "Hi"}],
    }
    usage = {"input_tokens": 500, "output_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0}
    content = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
    ]
    response = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-sonnet-4-5-20250929",
        "role": "assistant",
        "content": content,
        "stop_reason": "tool_use",
        "usage": usage,
    }
    attributes = recorded(
        spanType="CHAT_MODEL", spanInputs=request, spanOutputs=response, **{"message.format": "anthropic"}
    )
    # The library's own sum leaves out the caches.
    attributes |= recorded(**{"chat.tokenUsage": {"input_tokens": 500, "output_tokens": 10, "total_tokens": 510}})
    (call,) = parts_of_span(attributes)
    assert (call["input_tokens"], call["cache_read_tokens"], call["response_id"]) == (600, 100, "msg_1")
    assert call["system_instructions"] == [{"type": "text", "content": "Be terse."}]
    assert [part["type"] for part in call["output_messages"][0]["parts"]] == ["reasoning", "tool_call"]
    assert call["finish_reasons"] == ["tool_call"]


def test_chunks_tell_what_the_recorded_answer_lost() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a"'}}
    span = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"tool_calls": [call]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 2}"}}]}),
        chunk({}, finish_reason="tool_calls"),
        spanInputs={"model": "gpt-4o", "messages": [], "stream": True},
        spanOutputs={"id": "chatcmpl-1", "choices": [{"finish_reason": "stop", "message": {"content": ""}}]},
    )
    facts = describe(span)
    assert facts["output_messages"][0]["parts"] == [
        {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 2}}
    ]
    assert (facts["finish_reasons"], facts["stream"]) == (["tool_calls"], True)
    assert facts["ttft_s"] == 2.0  # the first chunk only says that the answer begins


def test_a_stream_that_broke_leaves_what_came() -> None:
    facts = describe(streamed(chunk({"content": "This is "}), chunk({"content": "cut"})))
    assert facts["output_messages"] == [{"role": "assistant", "parts": [{"type": "text", "content": "This is cut"}]}]
    assert (facts["response_id"], facts["response_model"]) == ("chatcmpl-1", "gpt-4o-2024-08-06")


def test_the_only_model_of_a_langchain_span_is_the_one_asked_for(parts_of_span: Parts) -> None:
    settings = {"model": "gpt-4o", "temperature": 0.1, "_type": "openai-chat", "stop": None}
    attributes = recorded(spanType="CHAT_MODEL", **{"llm.model": "gpt-4o", "llm.provider": "openai"})
    (call,) = parts_of_span(attributes | {"invocation_params": json.dumps(settings)})
    assert (call["request_model"], call["response_model"], call["provider"]) == ("gpt-4o", None, "openai")
    assert call["parameters"] == {"temperature": 0.1}


def test_what_a_retriever_found_becomes_documents() -> None:
    found = [{"page_content": "Paid in 14 days.", "metadata": {"source": "policy.md"}, "id": "d1"}]
    span = streamed(spanOutputs=found)
    facts = describe(
        SpanView(
            name="r",
            scope="",
            start_ns=0,
            end_ns=1,
            status="ok",
            attributes={**span.attributes, **recorded(spanType="RETRIEVER")},
        )
    )
    assert facts == {"documents": [{"id": "d1", "metadata": {"source": "policy.md"}, "content": "Paid in 14 days."}]}


def test_an_agent_is_no_call(parts_of_span: Parts) -> None:
    assert parts_of_span(recorded(spanType="AGENT", spanInputs={"q": "Hi"}, spanOutputs="Hello")) == []
