"""Numbers, times and ids as people read them: three significant digits and a unit, UTC."""

import math
from datetime import UTC, datetime
from typing import NamedTuple

from collector.times import NS_PER_S

NONE = "–"
"""What is not known."""

_SI = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


class Quantity(NamedTuple):
    """A number and its unit, which is set smaller; `str` joins them."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".strip()


def digits(value: float) -> str:
    """Three significant digits, never an exponent: 1.24, 18.3, 143, 0.0042; a true minus."""
    if value == 0:
        return "0"
    size = float(f"{abs(value):.3g}")  # rounded first: 0.9997 is 1.00
    n_decimals = max(0, 2 - math.floor(math.log10(size)))
    text = f"{size:.{min(n_decimals, 12)}f}"
    text = text.rstrip("0").rstrip(".") if n_decimals > 2 else text
    return f"−{text}" if value < 0 else text


def count(value: float | None) -> Quantity:
    """A number of things: 999, 18.3 k, 2.10 M."""
    if value is None:
        return Quantity(NONE)
    for scale, unit in _SI:
        if abs(value) >= 0.9995 * scale:
            return Quantity(f"{digits(value / scale)} {unit}")
    return Quantity(f"{value:.0f}" if value == int(value) else digits(value))


def size(n_bytes: float | None) -> Quantity:
    """Bytes: 812 B, 18.3 kB, 2.10 GB."""
    if n_bytes is None:
        return Quantity(NONE)
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= 0.9995 * scale:
            return Quantity(digits(n_bytes / scale), unit)
    return Quantity(f"{n_bytes:.0f}", "B")


def seconds(value: float | None) -> Quantity:
    """A duration: 146 ms, 1.24 s, 12.5 min."""
    if value is None:
        return Quantity(NONE)
    if value < 0.9995:
        return Quantity(digits(value * 1000), "ms")
    return Quantity(digits(value), "s") if value < 120 else span_s(value)


def span_s(value: float) -> Quantity:
    """A longer stretch of time: 45 s, 12 min, 3 h, 2 days."""
    for unit_s, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if value >= 2 * unit_s or (value >= unit_s and unit != "days"):
            return Quantity(f"{value / unit_s:.3g}", unit)
    return Quantity(f"{value:.3g}", "s")


def usd(value: float | None) -> Quantity:
    """Money: $516, $0.0042, $18.3 k. None is not known, which is not free."""
    if value is None:
        return Quantity(NONE)
    number = count(value).number if abs(value) >= 1000 else digits(value)
    return Quantity(f"−${number[1:]}" if value < 0 else f"${number}")


def percent(share: float | None) -> Quantity:
    if share is None:
        return Quantity(NONE)
    return Quantity("100" if share > 0.9995 else digits(100 * share), "%")


def score(value: float | None) -> Quantity:
    """A value in [0, 1]."""
    return Quantity(NONE if value is None else f"{value:.2f}")


def p_value(value: float | None) -> str:
    if value is None:
        return NONE
    return f"p = {value:.2g}" if value >= 0.001 else "p < 0.001"


def relative_change(now: float | None, before: float | None) -> str | None:
    """+1.4 %; None where there was nothing to compare with."""
    if now is None or not before:
        return None
    change = now / before - 1
    return f"{digits(now / before)} times" if change >= 9 else _signed(100 * change, "%")


def points_change(now: float | None, before: float | None) -> str | None:
    """The difference of two shares in percentage points."""
    return None if now is None or before is None else _signed(100 * (now - before), "pp")


def _signed(value: float, unit: str) -> str:
    text = (
        f"{abs(value):.0f}" if abs(value) >= 100 else f"{abs(value):.1f}" if abs(value) >= 10 else f"{abs(value):.2g}"
    )
    return f"±0 {unit}" if float(text) == 0 else f"{'+' if value > 0 else '−'}{text} {unit}"


def at(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / NS_PER_S, UTC)


def clock(time_ns: int) -> str:
    """14:31:08"""
    return at(time_ns).strftime("%H:%M:%S")


def day_and_clock(time_ns: int) -> str:
    """17 June, 14:20"""
    moment = at(time_ns)
    return f"{moment.day} {moment:%B, %H:%M}"


def between(start_ns: int, end_ns: int) -> str:
    """17 Jun 14:20 to 16:05; the second day only where it is another."""
    start, end = at(start_ns), at(end_ns)
    day = f"{end.day} {end:%b} " if end.date() != start.date() else ""
    return f"{start.day} {start:%b %H:%M} to {day}{end:%H:%M}"


def absolute(time_ns: int) -> str:
    """17 June 2026, 14:20:08 UTC"""
    moment = at(time_ns)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def ago(time_ns: int, now_ns: int) -> str:
    """12 s ago; the same steps as in assets/times.js, which keeps them true while the page stands."""
    age_s = max(0, (now_ns - time_ns) // NS_PER_S)
    for unit_s, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if age_s >= unit_s:
            return f"{age_s // unit_s} {unit} ago"
    return f"{age_s} s ago"


def short_id(text: str) -> str:
    """9f3c…71e2"""
    return text if len(text) <= 10 else f"{text[:4]}…{text[-4:]}"


def plural(n: int, one: str, many: str | None = None) -> str:
    """1 call, 2 calls"""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def first_line(text: str, n_characters: int = 160) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 4 * n_characters].split())
    return line if len(line) <= n_characters else f"{line[: n_characters - 1].rstrip()}…"
