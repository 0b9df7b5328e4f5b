"""The real `openai` client against the real server process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

if TYPE_CHECKING:
    from tests.serving.conftest import Server

HELLO: list[Any] = [{"role": "user", "content": "When does my parcel arrive?"}]


@pytest.fixture
def ask(client: openai.OpenAI, server: Server) -> Any:
    def create(**fields: Any) -> Any:
        return client.chat.completions.create(**{"model": server.model, "messages": HELLO, "max_tokens": 24, **fields})

    return create


def text_of(answer: Any) -> str:
    content = answer.choices[0].message.content
    assert isinstance(content, str)
    return content


def test_an_answer_has_text_usage_and_a_finish_reason(ask: Any, server: Server) -> None:
    answer = ask()
    assert answer.model == server.model
    assert answer.object == "chat.completion"
    assert len(text_of(answer)) > 24
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 24
    assert answer.usage.prompt_tokens > 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 24


def test_the_streamed_pieces_are_the_answer(ask: Any) -> None:
    whole = ask(temperature=0)
    chunks = list(ask(temperature=0, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == text_of(whole)
    assert len(chunks) > 5
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["length"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_usage_is_streamed_only_on_request(ask: Any) -> None:
    assert all(chunk.choices and chunk.usage is None for chunk in ask(stream=True))


def test_the_same_seed_gives_the_same_answer(ask: Any) -> None:
    first, again, other = (text_of(ask(seed=seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_without_a_seed_answers_differ(ask: Any) -> None:
    assert text_of(ask()) != text_of(ask())


def test_the_least_top_p_is_the_greedy_answer(ask: Any) -> None:
    assert text_of(ask(top_p=0)) == text_of(ask(temperature=0))


def test_an_answer_stops_before_the_stop_string(ask: Any) -> None:
    whole = text_of(ask(temperature=0))
    stop = whole[len(whole) // 2 :][:3]
    answer = ask(temperature=0, stop=["never in there", stop])
    assert text_of(answer) == whole[: whole.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    streamed = ask(temperature=0, stop=stop, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == whole[: whole.index(stop)]


def test_the_conversation_reaches_the_model(ask: Any) -> None:
    system = {"role": "system", "content": "Answer briefly."}
    alone, instructed = ask(temperature=0), ask(temperature=0, messages=[system, *HELLO])
    assert text_of(alone) != text_of(instructed)
    assert instructed.usage.prompt_tokens > alone.usage.prompt_tokens


def test_plain_completion_continues_a_text(client: openai.OpenAI, server: Server) -> None:
    answer = client.completions.create(model=server.model, prompt="The parcel", temperature=0)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 16
    chunks = client.completions.create(model=server.model, prompt="The parcel", temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text


def test_the_model_is_listed(client: openai.OpenAI, server: Server) -> None:
    assert [model.id for model in client.models.list()] == [server.model]
    assert client.models.retrieve(server.model).owned_by == "watchkeeper"


def test_an_unknown_model_is_not_found(ask: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-4") as caught:
        ask(model="gpt-4")
    assert caught.value.code == "model_not_found"


def test_a_field_that_cannot_be_honoured_is_refused_by_name(ask: Any) -> None:
    for fields in ({"n": 2}, {"logprobs": True}, {"extra_body": {"min_p": 0.1}}):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(**fields)
        assert caught.value.param == next(iter(fields.get("extra_body", fields)))


def test_what_exceeds_the_context_is_refused_with_the_limit(ask: Any, server: Server) -> None:
    long = [{"role": "user", "content": "parcel " * server.context_tokens}]
    for fields in ({"messages": long}, {"max_tokens": server.context_tokens}):
        with pytest.raises(openai.BadRequestError, match=f"context is {server.context_tokens} tokens") as caught:
            ask(**fields)
        assert caught.value.code == "context_length_exceeded"


def test_a_conversation_that_the_template_refuses_is_a_bad_request(ask: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="no such conversation"):
        ask(messages=[{"role": "user", "content": "refuse me"}])


def test_other_refusals_have_the_same_shape(server: Server) -> None:
    url = f"{server.base_url}/chat/completions"
    json_type = {"content-type": "application/json"}
    for answer, status in (
        (httpx.get(f"{server.base_url}/nothing"), 404),
        (httpx.get(url), 405),
        (httpx.post(url, content=b"{", headers=json_type), 400),
        (httpx.post(url, content=b"x" * 1_000_001, headers=json_type), 413),
        (httpx.post(url, content=b"{}", headers={"content-type": "text/plain"}), 415),
    ):
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_the_server_says_that_it_is_well(server: Server) -> None:
    assert httpx.get(server.base_url.removesuffix("/v1") + "/healthz").json() == {"status": "ok"}
