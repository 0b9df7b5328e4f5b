"""E-mail addresses, also with the @ as %40 of a URL."""

import re
from collections.abc import Iterator

from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match

_LETTERS = "\u00c0-\u024f\u0370-\u1fff\u3040-\ud7ff"
_LOCAL = rf"[0-9A-Za-z.!#$&*+/=?^_`{{|}}~'%\-{_LETTERS}]"
_LABEL = rf"[0-9A-Za-z\-{_LETTERS}]"
_MAX_LOCAL = 320

_LOCAL_BACKWARDS = re.compile(rf"{_LOCAL}++")
_DOMAIN = re.compile(rf"[0-9A-Za-z.\-{_LETTERS}]{{1,253}}+")
# Characters that RFC 5322 allows before the @ but that stand there as punctuation far more often.
_OPENING = ".!#$&*/=?^`{|}~'%-+_"
_BREAKS = re.compile(r"[/=?&|{}`#*$!^~]")
_PICTURE = re.compile(r"\d+x\.(?:png|jpe?g|gif|webp|svg)", re.IGNORECASE)  # logo@2x.png
# user:password@host of a URL is no address; the password is found by its own detector.
_USERINFO = re.compile(r"://[^\s/@]*$")


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    """`text[start:end]` is the @."""
    before = _LOCAL_BACKWARDS.match(text[max(0, start - _MAX_LOCAL) : start][::-1])
    after = _DOMAIN.match(text, end)
    if before is None or after is None:
        return
    kept = _BREAKS.split(before.group()[::-1])[-1].lstrip(_OPENING)
    begin = start - len(kept)
    domain = after.group().rstrip(".-")
    if not kept or ".." in kept or kept[-1] == "." or not _is_domain(domain):
        return
    if kept == "git" and text[end + len(domain) : end + len(domain) + 1] in (":", "/"):
        return  # the address of a repository
    if _PICTURE.fullmatch(domain) or _USERINFO.search(text, max(0, begin - _MAX_LOCAL), begin):
        return
    yield Match(begin, end + len(domain), Kind.EMAIL, f"{kept}@{domain}".lower())


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    top = labels[-1]
    named = (top.isalpha() and len(top) >= 2) or top.startswith("xn--")
    return named and len(labels) >= 2 and all(map(_is_label, labels))


def _is_label(label: str) -> bool:
    return 0 < len(label) <= 63 and label[0] != "-" and label[-1] != "-"


EMAIL = Anchored(
    kinds=frozenset({Kind.EMAIL}),
    prefilter={Kind.EMAIL: "@|%40"},
    anchor=re.compile(rf"(?:@|%40)(?=(?:{_LABEL}++\.)+(?:[A-Za-z{_LETTERS}]{{2}}|xn--))"),
    judge=_judge,
)
