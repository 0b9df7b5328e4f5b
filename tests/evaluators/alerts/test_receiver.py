"""The small receiver, over real sockets."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from evaluators.alerts import WebhookReceiver, lines_of
from evaluators.alerts.webhook import signed_headers

SECRET = "a secret of this test"
BODY = json.dumps(
    {
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Calls fail", "severity": "critical", "service": "shop"},
                "annotations": {"summary": "20 % failed."},
                "generatorURL": "http://127.0.0.1:8600/alerts?alert=1",
            }
        ]
    }
).encode()


@pytest.fixture
def taken() -> list[Any]:
    return []


@pytest.fixture
def receiver(taken: list[Any]) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET, taken.append) as receiver:
        yield receiver


def post(url: str, body: bytes = BODY, *, secret: str = SECRET, delivery_id: str = "1", age_s: int = 0) -> int:
    headers = signed_headers(secret, delivery_id, body, time.time_ns() - age_s * 10**9)
    return httpx.post(url, content=body, headers=headers).status_code


def test_a_signed_notification_is_taken(receiver: WebhookReceiver, taken: list[Any]) -> None:
    assert post(receiver.url) == 204
    assert taken == [json.loads(BODY)]
    assert lines_of(taken[0]) == ["FIRING critical  Calls fail: 20 % failed.  http://127.0.0.1:8600/alerts?alert=1"]


def test_a_repeated_delivery_is_confirmed_and_taken_once(receiver: WebhookReceiver, taken: list[Any]) -> None:
    assert [post(receiver.url), post(receiver.url), post(receiver.url, delivery_id="2")] == [204, 204, 204]
    assert len(taken) == 2


def test_what_is_not_signed_by_us_now_is_refused(receiver: WebhookReceiver, taken: list[Any]) -> None:
    assert post(receiver.url, secret="another secret, also long") == 401
    assert post(receiver.url, age_s=400) == 401
    assert httpx.post(receiver.url, content=BODY).status_code == 401
    assert taken == []


def test_what_is_no_json_or_too_large_is_refused(receiver: WebhookReceiver, taken: list[Any]) -> None:
    assert post(receiver.url, b"not json") == 400
    assert post(receiver.url, b"x" * (2**20 + 1)) == 413
    assert taken == []


def test_one_that_cannot_be_handled_is_sent_again() -> None:
    taken: list[Any] = []

    def fail_first(notification: Any) -> None:
        taken.append(notification)
        if len(taken) == 1:
            raise OSError("the terminal is gone")

    with WebhookReceiver(SECRET, fail_first) as receiver:
        assert [post(receiver.url), post(receiver.url), post(receiver.url)] == [500, 204, 204]
    assert len(taken) == 2
