"""Paths of the pages that show what an alert is about. Their state lives in the URL."""

from collections.abc import Mapping
from urllib.parse import urlencode

from collector.times import format_rfc3339


def calls_link(filters: Mapping[str, str], since_ns: int, until_ns: int) -> str:
    """The calls behind a metric."""
    times = {"since": format_rfc3339(since_ns), "until": format_rfc3339(until_ns)}
    return f"/traces?{urlencode({**filters, **times})}"


def verdict_link(verdict_id: str) -> str:
    """The drift verdict with its evidence, where it is accepted or called false."""
    return f"/drift?{urlencode({'verdict': verdict_id})}"


def alert_link(alert_id: str) -> str:
    return f"/alerts?{urlencode({'alert': alert_id})}"
