"""What is done with what is found, per project."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import SUPPORTED_REGIONS

from collector.errors import WatchkeeperError
from collector.redaction.kinds import ALL, Kind

MIN_HASH_KEY_BYTES = 16
DEFAULT_PHONE_REGIONS = (
    *("US", "GB", "DE", "FR", "IT", "ES", "NL", "BE", "CH", "AT", "IE", "PL", "SE", "NO", "DK"),
    *("IN", "AU", "NZ", "ZA", "BR", "JP"),
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class InvalidPolicy(WatchkeeperError, ValueError):
    """A policy that could not do what it says."""


class Mode(StrEnum):
    OFF = "off"
    MASK = "mask"
    """`[EMAIL]`: the value is gone."""
    HASH = "hash"
    """`[EMAIL:3f2a9c0d41be]`: the same value gives the same token, so that counting goes on working."""
    DROP_CONTENT = "drop_content"
    """Content columns are emptied; everything else is masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a column holds.

    `text`: a plain text. `json`: a JSON document. `texts`: a list of texts. `identifier`: the name of a user, session
    or tenant, which is hashed where others are masked: masked, all of them would become one.
    `content`: what people and models said, and documents; `drop_content` empties it.
    """

    form: Literal["text", "json", "texts", "identifier"]
    content: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """An operator's own kind: everything that `regex` (RE2 syntax) matches.

    Raises:
        InvalidPolicy: if the name is taken or no identifier, or the expression is wrong or matches the empty text.
    """

    name: str
    regex: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidPolicy(f"pattern name {self.name!r}: use small letters, digits and _, such as order_number")
        if self.name in ALL:
            raise InvalidPolicy(f"pattern name {self.name!r} is the name of a built-in kind; choose another")
        try:
            matches_empty = pc.match_substring_regex(pa.array([""]), self.regex)[0].as_py()
        except pa.ArrowInvalid as error:
            raise InvalidPolicy(f"pattern {self.name}: {error}; write it in RE2 syntax (no look-around)") from error
        if matches_empty:
            raise InvalidPolicy(f"pattern {self.name}: {self.regex!r} matches the empty text; make it need a character")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    Args:
        hash_key: key of the HMAC-SHA256 behind hash tokens; needed unless `mode` is off.
        phone_regions: countries whose national phone formats are known; numbers with + and country code always are.

    Raises:
        InvalidPolicy: if the values do not fit together.
    """

    mode: Mode = Mode.MASK
    kinds: frozenset[Kind] = ALL
    patterns: tuple[Pattern, ...] = ()
    hash_key: bytes = field(default=b"", repr=False)
    phone_regions: tuple[str, ...] = DEFAULT_PHONE_REGIONS

    def __post_init__(self) -> None:
        if self.mode is not Mode.OFF and len(self.hash_key) < MIN_HASH_KEY_BYTES:
            raise InvalidPolicy(f"hash_key has {len(self.hash_key)} bytes, it needs {MIN_HASH_KEY_BYTES} or more")
        if unknown := sorted(set(self.phone_regions) - set(SUPPORTED_REGIONS)):
            raise InvalidPolicy(f"phone_regions: {', '.join(unknown)} unknown; use ISO codes such as US, GB, DE")
        names = [pattern.name for pattern in self.patterns]
        if len(set(names)) < len(names):
            raise InvalidPolicy(f"pattern names must differ, got {', '.join(names)}")
