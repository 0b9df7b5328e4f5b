"""What Logfire's instrumentation of OpenAI's and Anthropic's clients tells of model calls."""

import json
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.normalise import normalise
from collector.otlp.table import read_export

from .conftest import START_NS, pairs

Parts = Callable[..., list[dict[str, Any]]]
CHAT = "Chat Completion with {request_data[model]!r}"
RECORD = "streaming response from {request_data[model]!r} took {duration:.2f}s"
REQUEST = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "stream": True}


def sent(template: str, request: dict[str, Any], response: dict[str, Any] | None = None) -> dict[str, Any]:
    attributes = {"logfire.msg_template": template, "request_data": json.dumps(request), "logfire.tags": ["LLM"]}
    return attributes | ({} if response is None else {"response_data": json.dumps(response)})


def test_a_call_is_read_from_its_request_and_answer(parts_of_span: Parts) -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    response = {"message": {"role": "assistant", "content": "Hello"}, "usage": usage}
    (call,) = parts_of_span(sent(CHAT, REQUEST | {"stream": False}, response), scope="logfire.openai")
    assert (call["operation"], call["provider"], call["request_model"]) == ("chat", "openai", "gpt-4o")
    assert (call["input_tokens"], call["output_tokens"], call["cache_read_tokens"]) == (9, 2, 4)
    assert (call["stream"], call["parameters"], call["tags"]) == (False, {"temperature": 0.5}, ["LLM"])
    assert call["output_messages"][0]["parts"] == [{"type": "text", "content": "Hello"}]


def test_the_record_of_a_stream_has_its_answer(parts_of_span: Parts) -> None:
    request = parts_of_span(sent(CHAT, REQUEST), scope="logfire.openai")[0]
    assert (request["stream"], request["output_messages"]) == (True, None)
    record = sent(RECORD, REQUEST, {"combined_chunk_content": "Hello", "chunk_count": 2})
    (later,) = parts_of_span(record | {"logfire.span_type": "log"}, scope="logfire.openai")
    assert (later["operation"], later["stream"], later["request_model"]) == ("chat", True, "gpt-4o")
    assert later["input_messages"] == request["input_messages"]
    assert later["output_messages"][0]["parts"] == [{"type": "text", "content": "Hello"}]


def test_anthropics_count_leaves_out_the_cache_and_its_arguments_stand_in_an_envelope(parts_of_span: Parts) -> None:
    calls = [{"id": "t1", "function": {"name": "add", "arguments": json.dumps({"input": {"a": 2}})}}]
    usage = {"input_tokens": 500, "output_tokens": 9, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0}
    response = {"message": {"role": "assistant", "content": "Adding.", "tool_calls": calls}, "usage": usage}
    attributes = sent(
        "Message with {request_data[model]!r}",
        {"model": "claude-sonnet-4-5", "max_tokens": 9, "system": "Be terse.", "messages": []},
        response,
    )
    told = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 9}
    (call,) = parts_of_span(attributes | told, scope="logfire.anthropic")
    assert (call["input_tokens"], call["output_tokens"], call["cache_read_tokens"]) == (600, 9, 100)
    assert call["output_messages"][0]["parts"][1]["arguments"] == {"a": 2}
    assert call["system_instructions"] == [{"type": "text", "content": "Be terse."}]


def test_a_count_on_the_span_alone_is_kept(parts_of_span: Parts) -> None:
    attributes = sent(CHAT, {"model": "gpt-4o"}) | {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7}
    (call,) = parts_of_span(attributes, scope="logfire.openai")
    assert call["input_tokens"] == 7


def test_completions_and_embeddings(parts_of_span: Parts) -> None:
    completion = sent(
        "Completion with {request_data[model]!r}",
        {"model": "m", "prompt": "The quick"},
        {"text": " fox", "usage": None, "finish_reason": "stop"},
    )
    (call,) = parts_of_span(completion, scope="logfire.openai")
    assert (call["operation"], call["finish_reasons"]) == ("text_completion", ["stop"])
    assert call["output_messages"][0]["parts"][0]["content"] == " fox"
    embedding = sent(
        "Embedding Creation with {request_data[model]!r}",
        {"model": "e", "input": ["a", "b"]},
        {"usage": {"prompt_tokens": 4, "total_tokens": 4}},
    )
    (call,) = parts_of_span(embedding, scope="logfire.openai")
    assert (call["operation"], call["input_tokens"], len(call["input_messages"])) == ("embeddings", 4, 2)


def test_what_announces_a_span_is_neither_a_span_nor_a_call() -> None:
    export = ExportTraceServiceRequest()
    of_scope = export.resource_spans.add().scope_spans.add()
    of_scope.scope.name = "logfire.openai"
    for number, kind in enumerate(("pending_span", "span"), 1):
        attributes = sent(CHAT, REQUEST) | {"logfire.span_type": kind}
        times = {"start_time_unix_nano": START_NS, "end_time_unix_nano": START_NS + number}
        of_scope.spans.append(
            Span(trace_id=b"t" * 16, span_id=bytes([number] * 8), attributes=pairs(attributes), **times)
        )
    batch = normalise(read_export(export.SerializeToString()))
    assert (batch.spans["span_id"].to_pylist(), batch.parts["span_id"].to_pylist()) == (["02" * 8], ["02" * 8])
