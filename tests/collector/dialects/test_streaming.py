"""Whether a call was streamed, and when its first token came."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

Parts = Callable[..., list[dict[str, Any]]]
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}  # the spans of these tests last 2.5 s
SERVER = "gen_ai.server.time_to_first_token"


def told(parts_of_span: Parts, attributes: dict[str, Any], **more: Any) -> tuple[bool | None, float | None]:
    (call,) = parts_of_span(CHAT | attributes, **more)
    return call["stream"], call["ttft_s"]


def test_who_timed_a_first_chunk_streamed(parts_of_span: Parts) -> None:
    assert told(parts_of_span, {"gen_ai.response.time_to_first_chunk": 0.4}) == (True, 0.4)
    assert told(parts_of_span, {}) == (None, None)


def test_a_call_that_was_not_streamed_has_no_first_token(parts_of_span: Parts) -> None:
    assert told(parts_of_span, {"gen_ai.request.stream": False, SERVER: 0.4}) == (False, None)
    assert told(parts_of_span, {SERVER: 2.5}) == (None, None)  # the whole answer came at once


@pytest.mark.parametrize(("value", "seconds"), [(0.4, 0.4), (2.2, 2.2), (400, 0.4), (2400.0, 2.4), (90_000, 90_000.0)])
def test_a_server_time_above_the_duration_is_milliseconds_where_that_is_plausible(
    parts_of_span: Parts, value: float, seconds: float
) -> None:
    assert told(parts_of_span, {"gen_ai.request.stream": True, SERVER: value}) == (True, pytest.approx(seconds))


def test_libraries_that_mark_every_stream_imply_that_the_others_are_none(parts_of_span: Parts) -> None:
    scope = "opentelemetry.instrumentation.genai.openai"
    assert told(parts_of_span, {}, scope=scope) == (False, None)
    assert told(parts_of_span, {"gen_ai.request.stream": True}, scope=scope) == (True, None)
    failed = Status(code=Status.STATUS_CODE_ERROR)
    assert told(parts_of_span, {}, scope=scope, status=failed) == (None, None)  # it may have failed before the mark
