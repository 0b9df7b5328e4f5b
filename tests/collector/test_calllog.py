"""One document of a request/response log -> Call."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.batch import call_id_of
from collector.call import Call
from collector.calllog import call_of
from collector.documents import read_documents
from collector.errors import BadRequest

START = "2026-11-21T10:00:00.25Z"


def a_document(**fields: Any) -> dict[str, Any]:
    return {"start_time": START, "service": "shop", "request_model": "gpt-4o-mini", **fields}


def a_full_call() -> Call:
    return call_of(
        a_document(
            project="default",
            environment="prod",
            provider="openai",
            response_model="gpt-4o-mini-2024-07-18",
            response_id="chatcmpl-1",
            system_fingerprint="fp_1",
            operation="chat",
            stream=True,
            latency_s=1.5,
            ttft_s=0.25,
            input_tokens=100,
            output_tokens=20,
            cache_read_tokens=40,
            cache_write_tokens=0,
            reasoning_tokens=5,
            cost_usd=0.0125,
            finish_reasons=["stop"],
            error_type="Timeout",
            error_message="too slow",
            parameters={"temperature": 0.5},
            session_id="s1",
            user_id="u1",
            tenant="acme",
            tags=["a", "b"],
            metadata={"nested": {"n": 1}},
            system_instructions="Be brief.",
            input_messages="Where is my parcel?",
            output_messages="In Ulm.",
            tool_definitions=[{"type": "function", "name": "track"}],
            contexts=["The parcel is in Ulm."],
        )
    )


def test_only_the_time_is_needed_and_unknown_stays_unknown() -> None:
    call = call_of({"start_time": START})
    assert call.start_ns == 1795255200_250000000
    assert call.project == "default"
    known = {"call_id", "trace_id", "span_id", "project", "start_time"}
    assert {name for name, value in call.to_json().items() if value is not None} == known


def test_what_the_api_answers_can_be_sent_back_unchanged() -> None:
    call = a_full_call()
    assert call_of(json.loads(json.dumps(call.to_json()))) == call


def test_a_retry_of_the_same_document_has_the_same_ids() -> None:
    first, again = call_of(a_document(input_messages="hi")), call_of(a_document(input_messages="hi"))
    other = call_of(a_document(input_messages="ho"))
    assert (first.call_id, first.trace_id, first.span_id) == (again.call_id, again.trace_id, again.span_id)
    assert first.call_id != other.call_id
    assert first.call_id == call_id_of(first.trace_id, first.span_id)


def test_the_order_of_the_fields_does_not_change_the_ids() -> None:
    document = a_document(input_messages="hi", user_id="u")
    assert call_of(dict(reversed(document.items()))).call_id == call_of(document).call_id


def test_a_call_id_of_our_form_is_that_of_its_trace_and_span() -> None:
    given_id = "0123456789abcdef" * 2
    call = call_of(a_document(call_id=given_id))
    assert call.call_id == given_id == call_id_of(call.trace_id, call.span_id)


def test_a_call_id_of_the_senders_own_form_is_kept_and_decides_the_other_ids() -> None:
    first, changed = call_of(a_document(call_id="req-1")), call_of(a_document(call_id="req-1", user_id="u"))
    assert first.call_id == "req-1"
    assert (first.trace_id, first.span_id) == (changed.trace_id, changed.span_id)
    assert len(first.trace_id) == 32
    assert len(first.span_id) == 16


def test_ids_that_the_sender_gives_are_kept() -> None:
    call = call_of(a_document(call_id="mine", trace_id="AB" * 16, span_id="cd" * 8))
    assert (call.call_id, call.trace_id, call.span_id) == ("mine", "ab" * 16, "cd" * 8)


def test_calls_of_one_given_trace_stay_in_it_with_spans_of_their_own() -> None:
    first, second = (call_of(a_document(trace_id="ab" * 16, input_messages=text)) for text in ("one", "two"))
    assert first.trace_id == second.trace_id == "ab" * 16
    assert first.span_id != second.span_id


def test_a_known_model_is_priced_and_a_given_cost_is_kept() -> None:
    usage = {"provider": "openai", "input_tokens": 1000, "output_tokens": 100}
    # gpt-4o-mini lists 0.15 and 0.60 USD per million tokens.
    assert call_of(a_document(**usage)).cost_usd == pytest.approx(1000 * 0.15e-6 + 100 * 0.60e-6)
    assert call_of(a_document(**usage, cost_usd=0.0)).cost_usd == 0.0
    assert call_of(a_document(**usage | {"provider": "our-own-gpu"})).cost_usd is None


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_text_is_unknown(value: str | None) -> None:
    assert call_of(a_document(user_id=value)).user_id is None


def test_an_error_message_alone_makes_a_failed_call() -> None:
    assert call_of({"start_time": START, "error_message": "boom"}).error_type == "error"
    assert call_of({"start_time": START, "error_message": "boom", "error_type": "Timeout"}).error_type == "Timeout"
    assert call_of({"start_time": START, "error_message": ""}).error_type is None


def test_bare_texts_become_messages_of_the_user_and_the_assistant() -> None:
    call = call_of(a_document(system_instructions="Be brief.", input_messages="hi", output_messages="hello"))
    assert call.system_instructions == [{"type": "text", "content": "Be brief."}]
    assert call.input_messages == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert call.output_messages == [{"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}]
    assert (call.prompt_text, call.output_text) == ("hi", "hello")


def test_a_chat_in_openai_form_becomes_parts() -> None:
    arguments = '{"city": "Ulm"}'
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": arguments}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    answer = [{"role": "assistant", "content": "Sunny.", "finish_reason": "stop"}]
    call = call_of(a_document(input_messages=chat, output_messages=answer))
    assert call.input_messages == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Ulm"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny"}]},
    ]
    assert call.output_messages == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}], "finish_reason": "stop"}
    ]


def test_contexts_may_be_texts_or_objects() -> None:
    call = call_of(a_document(contexts=["one", {"id": "d2", "content": "two"}]))
    assert call.contexts == [{"content": "one"}, {"id": "d2", "content": "two"}]
    assert call.context_texts == ["one", "two"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"start_time": None}, "start_time: "),
        ({"start_time": "yesterday"}, "start_time: 'yesterday' is not an RFC 3339 time"),
        ({"start_time": "1970-01-01T00:00:00Z"}, "start_time: not between the years 2000 and 2200"),
        ({"respone_model": "x"}, "respone_model: unknown, did you mean response_model?"),
        ({"input_tokens": -1}, "input_tokens: "),
        ({"input_tokens": 2**63}, "input_tokens: "),
        ({"input_tokens": "12"}, "input_tokens: "),
        ({"input_tokens": True}, "input_tokens: "),
        ({"latency_s": -0.1}, "latency_s: "),
        ({"stream": "yes"}, "stream: "),
        ({"tags": "a"}, "tags: "),
        ({"metadata": []}, "metadata: "),
        ({"trace_id": "xyz"}, "trace_id: must be 32 hexadecimal digits"),
        ({"call_id": ""}, "call_id: "),
        ({"input_messages": 5}, "input_messages: must be a text or a list of messages"),
        ({"input_messages": [{"content": "hi"}]}, "input_messages[0].role: "),
        ({"input_messages": ["hi", {"role": "user"}]}, "input_messages[1]: has neither parts nor content"),
        ({"input_messages": [{"role": "user", "parts": "hi"}]}, "input_messages[0].parts: must be a list"),
        ({"output_messages": [{"role": "a", "parts": [{"type": "text"}]}]}, "output_messages[0].parts[0].content: "),
        ({"output_messages": [{"role": "assistant", "tool_calls": [{}]}]}, "output_messages[0].tool_calls[0]: "),
        ({"contexts": "one"}, "contexts: must be a list"),
        ({"contexts": [{}]}, "contexts[0]: "),
        ({"input_tokens": 10, "cache_read_tokens": 11}, "input_tokens: 10 is less than the 11 cache tokens"),
        ({"output_tokens": 10, "reasoning_tokens": 11}, "output_tokens: 10 is less than the 11 reasoning tokens"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused_with_the_path_of_what_is_wrong(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        call_of(a_document(**fields))
    assert str(refusal.value).startswith(says)


def test_the_place_in_the_body_is_named() -> None:
    good, bad = json.dumps(a_document()), json.dumps({"service": "shop"})
    with pytest.raises(BadRequest, match=r"^\[1\]: start_time: missing$"):
        read_documents(f"[{good},{bad}]".encode(), call_of, lines=False)
    with pytest.raises(BadRequest, match=r"^line 3: start_time: missing$"):
        read_documents(f"{good}\n\n{bad}\n".encode(), call_of, lines=True)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"latency_s": NaN}', b'{"metadata": {"x": 1e999}}', b"\xff", b'"\\ud800"', b"[" * 10_000]
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^body: "):
        read_documents(body, call_of, lines=False)


def test_an_object_a_list_and_lines_read_the_same() -> None:
    text = json.dumps(a_document()).encode()
    expected = [call_of(a_document())]
    assert read_documents(text, call_of, lines=False) == expected
    assert read_documents(b"[" + text + b"]", call_of, lines=False) == expected
    assert read_documents(b"\n" + text + b"\r\n", call_of, lines=True) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


# The first draw builds tables and is slow on a busy machine.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(Call.__dataclass_fields__)), json_values, max_size=6))
def test_any_document_is_read_or_refused_and_what_is_read_can_be_sent_back(fields: dict[str, Any]) -> None:
    try:
        call = call_of(a_document(**fields))
    except BadRequest:
        return
    assert call_of(call.to_json()) == call
