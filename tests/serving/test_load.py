"""What happens when clients leave, too many come, or the server is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

if TYPE_CHECKING:
    from tests.serving.conftest import Collector, Server

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
LONG = 30_000  # tokens: many seconds of work, so that a test can act while it runs


def cancelled_before_the_end(attributes: dict[str, Any]) -> bool:
    return attributes.get("gen_ai.response.finish_reasons") == ["cancelled"]


def test_a_stream_whose_client_has_left_is_cancelled(
    client: openai.OpenAI, server: Server, collector: Collector
) -> None:
    stream = client.chat.completions.create(model=server.model, messages=HELLO, max_tokens=LONG, stream=True)
    response_id = next(stream).id
    stream.close()
    span = collector.wait_for_response(response_id)
    assert cancelled_before_the_end(span.attributes)
    assert 0 < span.attributes["gen_ai.usage.output_tokens"] < LONG
    assert "error.type" not in span.attributes


def test_an_answer_whose_client_has_left_is_cancelled(server: Server, collector: Collector) -> None:
    with pytest.raises(openai.APITimeoutError):
        server.client().with_options(timeout=0.5).chat.completions.create(
            model=server.model, messages=HELLO, max_tokens=LONG, user="impatient"
        )
    span = collector.wait_for(lambda span: span.attributes.get("user.id") == "impatient")
    assert cancelled_before_the_end(span.attributes)
    assert span.attributes["gen_ai.usage.output_tokens"] < LONG


def test_a_full_line_is_refused_with_the_time_to_come_back(client: openai.OpenAI, server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(1 + server.max_waiting):
            stream = client.chat.completions.create(model=server.model, messages=HELLO, max_tokens=LONG, stream=True)
            stack.callback(stream.close)
        with pytest.raises(openai.InternalServerError, match="retry in") as caught:
            client.chat.completions.create(model=server.model, messages=HELLO, max_tokens=1)
        assert caught.value.status_code == 503
        assert caught.value.code == "overloaded"
        assert int(caught.value.response.headers["retry-after"]) >= 1
    # All have left: the next one waits for one token of the running answer, not for the answers of the line.
    retrying = client.with_options(max_retries=5, timeout=10)
    assert retrying.chat.completions.create(model=server.model, messages=HELLO, max_tokens=1).usage is not None


def test_waiting_requests_are_all_answered(client: openai.OpenAI, server: Server) -> None:
    def greedy(_: int) -> str | None:
        answer = client.chat.completions.create(model=server.model, messages=HELLO, max_tokens=20, temperature=0)
        return answer.choices[0].message.content

    with ThreadPoolExecutor() as pool:
        assert len(set(pool.map(greedy, range(1 + server.max_waiting)))) == 1


def test_a_stopping_server_finishes_what_it_can_and_tells_the_others(
    start_server: Callable[..., AbstractContextManager[Server]], model_folder: Path, collector: Collector
) -> None:
    with start_server(model_path=model_folder, otlp_endpoint=collector.url, drain_timeout_s=3) as server:
        create = server.client().chat.completions.create
        short = create(model=server.model, messages=HELLO, max_tokens=200, stream=True)
        too_long = create(model=server.model, messages=HELLO, max_tokens=LONG, stream=True)
        next(short)
        server.process.send_signal(signal.SIGTERM)
        assert list(short)[-1].choices[0].finish_reason == "length"
        first = next(too_long)
        with pytest.raises(openai.APIError, match="the server is stopping"):
            list(too_long)
        assert server.process.wait(timeout=20) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.base_url + "/models")
    span = collector.wait_for_response(first.id)
    assert span.attributes["error.type"] == "server_stopping"
    assert cancelled_before_the_end(span.attributes)
