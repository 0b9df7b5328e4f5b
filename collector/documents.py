"""A request body of JSON documents: one object, a list of them, or one per line."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from pydantic_core import from_json

from collector.errors import BadRequest, TooLarge

T = TypeVar("T")

MAX_DOCUMENTS = 20_000
MAX_CONTAINERS = 250_000
"""Objects and lists in one body, documents among them: each takes some microseconds, and no more bytes than two."""


def read_documents(body: bytes, read: Callable[[object], T], *, lines: bool) -> list[T]:
    """`read` of every document in `body`. One that is wrong refuses the whole body.

    Raises:
        BadRequest: naming the place in the body, what is wrong there and what to write.
        TooLarge: if the body holds more documents, objects or lists than are taken at once.
    """
    if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS:
        raise TooLarge(f"the body holds more than {MAX_CONTAINERS} objects and lists; send it in smaller pieces")
    documents = list(islice(_documents(body, lines=lines), MAX_DOCUMENTS + 1))
    if len(documents) > MAX_DOCUMENTS:
        raise TooLarge(f"the body holds more than {MAX_DOCUMENTS} documents; send it in smaller pieces")
    return [_read_at(place, document, read) for place, document in documents]


def _read_at(place: str, document: object, read: Callable[[object], T]) -> T:
    try:
        return read(document)
    except BadRequest as error:
        raise type(error)(f"{place}: {error}" if place else str(error)) from error


def _documents(body: bytes, *, lines: bool) -> Iterator[tuple[str, object]]:
    """(place in the body, JSON value) of each document."""
    if lines:
        for number, line in enumerate(body.splitlines(), start=1):
            if line.strip():
                yield f"line {number}", _parse(line, f"line {number}")
        return
    value = _parse(body, "body")
    if isinstance(value, list):
        yield from ((f"[{i}]", item) for i, item in enumerate(value))
    else:
        yield "", value


def _parse(text: bytes, place: str) -> object:
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"{place}: not JSON ({error}); NaN and Infinity are no JSON either, write null") from error
    if not _is_finite(value):
        raise BadRequest(f"{place}: holds a number too large to keep; write null where it is unknown")
    return value


def _is_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
