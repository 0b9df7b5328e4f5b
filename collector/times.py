"""Times are Unix nanoseconds in UTC inside, RFC 3339 text outside."""

import re
from datetime import UTC, date, datetime

from collector.errors import BadRequest

NS_PER_S = 1_000_000_000

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def parse_rfc3339(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time, nanosecond digits kept.

    Raises:
        BadRequest: if `text` is not such a time or has no zone.
    """
    match = _RFC3339.fullmatch(text)
    try:
        if match is None:
            raise ValueError("not RFC 3339")
        day, clock, fraction, zone = match.groups()
        seconds = int(datetime.fromisoformat(f"{day}T{clock}{zone.upper()}").timestamp())
    except ValueError as error:
        raise BadRequest(f"{text!r} is not an RFC 3339 time with a zone; write it like 2026-11-21T14:30:00Z") from error
    return seconds * NS_PER_S + int((fraction or ".0")[1:].ljust(9, "0"))


def format_rfc3339(time_ns: int) -> str:
    """RFC 3339 in UTC; nanoseconds are written only where they are not zero."""
    seconds, fraction_ns = divmod(time_ns, NS_PER_S)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction_ns:09d}".rstrip("0") + "Z" if fraction_ns else f"{text}Z"


def utc_day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).date()
