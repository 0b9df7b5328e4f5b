"""Spans as an OTLP endpoint receives them from the real server by the real OpenTelemetry SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import openai
import pytest

from serving.config import ServingConfig
from serving.engine.generation import Usage
from serving.protocol.requests import chat_request
from serving.telemetry import Telemetry, traces_url

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import Collector, Server

HELLO: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Où est-ce ?"}]
INTERNAL, ERROR, UNSET = 1, 2, 0


def test_a_call_is_described_in_the_genai_conventions(
    client: openai.OpenAI, server: Server, collector: Collector
) -> None:
    answer = client.chat.completions.create(
        model=server.model, messages=HELLO, temperature=0.5, max_tokens=8, seed=3, stop=["zzz"], user="u-1"
    )
    span = collector.wait_for_response(answer.id)
    assert span.name == f"chat {server.model}"
    assert span.kind == INTERNAL
    assert span.status_code == UNSET
    assert span.resource["service.name"] == "watchkeeper-serving"
    attributes = dict(span.attributes)
    assert json.loads(attributes.pop("gen_ai.input.messages")) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Où est-ce ?"}]},
    ]
    text = answer.choices[0].message.content
    assert json.loads(attributes.pop("gen_ai.output.messages")) == [
        {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "length"}
    ]
    assert answer.usage is not None
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "watchkeeper",
        "gen_ai.request.model": server.model,
        "gen_ai.request.stream": False,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 8,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": ["zzz"],
        "user.id": "u-1",
        "gen_ai.response.id": answer.id,
        "gen_ai.response.model": server.model,
        "gen_ai.response.finish_reasons": ["length"],
        "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": 8,
    }


def test_a_stream_tells_when_its_first_chunk_came(client: openai.OpenAI, server: Server, collector: Collector) -> None:
    chunks = list(client.chat.completions.create(model=server.model, messages=HELLO, max_tokens=40, stream=True))
    span = collector.wait_for_response(chunks[0].id)
    assert span.attributes["gen_ai.request.stream"] is True
    assert 0 < span.attributes["gen_ai.response.time_to_first_chunk"] < span.duration_s
    assert span.attributes["gen_ai.usage.output_tokens"] == 40


def test_a_call_belongs_to_the_trace_of_its_caller(client: openai.OpenAI, server: Server, collector: Collector) -> None:
    trace_id, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    answer = client.chat.completions.create(
        model=server.model,
        messages=HELLO,
        max_tokens=1,
        extra_headers={"traceparent": f"00-{trace_id}-{caller}-01"},
    )
    span = collector.wait_for_response(answer.id)
    assert (span.trace_id, span.parent_span_id) == (trace_id, caller)


def test_a_refused_call_is_an_error_with_its_type(client: openai.OpenAI, collector: Collector) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=HELLO)
    span = collector.wait_for(lambda span: span.attributes.get("gen_ai.request.model") == "nobody")
    assert span.attributes["error.type"] == "model_not_found"
    assert span.status_code == ERROR
    assert "nobody" in span.status_message
    assert "gen_ai.usage.input_tokens" not in span.attributes


def test_a_plain_completion_is_another_operation(client: openai.OpenAI, server: Server, collector: Collector) -> None:
    answer = client.completions.create(model=server.model, prompt="The parcel", max_tokens=2)
    span = collector.wait_for_response(answer.id)
    assert span.name == f"text_completion {server.model}"
    assert span.attributes["gen_ai.operation.name"] == "text_completion"
    assert json.loads(span.attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == "The parcel"


@pytest.mark.parametrize("capture_content", [True, False])
def test_content_is_sent_only_where_it_may_be(capture_content: bool, collector: Collector, tmp_path: Path) -> None:
    config = ServingConfig(
        model_path=tmp_path,
        otlp_endpoint=collector.url + "/v1/traces",
        service_name="content",
        capture_content=capture_content,
    )
    telemetry = Telemetry(config)
    response_id = f"content-{capture_content}"
    no_headers: Mapping[str, str] = {}
    with telemetry.record("chat", no_headers) as span:
        span.asked(chat_request(json.dumps({"model": "m", "messages": HELLO}).encode()))
        span.answered(response_id=response_id, model="m", text="secret", finish_reason="stop", usage=Usage(1, 2))
    telemetry.close()
    received = collector.wait_for_response(response_id)
    assert received.resource["service.name"] == "content"
    assert ("secret" in str(received.attributes)) is capture_content
    assert ("Be brief." in str(received.attributes)) is capture_content


def test_the_endpoint_is_a_base_url_or_the_full_one() -> None:
    for endpoint in ("http://h:4318", "http://h:4318/", "http://h:4318/v1/traces"):
        assert traces_url(endpoint) == "http://h:4318/v1/traces"
    assert traces_url("https://h/api/otel") == "https://h/api/otel/v1/traces"
