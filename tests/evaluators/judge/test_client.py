import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evaluators.judge.client import MAX_ATTEMPTS, Client, _retry_after_s
from evaluators.judge.failures import JudgeError, JudgeMisconfigured, JudgeRefused, JudgeUnavailable

MESSAGES = ({"role": "system", "content": "Judge."}, {"role": "user", "content": "This."})
SCHEMA = {"type": "object"}
KEY = "sk-secret-0123456789"


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    client = Client(
        base_url=server.base_url, model="judge-1", api_key=KEY, api_key_env="JUDGE_KEY", timeout_s=0.5, backoff_s=0.01
    )
    yield client
    client.close()


def test_a_request_is_structured_and_as_repeatable_as_can_be(server: Any, client: Client) -> None:
    reply = client.ask(MESSAGES, SCHEMA)
    assert json.loads(reply.text)["verdict"] == "yes"
    assert (reply.response_model, reply.input_tokens, reply.output_tokens) == ("judge-1-2026-10-01", 1_000, 100)
    (body,) = server.bodies
    assert body["model"] == "judge-1"
    assert body["messages"] == list(MESSAGES)
    assert body["temperature"] == 0
    assert body["max_tokens"] == 1_000
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_without_a_key_no_authorization_is_sent(server: Any) -> None:
    client = Client(base_url=server.base_url, model="m")
    client.ask(MESSAGES, SCHEMA)
    client.close()
    assert "Authorization" not in server.headers[0]


def test_a_judge_on_this_machine_is_not_asked_through_the_proxy_of_the_environment(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as no_proxy_at_all:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{no_proxy_at_all.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        client = Client(base_url=server.base_url, model="m", timeout_s=1.0)
        client.ask(MESSAGES, SCHEMA)
        client.close()
    assert len(server.bodies) == 1


def test_a_server_that_knows_no_schema_is_asked_for_json_then_for_text_and_remembered(
    server: Any, client: Client, says: Any, fails: Any
) -> None:
    def respond(body: dict[str, Any]) -> Any:
        return fails(400, "response_format is not known here") if "response_format" in body else says("no")

    server.respond = respond
    assert "no" in client.ask(MESSAGES, SCHEMA).text
    kinds = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert kinds == ["json_schema", "json_object", None]
    client.ask(MESSAGES, SCHEMA)
    assert len(server.bodies) == 4


def test_a_model_that_reasons_gets_its_own_names_and_keeps_its_schema(
    server: Any, client: Client, says: Any, fails: Any
) -> None:
    def respond(body: dict[str, Any]) -> Any:
        if "max_tokens" in body:
            return fails(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return fails(400, "Unsupported value: 'temperature' does not support 0 with this model.")
        return says("yes")

    server.respond = respond
    client.ask(MESSAGES, SCHEMA)
    last = server.bodies[-1]
    assert (len(server.bodies), last["max_completion_tokens"]) == (3, 1_000)
    assert last["response_format"]["type"] == "json_schema"


def test_one_request_that_is_refused_does_not_change_the_form_of_the_next(
    server: Any, client: Client, says: Any, fails: Any
) -> None:
    server.respond = lambda body: fails(400, "This model's maximum context length is 4096 tokens.")
    with pytest.raises(JudgeRefused, match="maximum context length"):
        client.ask(MESSAGES, SCHEMA)
    server.respond = lambda body: says("yes")
    client.ask(MESSAGES, SCHEMA)
    assert server.bodies[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_an_overloaded_server_is_asked_again(server: Any, client: Client, says: Any, fails: Any, status: int) -> None:
    server.respond = lambda body: fails(status) if len(server.bodies) < MAX_ATTEMPTS else says("yes")
    client.ask(MESSAGES, SCHEMA)
    assert len(server.bodies) == MAX_ATTEMPTS


def test_a_server_that_stays_down_is_given_up_after_a_few_attempts(server: Any, client: Client, fails: Any) -> None:
    server.respond = lambda body: fails(500)
    with pytest.raises(JudgeUnavailable, match="answered 500, 3 times") as caught:
        client.ask(MESSAGES, SCHEMA)
    assert len(server.bodies) == MAX_ATTEMPTS
    assert not caught.value.may_be_billed


def test_the_server_says_how_long_to_wait(server: Any, client: Client, says: Any, fails: Any) -> None:
    server.respond = lambda body: fails(429, headers={"Retry-After": "1"}) if len(server.bodies) < 2 else says("yes")
    began_s = time.monotonic()
    client.ask(MESSAGES, SCHEMA)
    assert 1.0 <= time.monotonic() - began_s < 5.0


def test_a_long_wait_is_not_waited(server: Any, client: Client, fails: Any) -> None:
    server.respond = lambda body: fails(429, headers={"Retry-After": "3600"})
    began_s = time.monotonic()
    with pytest.raises(JudgeUnavailable, match="asks to wait 3600 s"):
        client.ask(MESSAGES, SCHEMA)
    assert time.monotonic() - began_s < 2.0
    assert len(server.bodies) == 1


def test_retry_after_is_seconds_or_a_date_and_nonsense_is_none() -> None:
    assert _retry_after_s("2", 0.0) == 2.0
    assert _retry_after_s("0.5", 0.0) == 0.5
    assert _retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 20.0) == 40.0
    assert _retry_after_s("Thu, 01 Jan 1970 00:00:10 GMT", 20.0) == 0.0
    assert [_retry_after_s(text, 0.0) for text in ("soon", "-1", "nan", "", None)] == [None] * 5


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "set the variable JUDGE_KEY"),
        (403, "set the variable JUDGE_KEY"),
        (404, r"judge\.base_url .* judge\.model 'judge-1'"),
        (302, r"judge\.base_url"),
    ],
)
def test_a_wrong_key_or_address_is_not_tried_again_and_says_what_to_change(
    server: Any, client: Client, fails: Any, status: int, told: str
) -> None:
    server.respond = lambda body: fails(status)
    with pytest.raises(JudgeMisconfigured, match=told):
        client.ask(MESSAGES, SCHEMA)
    assert len(server.bodies) == 1


def test_the_key_is_in_no_error_and_no_log(
    server: Any, client: Client, fails: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for status in (400, 401, 404, 422, 500):
        server.respond = lambda body, status=status: fails(status, f"Incorrect API key provided: {KEY}")
        with pytest.raises(JudgeError) as caught:
            client.ask(MESSAGES, SCHEMA)
        texts += [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
    assert KEY in server.headers[0]["Authorization"]
    assert not any(KEY in text for text in [*texts, caplog.text, repr(client)])


def test_a_key_that_no_header_can_hold_is_refused_without_showing_it() -> None:
    with pytest.raises(JudgeMisconfigured, match="JUDGE_KEY") as caught:
        Client(base_url="http://127.0.0.1:1/v1", model="m", api_key="sk\nsecret", api_key_env="JUDGE_KEY")
    assert "secret" not in str(caught.value)


def test_a_slow_answer_is_given_up_in_time_and_may_have_been_billed(server: Any, client: Client, says: Any) -> None:
    release = threading.Event()

    def respond(body: dict[str, Any]) -> Any:
        release.wait(5.0)
        return says("yes")

    server.respond = respond
    began_s = time.monotonic()
    with pytest.raises(JudgeUnavailable, match=r"no reply within 0\.5 s") as caught:
        client.ask(MESSAGES, SCHEMA)
    release.set()
    assert time.monotonic() - began_s < 3.0
    assert caught.value.may_be_billed
    assert len(server.bodies) == 1  # a second one might be billed as well


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A socket that reads a request and then does what the test says."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(answer: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                with contextlib.suppress(OSError):  # the client hung up, as it should
                    answer(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    yield serve
    for thread in threads:
        thread.join(10.0)
    for listener in listeners:
        listener.close()


def test_a_server_that_drips_bytes_is_given_up_in_time(raw_server: Callable[..., str]) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.1)

    client = Client(base_url=raw_server(drip), model="m", timeout_s=0.5)
    began_s = time.monotonic()
    with pytest.raises(JudgeUnavailable, match="no reply within"):
        client.ask(MESSAGES, SCHEMA)
    assert time.monotonic() - began_s < 3.0
    client.close()


def test_a_reply_without_end_is_cut_off(raw_server: Callable[..., str]) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            connection.sendall(b" " * 65_536)

    client = Client(base_url=raw_server(flood), model="m", timeout_s=10.0)
    with pytest.raises(JudgeUnavailable, match="over 1048576 bytes"):
        client.ask(MESSAGES, SCHEMA)
    client.close()


def test_a_connection_that_breaks_may_have_been_billed(raw_server: Callable[..., str]) -> None:
    client = Client(base_url=raw_server(lambda connection: None), model="m")
    with pytest.raises(JudgeUnavailable, match="connection broke") as caught:
        client.ask(MESSAGES, SCHEMA)
    assert caught.value.may_be_billed
    client.close()


def test_an_endpoint_that_is_not_there_is_tried_again_and_was_not_billed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = Client(base_url=f"http://127.0.0.1:{port}/v1", model="m", backoff_s=0.01)
    with pytest.raises(JudgeUnavailable, match=r"cannot be reached .* 3 times") as caught:
        client.ask(MESSAGES, SCHEMA)
    assert not caught.value.may_be_billed
    client.close()


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"{}", b'{"choices": []}', b"[1]", b"\xff", b"null"])
def test_what_is_no_chat_completion_says_to_check_the_address(server: Any, client: Client, content: bytes) -> None:
    server.respond = lambda body: (200, {}, content)
    with pytest.raises(JudgeRefused, match=r"check that judge\.base_url"):
        client.ask(MESSAGES, SCHEMA)


def test_stopping_ends_the_wait_before_the_next_attempt(server: Any, fails: Any) -> None:
    server.respond = lambda body: fails(429, headers={"Retry-After": "20"})
    client = Client(base_url=server.base_url, model="m")
    threading.Timer(0.3, client.close).start()
    began_s = time.monotonic()
    with pytest.raises(JudgeUnavailable, match="was stopped"):
        client.ask(MESSAGES, SCHEMA)
    assert time.monotonic() - began_s < 5.0
