"""Bearer tokens, JSON web tokens, and blocks of private keys."""

import re
from collections.abc import Iterator

from collector.redaction.beginnings import Beginnings
from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match

_JWT = r"eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]*+){1,3}+"
_BEARER = r"(?i:bearer)(?:\s|%20|\+){1,3}[A-Za-z0-9._~+/=\-]{16,}+"
_AUTHORIZATION = (
    r"(?i:authorization)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?i:basic|token|apikey)\s{1,3}[A-Za-z0-9._~+/=\-]{8,}+"
)

_SCHEME = re.compile(r".*?(?:bearer|basic|token|apikey)(?:\s|%20|\+){1,3}", re.IGNORECASE | re.DOTALL)
MIN_DIGITS = 2
_DIGIT = re.compile(r"[0-9]")


def _judge_token(text: str, start: int, end: int) -> Iterator[Match]:
    if start and text[start - 1].isalnum():
        return
    scheme = _SCHEME.match(text, start, end) if text[start : start + 3] != "eyJ" else None
    begin = scheme.end() if scheme else start
    token = text[begin:end]
    # After "bearer", a word of that length is a token if it has digits; after "authorization" anything is.
    if len(_DIGIT.findall(token)) >= MIN_DIGITS or text[start] in "Aa":
        yield Match(begin, end, Kind.BEARER_TOKEN, token)


TOKEN = Anchored(
    kinds=frozenset({Kind.BEARER_TOKEN}),
    prefilter={Kind.BEARER_TOKEN: r"eyJ|(?i:bearer)[\s%+\\]"},
    beginnings=Beginnings(("eyj", "bearer", "authorization")),
    hint=re.compile(r"eyj[a-z0-9_\-]{8}|bearer(?:\s|%20|\+)|authorization[\"']?\s{0,3}[:=]"),
    anchor=re.compile(f"{_JWT}|{_AUTHORIZATION}|{_BEARER}"),
    judge=_judge_token,
)

_BEGIN = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_END = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_HEADERS = r"(?:\s*+(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): [^\n]*+\n)*+"
# A key whose end was cut off is a key; a sentence about such lines is none.
_CUT_KEY = re.compile(r"[A-Za-z0-9+/=]{24}")


def _judge_key(text: str, start: int, end: int) -> Iterator[Match]:
    block = text[start:end]
    if len(_DIGIT.findall(block)) < MIN_DIGITS:
        return
    if block.endswith("-----", 12) and "-----END" in block:
        yield Match(start, end, Kind.PRIVATE_KEY, "".join(block.split()))
    elif _CUT_KEY.search(block):
        kept = block.rstrip()
        yield Match(start, start + len(kept), Kind.PRIVATE_KEY, "".join(block.split()))


PRIVATE_KEY = Anchored(
    kinds=frozenset({Kind.PRIVATE_KEY}),
    prefilter={Kind.PRIVATE_KEY: "-----BEGIN"},
    anchor=re.compile(rf"{_BEGIN}{_HEADERS}[A-Za-z0-9+/=\s]*+(?:{_END})?"),
    judge=_judge_key,
)
