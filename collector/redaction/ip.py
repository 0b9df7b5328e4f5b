"""IP addresses, versions 4 and 6.

Four numbers with points are an address unless what stands before says that they are a version. Loopback and unspecified
addresses name nobody and stay.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match

_VERSION_BEFORE = re.compile(
    r"(?:(?<![a-z])(?:v|ver|version|versions|release|build|rev|revision|firmware|kernel|driver|section|chapter|clause)"
    r"""(?:\s+(?:is|was|to|from|number|no))?["']?[\s.:=]*["']?"""
    r"|(?<![^\s\"'(;,])[a-z][\w.+-]*/"  # Chrome/120.0.0.0
    r"|[=~<>^!]=?\s?)$",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"(?<![=~<>^!])=\s?$")  # ip=10.0.0.1


def _judge_v4(text: str, start: int, end: int) -> Iterator[Match]:
    before, after = text[max(0, start - 1) : start], text[end : end + 2]
    if before.isalnum() or before in (".", "_") or after[:1].isalnum() or (after[:1] == "." and after[1:].isdigit()):
        return
    try:
        address = IPv4Address(text[start:end])
    except AddressValueError:
        return
    lead = text[max(0, start - 40) : start]
    if address.is_loopback or address.is_unspecified:
        return
    if _VERSION_BEFORE.search(lead) and not _ASSIGNED.search(lead):
        return
    yield Match(start, end, Kind.IP, str(address))


def _judge_v6(text: str, start: int, end: int) -> Iterator[Match]:
    if text[end - 1] == ":" and text[end - 2] != ":":
        end -= 1
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before.isalnum() or before in (":", ".", "_") or after.isalnum() or after in (":", "_"):
        return
    try:
        address = IPv6Address(text[start:end])
    except AddressValueError:
        return
    yield Match(start, end, Kind.IP, str(address))


# Eight groups, or a shortened form of the ranges in use: 2000::/3, fc00::/7, fe80::/10, ff00::/8; `a::b` is code.
_V6 = (
    r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){6}[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    r"|(?:[23][0-9a-f]{3}|f[cdef][0-9a-f]{2}):(?:[0-9a-f]{1,4}:){0,6}:?(?::?[0-9a-f]{1,4}){0,6}"
)

IPV4 = Anchored(
    kinds=frozenset({Kind.IP}),
    prefilter={},
    anchor=re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"),
    judge=_judge_v4,
)
IPV6 = Anchored(
    kinds=frozenset({Kind.IP}),
    prefilter={Kind.IP: r"[0-9A-Fa-f]:[0-9A-Fa-f]+:[0-9A-Fa-f]+:[0-9A-Fa-f]+:|[0-9A-Fa-f:]{3}::"},
    hint=re.compile(r":(?:[0-9a-f]{1,4}:){5}|2[0-9a-f]{3}:|3[0-9a-f]{3}:|f[cdef][0-9a-f]{2}:"),
    reach=4,
    anchor=re.compile(_V6, re.IGNORECASE | re.ASCII),
    judge=_judge_v6,
)
