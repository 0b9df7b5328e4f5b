"""Every field of a request is honoured or refused by name."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.engine.base import Message, Sampling
from serving.protocol import unsupported
from serving.protocol.errors import ApiError
from serving.protocol.requests import chat_request, text_request

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": HELLO, **fields}).encode()


def refusal(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        chat_request(body)
    return caught.value


def test_all_sampling_fields_reach_the_engine() -> None:
    asked = chat_request(
        chat(temperature=0.5, top_p=0.9, max_completion_tokens=12, stop=["a", "b"], seed=-3, user="u-1")
    )
    assert asked.sampling == Sampling(temperature=0.5, top_p=0.9, max_tokens=12, stop=("a", "b"), seed=-3)
    assert asked.user == "u-1"


def test_only_what_the_client_sent_counts_as_a_parameter() -> None:
    assert chat_request(chat()).parameters == {}
    assert chat_request(chat(temperature=0, stop="x")).parameters == {"temperature": 0.0, "stop_sequences": ("x",)}


def test_an_answer_sent_back_with_its_nulls_is_understood() -> None:
    assistant = {"role": "assistant", "content": "Hi", "refusal": None, "tool_calls": None, "audio": None}
    asked = chat_request(chat(messages=[*HELLO, assistant, *HELLO]))
    assert asked.prompt == (Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Hello"))


def test_text_parts_become_lines_and_developer_becomes_system() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    asked = chat_request(chat(messages=[{"role": "developer", "content": parts}, *HELLO]))
    assert asked.prompt == (Message("system", "one\ntwo"), Message("user", "Hello"))


@pytest.mark.parametrize("name", sorted(unsupported.CHAT))
def test_a_documented_field_without_support_is_refused_by_name(name: str) -> None:
    error = refusal(chat(**{name: "something"}))
    assert (error.status, error.param, error.code) == (400, name, "unsupported_parameter")
    assert name in str(error)


@pytest.mark.parametrize(("name", "values"), sorted(unsupported.CHAT.items()))
def test_a_field_that_asks_for_nothing_is_no_reason_to_refuse(name: str, values: tuple[Any, ...]) -> None:
    for value in (*values, None):
        assert chat_request(chat(**{name: value})) == chat_request(chat())


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"temprature": 1}, "temprature", "unknown_parameter"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": "1"}, "temperature", "invalid_value"),
        ({"top_p": -0.1}, "top_p", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "invalid_value"),
        ({"stop": [""]}, "stop[0]", "invalid_value"),
        ({"seed": 2**63}, "seed", "invalid_value"),
        ({"stream": True, "stream_options": {"include": 1}}, "stream_options.include", "unknown_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": "x", "name": "Al"}]}, "messages[0].name", "unknown_parameter"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content",
            "invalid_value",
        ),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    error = refusal(chat(**fields))
    assert (error.status, error.param, error.code) == (400, param, code)


def test_fields_that_contradict_each_other_are_refused() -> None:
    assert "max_completion_tokens" in str(refusal(chat(max_tokens=1, max_completion_tokens=2)))
    assert "stream: true" in str(refusal(chat(stream_options={"include_usage": True})))


def test_a_body_that_is_no_json_object_is_refused() -> None:
    for body in (b"", b"{", b"[]", b'"\xff"', b"[" * 100_000):
        assert refusal(body).code == "invalid_json"


def test_plain_completion_takes_one_prompt_and_openais_default_length() -> None:
    asked = text_request(json.dumps({"model": "m", "prompt": ["Once"]}).encode())
    assert (asked.operation, asked.prompt, asked.sampling.max_tokens) == ("text_completion", "Once", 16)
    with pytest.raises(ApiError, match="one prompt"):
        text_request(json.dumps({"model": "m", "prompt": ["Once", "Twice"]}).encode())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda one: st.lists(one)))
def test_any_value_in_any_place_is_read_or_refused(value: Any) -> None:
    for name in ("model", "messages", "temperature", "stop", "seed", "stream", "stream_options", "user"):
        with contextlib.suppress(ApiError):
            chat_request(json.dumps({"model": "m", "messages": HELLO, name: value}).encode())
