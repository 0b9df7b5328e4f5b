"""JSON in an answer: the whole of it, a block of it, or something that wants to be JSON and fails."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

READ_CHARS = 200_000
"""Longer texts are not parsed."""
_MAX_NODES = 2_000
"""Values looked at: the shape of a document shows in the first ones."""

_FENCED = re.compile(r"```(json\w*)?[ \t]*\n(?=\s{0,20}[\[{])", re.IGNORECASE)
_AFTER_PROSE = re.compile(r'(?:\A|\n)[ \t]{0,8}(?=[{\[]\s{0,20}["{\[\]}])')
_MAX_BLOCKS = 4

Place = Literal["none", "whole", "part", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonParts:
    """`place`: whether the whole text is JSON, alone or in one fence; only part of it; or it fails to be.

    The rest describes the whole; all 0 for any other place: what stands among prose is described by it.
    """

    place: Place
    n_keys: int = 0
    depth: int = 0
    n_values: int = 0
    n_empty: int = 0
    """Values that are null, "", [] or {}."""
    n_key_letters: int = 0
    n_snake_keys: int = 0


def parts_of(text: str) -> JsonParts:
    if len(text) > READ_CHARS or ("{" not in text and "[" not in text):
        return JsonParts(place="none")
    body = text.strip()
    if body[:1] in ("{", "["):
        return _whole(body)
    for match, _ in zip(_FENCED.finditer(body), range(_MAX_BLOCKS), strict=False):
        end = body.find("```", match.end())
        found = _parsed(body[match.end() : end if end >= 0 else len(body)])
        if found is not None:
            is_alone = match.start() == 0 and end >= len(body) - 3
            return _described(found) if is_alone else JsonParts(place="part")
        if match[1]:
            return JsonParts(place="broken")
    return _after_prose(body)


def _whole(body: str) -> JsonParts:
    found = _parsed(body)
    if found is not None:
        return _described(found)
    # "[No]" and "{name}" are no attempts at JSON; something with keys or quoted items is.
    tries = '":' in body[:400] or body[1:].lstrip()[:1] in ('"', "{", "'")
    return JsonParts(place="broken" if tries else "none")


def _after_prose(body: str) -> JsonParts:
    decoder = json.JSONDecoder()
    for match, _ in zip(_AFTER_PROSE.finditer(body), range(_MAX_BLOCKS), strict=False):
        try:
            found, _ = decoder.raw_decode(body, match.end())
        except (ValueError, RecursionError):
            continue
        if found:
            return JsonParts(place="part")
    return JsonParts(place="none")


def _parsed(text: str) -> Any:
    """The object or list that `text` is; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _described(found: Any) -> JsonParts:
    keys: list[str] = []
    n_values = n_empty = depth = 0
    for value, level in _values(found):
        n_values += 1
        depth = max(depth, level)
        n_empty += value is None or value == "" or value == [] or value == {}
        if isinstance(value, dict):
            keys += list(value)[:_MAX_NODES]
    return JsonParts(
        place="whole",
        n_keys=len(keys),
        depth=depth,
        n_values=n_values,
        n_empty=n_empty,
        n_key_letters=sum(map(len, keys)),
        n_snake_keys=sum("_" in key for key in keys),
    )


def _values(found: Any) -> Iterator[tuple[Any, int]]:
    """Each value with how deep it stands, the outermost at 1; no more than _MAX_NODES."""
    waiting = [(found, 1)]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        value, level = waiting.pop()
        yield value, level
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((child, level + 1) for child in list(inner)[:_MAX_NODES])
