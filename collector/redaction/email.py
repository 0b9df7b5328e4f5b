"""E-mail addresses, also with the @ as %40 of a URL."""

import re
from collections.abc import Iterator

from collector.redaction.detector import Detector
from collector.redaction.kinds import Kind
from collector.redaction.match import Match

_LOCAL = r"[0-9A-Za-z.!#$&*+/=?^_`{|}~'%\-\x{c0}-\x{24f}\x{370}-\x{1fff}\x{3040}-\x{d7ff}]"
_DOMAIN = r"[0-9A-Za-z.\-\x{c0}-\x{24f}\x{370}-\x{1fff}\x{3040}-\x{d7ff}]"
# Characters that RFC 5322 allows before the @ but that stand there as punctuation far more often.
_OPENING = ".!#$&*/=?^`{|}~'%-+_"
_SPLIT = re.compile(r"@|%40")
# user:password@host of a URL is no address; the password is found by its own detector.
_USERINFO = re.compile(r"://[^\s/@]*$")
_PICTURE = re.compile(r"\d+x\.(?:png|jpe?g|gif|webp|svg)", re.IGNORECASE)  # logo@2x.png
_BREAKS = re.compile(r"[/=?&|{}`#*$!^~]")


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    local, _, domain = _parts(text[start:end])
    kept = _BREAKS.split(local)[-1].lstrip(_OPENING)
    begin = start + len(local) - len(kept)
    domain_start = end - len(domain)
    trimmed = domain.rstrip(".-")
    labels = trimmed.split(".")
    if not kept or ".." in kept or kept[-1] == "." or len(labels) < 2 or not all(map(_is_label, labels)):
        return
    if not (labels[-1].isalpha() and len(labels[-1]) >= 2) and not labels[-1].startswith("xn--"):
        return
    if kept == "git" and text[domain_start + len(trimmed) :].startswith((":", "/")):
        return  # the address of a repository
    if _PICTURE.fullmatch(trimmed) or _USERINFO.search(text, max(0, begin - 300), begin):
        return
    yield Match(begin, domain_start + len(trimmed), Kind.EMAIL, f"{kept}@{trimmed}".lower())


def _parts(candidate: str) -> tuple[str, str, str]:
    last = list(_SPLIT.finditer(candidate))[-1]
    return candidate[: last.start()], last.group(), candidate[last.end() :]


def _is_label(label: str) -> bool:
    return 0 < len(label) <= 63 and label[0] != "-" and label[-1] != "-"


EMAIL = Detector(
    prefilter={Kind.EMAIL: r"[^\s\"\\(),:;<>@\[\]](?:@|%40)(?:[0-9A-Za-z]|[^\x00-\x7f]|\\u)"},
    anchor=rf"{_LOCAL}+(?:@|%40){_DOMAIN}+",
    judge=_judge,
)
