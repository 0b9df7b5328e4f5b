"""A project: whose data is whose, and how long it is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.errors import BadRequest
from collector.validation import shorten

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
MAX_DAYS = 36_500
FOR_GOOD_DAYS = MAX_DAYS
"""Says that a project is kept for good, whatever the installation does with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`content_days` and `telemetry_days`: how long texts, and everything else, are kept; None: as the installation
    does it. Texts go with the call they belong to at the latest.

    `redaction` says how this project differs from the installation's redaction, None: in nothing.
    """

    name: str
    created_ns: int
    content_days: int | None = None
    telemetry_days: int | None = None
    redaction: Mapping[str, Any] | None = None


def is_slug(name: str) -> bool:
    return _SLUG.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """
    Raises:
        BadRequest: if it cannot name a project.
    """
    if not is_slug(name):
        raise BadRequest(
            f"project: {shorten(name)} cannot be a name; use 1 to 63 small letters, digits, '.', '_' and '-', "
            "with a letter or digit at both ends"
        )
    return name


def checked_retention(content_days: int | None, telemetry_days: int | None) -> None:
    """
    Raises:
        BadRequest: if it cannot be kept.
    """
    for name, days in (("content_days", content_days), ("telemetry_days", telemetry_days)):
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise BadRequest(f"{name}: must be 1 to {MAX_DAYS} days, got {days}; say 'keep' to keep all")
    if telemetry_days is not None and content_days is not None and content_days > telemetry_days:
        raise BadRequest(
            f"content_days: texts cannot be kept longer than the calls they belong to ({telemetry_days} days); "
            f"take {telemetry_days} or less"
        )
