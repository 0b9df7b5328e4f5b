"""Secrets without a shape of their own, told by the name before them: `password=...`, `"api_key": "..."`, URLs."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from collector.redaction.beginnings import Beginnings
from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match

PASSWORD_NAMES: Final = r"pass(?:word|wd|phrase)|pwd"
_OF_KEYS: Final = ("api", "secret", "access", "private", "account", "auth", "subscription", "signing", "encryption")
_OF_TOKENS: Final = ("api", "access", "refresh", "auth", "bearer", "session", "security")
_KEY_AFTER: Final = r"[_\-. ]?(?:access[_\-. ]?)?key"
_TOKEN_AFTER: Final = r"[_\-. ]?token"
_SECRET_AFTER: Final = r"[_\-. ]?secret"
KEY_NAMES: Final = (
    f"(?:{'|'.join(_OF_KEYS)}){_KEY_AFTER}|(?:{'|'.join(_OF_TOKENS)}){_TOKEN_AFTER}"
    f"|(?:client|app){_SECRET_AFTER}|secret"
)
_NAMES_BY_FIRST_WORD: Final = (
    *(word + _KEY_AFTER for word in _OF_KEYS),
    *(word + _TOKEN_AFTER for word in _OF_TOKENS),
    *(word + _SECRET_AFTER for word in ("client", "app")),
    *("secret", "pass(?:word|wd|phrase)", "pwd"),
)
"""The names, each alternative beginning with a literal."""
HEADER_NAMES: Final = r"authorization|cookie|set-cookie"

_OPERATOR = r"[\"'`]?\s{0,3}(?::=|=>|[:=])\s{0,3}"
_VALUE = r"(?:\"[^\"\n]*+\"?|'[^'\n]*+'?|`[^`\n]*+`?|[^\s\"'`,;&<>(){}\[\]|\\]++)"

_NAME = re.compile(f"{KEY_NAMES}|{PASSWORD_NAMES}", re.IGNORECASE)
_KEY = re.compile(f"(?:(?P<header>{HEADER_NAMES})|(?P<key>{KEY_NAMES})|(?P<password>{PASSWORD_NAMES}))$", re.IGNORECASE)
_ASSIGN = re.compile(_OPERATOR)
_PASSWORD = re.compile(PASSWORD_NAMES, re.IGNORECASE)
_CREDENTIALS = re.compile(r"://[^\s/:@\"'<>]*:")
_SYMBOL_OR_DIGIT = re.compile(r"[^A-Za-z.,!?'\u2019-]")
_PLACEHOLDER = re.compile(
    r"[x*.\u2022_#-]+|(?:your|my|the)[_\- ].*|<.*|[$%{].*"
    r"|[.~]{0,2}/[\w./-]*\.[a-z]{2,4}"  # the path of a key file
    r"|none|null|nil|true|false|undefined|string|str|int|integer|bool|boolean|object|required|optional|redacted|hidden"
    r"|example|changeme|n/a",
    re.IGNORECASE | re.DOTALL,
)
# password=password, api_key=settings.api_key, secret=getSecret(: names and calls of program code.
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+|\w*(?:pass|pwd|secret|token|key)\w*", re.IGNORECASE | re.ASCII)

MIN_LENGTH = 4


@lru_cache(maxsize=4096)
def secret_of_key(key: str) -> Kind | None:
    """The kind of secret that a JSON key announces, whatever its value looks like."""
    found = _KEY.search(key, max(0, len(key) - 64))
    if found is None or not _is_whole_name(key, found.start()):
        return None
    if found["header"]:
        return Kind.BEARER_TOKEN
    return Kind.API_KEY if found["key"] else Kind.PASSWORD


def is_secret_value(value: str) -> bool:
    """Whether the value of such a key holds a secret, not a placeholder."""
    return len(value.strip()) >= MIN_LENGTH and not _PLACEHOLDER.fullmatch(value.strip())


def _is_whole_name(text: str, start: int) -> bool:
    """Whether a name begins at `start`: after no letter, as a hump of `dbPassword`, or anyhow with pass: PGPASSWORD."""
    if text[start : start + 4].lower() == "pass":
        return True
    before = text[start - 1 : start] if start else ""
    return not before.isalpha() or (before.islower() and text[start].isupper())


def _judge_assignment(text: str, start: int, end: int) -> Iterator[Match]:
    name = _NAME.match(text, start, end)
    operator = _ASSIGN.match(text, name.end(), end) if name else None
    if name is None or operator is None or not _is_whole_name(text, start):
        return
    begin, stop = operator.end(), end
    quote = text[begin] if begin < stop and text[begin] in "\"'`" else ""
    if quote:
        begin += 1
        stop -= stop > begin and text[stop - 1] == quote
    value = text[begin:stop]
    if not is_secret_value(value):
        return
    if quote and any(c.isspace() for c in value):
        return  # a label or a sentence
    if not quote and _reads_as_something_else(value, operator.group(), text[stop : stop + 1]):
        return
    kind = Kind.PASSWORD if _PASSWORD.fullmatch(name.group()) else Kind.API_KEY
    yield Match(begin, stop, kind, value)


def _reads_as_something_else(value: str, operator: str, after: str) -> bool:
    """Without quotes, `password: please` is prose and `password=password` or `secret=load(` is code."""
    if "=" not in operator:
        return len(value) < 6 or not _SYMBOL_OR_DIGIT.search(value)
    return after in ("(", "[", "{") or _CODE.fullmatch(value) is not None


def _judge_userinfo(text: str, start: int, end: int) -> Iterator[Match]:
    found = _CREDENTIALS.match(text, start, end)
    if found is None:
        return
    value = text[found.end() : end - 1]
    if not _PLACEHOLDER.fullmatch(value):
        yield Match(found.end(), end - 1, Kind.PASSWORD, value)


ASSIGNMENT = Anchored(
    kinds=frozenset({Kind.PASSWORD, Kind.API_KEY, Kind.BEARER_TOKEN}),
    prefilter=dict.fromkeys(
        (Kind.PASSWORD, Kind.API_KEY, Kind.BEARER_TOKEN),
        r"(?i:pass(?:word|wd|phrase)|pwd|key|token|secret|authorization|cookie)[\"'`\\]*\s*[:=]",
    ),
    beginnings=Beginnings((*_OF_KEYS, *_OF_TOKENS, "client", "app", "pass", "pwd")),
    hint=re.compile(f"(?:{'|'.join(_NAMES_BY_FIRST_WORD)}){_OPERATOR}"),
    anchor=re.compile(f"(?:{KEY_NAMES}|{PASSWORD_NAMES}){_OPERATOR}{_VALUE}", re.IGNORECASE),
    judge=_judge_assignment,
)

USERINFO = Anchored(
    kinds=frozenset({Kind.PASSWORD}),
    prefilter={Kind.PASSWORD: r":\\*/\\*/[^\s/@]*:[^\s/@]*@"},
    anchor=re.compile(r"://[^\s/:@\"'<>]*+:[^\s/@\"'<>]++@"),
    judge=_judge_userinfo,
)
