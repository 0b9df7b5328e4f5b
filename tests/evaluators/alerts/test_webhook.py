"""Signatures: who has the secret can tell that a notification is ours, whole and fresh."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collector.validation import complaints
from evaluators.alerts import BadSignature, ReceiverConfig, verify
from evaluators.alerts.config import AlertsConfig
from evaluators.alerts.webhook import signed_headers

SECRET = "a secret of this test"
NOW_S = 1_795_262_400
BODY = b'{"version": "4"}'


def headers(secret: str = SECRET, body: bytes = BODY, at_s: int = NOW_S) -> dict[str, str]:
    return signed_headers(secret, "delivery-1", body, at_s * 10**9)


@given(st.text(min_size=1), st.binary(), st.integers(0, 2**40))
def test_what_was_signed_is_verified(secret: str, body: bytes, at_s: int) -> None:
    verify(secret, headers(secret, body, at_s), body, at_s + 1.0)


def test_the_signature_is_the_documented_one() -> None:
    expected = hmac.new(SECRET.encode(), f"{NOW_S}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert headers()["X-Watchkeeper-Signature"] == f"v1={expected}"
    assert headers()["X-Watchkeeper-Timestamp"] == str(NOW_S)
    assert headers()["X-Watchkeeper-Delivery"] == "delivery-1"


def test_header_names_have_any_case() -> None:
    verify(SECRET, {name.lower(): value for name, value in headers().items()}, BODY, NOW_S)


@pytest.mark.parametrize(
    "given_headers",
    [
        {},
        headers("another secret, also long"),
        headers(body=b"{}"),
        headers() | {"X-Watchkeeper-Timestamp": str(NOW_S + 1)},
        headers() | {"X-Watchkeeper-Timestamp": "now"},
        headers() | {"X-Watchkeeper-Timestamp": "²"},
        headers() | {"X-Watchkeeper-Signature": headers()["X-Watchkeeper-Signature"].removeprefix("v1=")},
        headers() | {"X-Watchkeeper-Signature": "v1=ü"},
        headers(at_s=NOW_S - 301),
        headers(at_s=NOW_S + 301),
    ],
)
def test_anything_else_is_refused(given_headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, given_headers, BODY, NOW_S)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("ftp://oncall.example/hook", "must begin with http:// or https://"),
        ("oncall.example/hook", "must begin with http:// or https://"),
        ("http://", "name a host"),
        ("http://host:port/", "is no URL"),
        ("http://a\0b/", "is no URL"),
        ("http://xn--/", "is no URL"),
        ("https://user:password@oncall.example/", "must hold no user or password"),
    ],
)
def test_a_receiver_needs_an_http_url(url: str, advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        ReceiverConfig.model_validate({"name": "oncall", "url": url, "secret": SECRET})


def test_a_short_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError) as refused:
        ReceiverConfig.model_validate({"name": "oncall", "url": "https://oncall.example", "secret": "hunter2"})
    (sentence,) = complaints(refused.value, ReceiverConfig)
    assert "16 characters or more" in sentence
    assert "hunter2" not in sentence + str(refused.value)


def test_neither_secret_nor_url_is_in_the_text_of_the_settings() -> None:
    receiver = {"name": "oncall", "url": "https://oncall.example/token-in-the-path", "secret": SECRET}
    config = AlertsConfig.model_validate({"receivers": [receiver]})
    assert SECRET not in repr(config)
    assert "token-in-the-path" not in repr(config)


def test_two_receivers_of_one_name_are_refused() -> None:
    receiver = {"name": "oncall", "url": "https://oncall.example", "secret": SECRET}
    with pytest.raises(ValidationError, match="a name of its own"):
        AlertsConfig.model_validate({"receivers": [receiver, receiver]})
