"""Times as programs write them -> RFC 3339."""

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from collector.calllog import EARLIEST_NS, LATEST_NS
from collector.times import NS_PER_S, format_rfc3339

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9})\d*)? ?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_NUMBER = re.compile(r"\d{9,19}(\.\d*)?", re.ASCII)


def rfc3339(value: Any, zone: tzinfo = UTC) -> Any:
    """`value` as RFC 3339 text; what cannot be read comes back as it is, for the validation to name.

    Taken are ISO 8601 times, in `zone` where they name none, and Unix times in seconds, milliseconds, microseconds
    or nanoseconds: of the years that a call can be from (2000 to 2200), each number fits only one of these units.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
        return _of_unix(value)
    match = _ISO.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return value
    day, minutes, seconds, fraction, offset = match.groups()
    clock = f"{day}T{minutes}{seconds or ':00'}"
    part = f".{fraction}" if fraction else ""
    if offset is None:
        try:
            offset = datetime.fromisoformat(clock).replace(tzinfo=zone).strftime("%z")[:5]
        except ValueError:  # no such day or hour
            return value
    if offset in ("Z", "z", "UTC", "GMT"):
        return f"{clock}{part}Z"
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return f"{clock}{part}{offset[0]}{digits[:2]}:{digits[2:]}"


def _of_unix(value: int | float | str) -> Any:
    number = Decimal(str(value))
    if not number.is_finite():
        return value
    for factor in (NS_PER_S, 10**6, 10**3, 1):
        time_ns = int(number * factor)
        if EARLIEST_NS <= time_ns < LATEST_NS:
            return format_rfc3339(time_ns)
    return value
