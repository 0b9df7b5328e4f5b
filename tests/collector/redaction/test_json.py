"""Redaction of JSON: it stays JSON, and no way to write a character hides anything."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from collector.redaction import Kind
from tests.collector.redaction.conftest import Redact

KEY = "sk-" + "proj-4f8Gh2Kq9Lm3Np7Rs1Tv5Wx8"
CARD = 4111111111111111


def test_strings_keys_and_numbers_are_redacted_and_all_else_stays_byte_for_byte(redacted: Redact) -> None:
    text = '{ "a@b.com":1.50,"n" : [1e5, "x\\u00e9\\/y"],"card":4111111111111111 ,"m":"to b@c.org\\tnow" }'
    after = '{ "[EMAIL]":1.50,"n" : [1e5, "x\\u00e9\\/y"],"card":"[CARD]" ,"m":"to [EMAIL]\\tnow" }'
    assert redacted(text, form="json") == after


@pytest.mark.parametrize(
    ("raw", "after"),
    [
        (r'"a\u0040b.com"', '"[EMAIL]"'),
        (r'"\u0061\u0040b\u002ecom"', '"[EMAIL]"'),
        (rf'"line\n{KEY}"', r'"line\n[API_KEY]"'),
        (rf'"tab\t{KEY}\n"', r'"tab\t[API_KEY]\n"'),
        (r'"4111\u00a01111\u00a01111\u00a01111"', '"[CARD]"'),
        (r'"card:\u00a04111111111111111"', r'"card:\u00a0[CARD]"'),
        (r'"\u0007378282246310005"', r'"\u0007[CARD]"'),
        (r'"\u201986095742719"', r'"\u2019[DE_STEUER_ID]"'),
        (r'"\u00e94111111111111111"', r'"\u00e94111111111111111"'),
        (r'"\n4111111111111111\n"', r'"\n[CARD]\n"'),
        (r'"caf\u00e9 b@c.org \ud83d\ude00 d@e.fr"', r'"caf\u00e9 [EMAIL] \ud83d\ude00 [EMAIL]"'),
        (r'"half \ud83d b@c.org"', r'"half \ud83d [EMAIL]"'),
        (r'"https:\/\/u:pass1@h.de\/"', r'"https:\/\/u:[PASSWORD]@h.de\/"'),
        (r'"tel:\u002b49 30 901820"', r'"tel:[PHONE]"'),
    ],
)
def test_escapes_hide_nothing(raw: str, after: str, redacted: Redact) -> None:
    assert redacted(raw, form="json") == after
    assert redacted(f'{{"k": [{raw}]}}', form="json") == f'{{"k": [{after}]}}'
    json.loads(after)


@pytest.mark.parametrize("depth", range(1, 9))
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_json_in_strings_of_json_is_opened(depth: int, ensure_ascii: bool, redacted: Redact) -> None:
    def nested(value: Any) -> str:
        for _ in range(depth):
            value = json.dumps({"inner": value}, ensure_ascii=ensure_ascii)
        return str(json.dumps(value, ensure_ascii=ensure_ascii))

    plain = {"to": 'é "bob@example.com"', "card": CARD, "n": 12, "password": "two words"}
    after = redacted(nested(plain), form="json")
    value = json.loads(after)
    for _ in range(depth):
        value = json.loads(value)["inner"]
    assert value == {"to": 'é "[EMAIL]"', "card": "[CARD]", "n": 12, "password": "[PASSWORD]"}


def test_the_key_says_what_a_number_is(redacted: Redact) -> None:
    text = '{"homePhone": 4155552671, "bsn": "111222333", "total": 4155552671, "list": {"phones": ["467 3395"]}}'
    after = '{"homePhone": "[PHONE]", "bsn": "[NL_BSN]", "total": 4155552671, "list": {"phones": ["[PHONE]"]}}'
    assert redacted(text, form="json") == after


def test_a_secret_without_digits_is_found_in_json_within_json(redacted: Redact) -> None:
    text = json.dumps({"arguments": json.dumps({"password": "abcd"})})
    assert redacted(text) == json.dumps({"arguments": json.dumps({"password": "[PASSWORD]"})})


def test_values_of_secret_keys_are_secrets_whatever_they_look_like(redacted: Redact) -> None:
    text = (
        '{"password": "correct horse", "dbPassword": "abcd", "x-api-key": "zzzzz", "http.request.header.authorization":'
        ' ["Token abcd"], "secret": {"note": "kept"}, "token": "kept", "passwords": 3, "api_key": "your_key_here"}'
    )
    after = (
        '{"password": "[PASSWORD]", "dbPassword": "[PASSWORD]", "x-api-key": "[API_KEY]",'
        ' "http.request.header.authorization":'
        ' ["[BEARER_TOKEN]"], "secret": {"note": "kept"}, "token": "kept", "passwords": 3, "api_key": "your_key_here"}'
    )
    assert redacted(text, form="json") == after
    assert redacted('[{"password": "abcd"}, "kept as it is"]') == '[{"password": "[PASSWORD]"}, "kept as it is"]'


@pytest.mark.parametrize("n_cut", range(1, 40))
def test_json_that_was_cut_is_read_as_text(n_cut: int, redacted: Redact) -> None:
    text = r'[{"role":"user","parts":[{"content":"I am a\u0040b.com,\nkey ' + KEY + ' and that is all there is"}]}]'
    after = redacted(text[:-n_cut])
    assert r"I am [EMAIL],\nkey [API_KEY]" in after


def test_a_cut_argument_string_within_json_is_read_through_both_levels(redacted: Redact) -> None:
    text = json.dumps([{"arguments": json.dumps({"to": "\u00e9 x", "mail": "bob\\u0040example.com"})}])[:-12]
    assert "example" not in redacted(text)


def test_very_deep_json_is_redacted_and_stays_json(redacted: Redact) -> None:
    text = "[" * 5000 + f'{CARD}, "b@c.org"' + "]" * 5000
    assert redacted(text) == "[" * 5000 + '"[CARD]", "[EMAIL]"' + "]" * 5000


def test_a_bare_number_in_a_json_column_stays_json(redacted: Redact) -> None:
    assert redacted(str(CARD), form="json") == '"[CARD]"'
    assert redacted(str(CARD), form="text") == "[CARD]"


def test_numbers_that_are_not_whole_or_too_long_stay(redacted: Redact) -> None:
    text = f'{{"card": {CARD}.5, "b": -{CARD}, "c": {CARD}e3, "d": {CARD}0000, "e": 411111111}}'
    assert redacted(text, form="json") == text


def test_all_kinds_are_found_in_messages(kinds_in: Callable[[str], set[str]]) -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "bob@example.com\n+49 30 901820"}]}]
    assert kinds_in(json.dumps(messages)) == {Kind.EMAIL, Kind.PHONE}
