"""The address is the state: what every page is asked for, read from the query string and written back to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from collector import query
from collector.errors import BadRequest
from collector.times import NS_PER_S, format_rfc3339, parse_rfc3339
from collector.validation import near_match

RANGES: Mapping[str, str] = {
    "15m": "15 minutes", "1h": "hour", "6h": "6 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days",
}  # fmt: skip
"""Ranges that the bar offers, each with its words after "last"; the address takes others too."""
DEFAULT_RANGE = "1h"

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RANGE = re.compile(r"([1-9]\d{0,5})([smhd])")
_MAX_RANGE_S = 3660 * 86_400

Shared = Literal["project", "environment", "service", "request_model"]
SHARED: tuple[Shared, ...] = ("project", "environment", "service", "request_model")
"""Kept from page to page, with the range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a page shows. `range` counts back from now; `since_ns` and `until_ns` are absolute and go before it."""

    range: str = DEFAULT_RANGE
    since_ns: int | None = None
    until_ns: int | None = None
    project: str | None = None
    environment: str | None = None
    service: str | None = None
    request_model: str | None = None
    provider: str | None = None
    response_model: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    error_type: str | None = None
    has_error: bool | None = None
    text: str | None = None
    cursor: str | None = None
    span: str | None = None
    tab: str | None = None
    verdict: str | None = None
    pair: int | None = None
    alert: str | None = None
    state: str | None = None
    draft: str | None = None
    """A monitor that is not saved yet, as JSON: what the fields of its form say."""
    last: str | None = None
    """The review item that was closed just now."""

    @property
    def is_absolute(self) -> bool:
        return self.since_ns is not None or self.until_ns is not None

    def window(self, now_ns: int) -> tuple[int, int]:
        """since <= start < until, Unix ns."""
        until_ns = now_ns if self.until_ns is None else self.until_ns
        since_ns = max(until_ns - range_s(self.range) * NS_PER_S, 0) if self.since_ns is None else self.since_ns
        if since_ns >= until_ns:
            raise BadRequest("the range ends before it begins; choose another one in the bar above")
        return since_ns, until_ns

    def shared(self) -> "Filters":
        """Without what only one page understands."""
        kept = {name: getattr(self, name) for name in ("range", "since_ns", "until_ns", *SHARED)}
        return Filters(**kept)

    def of_calls(self, now_ns: int) -> query.Filters:
        """Everything that says which calls."""
        since_ns, until_ns = self.window(now_ns)
        names = {f.name for f in fields(query.Filters)} & {f.name for f in fields(self)} - {"since_ns", "until_ns"}
        return query.Filters(since_ns=since_ns, until_ns=until_ns, **{name: getattr(self, name) for name in names})


def range_s(text: str) -> int:
    """Seconds of a range like 15m, 1h or 7d.

    Raises:
        BadRequest: if it is none.
    """
    match = _RANGE.fullmatch(text)
    if match is None or (seconds := int(match[1]) * _UNITS_S[match[2]]) > _MAX_RANGE_S:
        raise BadRequest(f"range is {text[:40]!r}; write it like 15m, 1h or 7d")
    return seconds


def parse(search: str) -> Filters:
    """The filters of a query string, with or without its question mark.

    Raises:
        BadRequest: for a name or value that is not understood; to leave it out would show other calls than asked for.
    """
    values: dict[str, Any] = {}
    for name, value in parse_qsl(search.removeprefix("?")):
        key = f"{name}_ns" if name in ("since", "until") else name
        if key not in _READ:
            raise BadRequest(f"the address has {name[:40]!r}, which no page knows: {near_match(name, _NAMES)}")
        values[key] = _READ[key](value)
    return Filters(**values)


def search(filters: Filters) -> str:
    """The query string of `filters`, "" for the defaults; `parse` reads it back."""
    pairs = []
    for field in fields(filters):
        value = getattr(filters, field.name)
        if value == field.default or (field.name == "range" and filters.since_ns is not None):
            continue
        if field.name.endswith("_ns"):
            pairs.append((field.name.removesuffix("_ns"), format_rfc3339(value)))
        else:
            pairs.append((field.name, str(value).lower() if isinstance(value, bool) else str(value)))
    return f"?{urlencode(pairs, quote_via=quote, safe=':')}" if pairs else ""


def href(path: str, filters: Filters | None = None, **changes: Any) -> str:
    """A link to `path` with `filters` and `changes` of them."""
    return path + search(replace(filters or Filters(), **changes))


def _read_range(text: str) -> str:
    range_s(text)
    return text


def _read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise BadRequest(f"has_error is {text[:40]!r}; write true or false")
    return text == "true"


def _read_number(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise BadRequest(f"{text[:40]!r} is no whole number")
    return int(text)


_READ: Mapping[str, Any] = {field.name: str for field in fields(Filters)} | {
    "range": _read_range, "since_ns": parse_rfc3339, "until_ns": parse_rfc3339, "has_error": _read_flag,
    "pair": _read_number,
}  # fmt: skip
_NAMES = [name.removesuffix("_ns") for name in _READ]
