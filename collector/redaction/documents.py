"""A JSON document as the texts in it: strings, keys, and numbers that are long enough to say who somebody is."""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from pydantic_core import from_json

from collector.redaction.assignments import is_secret_value, secret_of_key
from collector.redaction.kinds import Kind
from collector.redaction.places import Places
from collector.redaction.view import View, part

MIN_NUMBER_DIGITS: Final = 7
MAX_NUMBER_DIGITS: Final = 19
STEPS_A_PLACE: Final = 16
"""So many strings of a document are passed over, or escapes undone, while one place (`Places`) is looked at."""
_STEPS_TO_OPEN: Final = 4

# Possessive, so that a string without an end costs one look and no more.
_TOKEN: Final = re.compile(
    rf'"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"(?P<colon>[ \t\r\n]*:)?'
    rf"|(?<![0-9A-Za-z.+-])(?P<number>[0-9]{{{MIN_NUMBER_DIGITS},{MAX_NUMBER_DIGITS}}})(?![0-9A-Za-z.+-])",
    re.DOTALL,
)
_MAX_KEY: Final = 100
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Leaf(NamedTuple):
    """One text to search.

    `view.text` is searched with `lead` before it: the key of the value, which says what a number is. `number`: what is
    found replaces a JSON number and needs quotes, `n_escapes` times escaped. `secret`: the whole text is a secret,
    because its key says so.
    """

    view: View
    lead: str = ""
    number: bool = False
    n_escapes: int = 0
    secret: Kind | None = None


def looks_like_json(text: str) -> bool:
    return text.lstrip(" \t\r\n")[:1] in ("{", "[", '"')


def is_json(text: str) -> bool:
    """Whether all of `text` is JSON, nested as deep as it may be and with lone surrogates."""
    try:
        from_json(text)
    except ValueError as error:
        if "recursion" in str(error):
            return True  # nothing below reads it by recursion, and an edit of its tokens keeps it what it is
        return "surrogate" in str(error) and _is_json_with_surrogates(text)
    return True


def _is_json_with_surrogates(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def leaves(leaf: Leaf, is_worth_a_look: Callable[[str], bool], places: Places) -> Iterator[Leaf]:
    """The texts of the JSON document that `leaf` is, but for those without escapes that are worth no look.

    Raises:
        TooLarge: if these are more than `places`.
    """
    view, text = leaf.view, leaf.view.text
    key, end = "", 0
    n_steps = 0
    for token in _TOKEN.finditer(text):
        n_steps += 1 + token.group().count("\\")
        if n_steps >= STEPS_A_PLACE:
            places.take(n_steps // STEPS_A_PLACE)
            n_steps %= STEPS_A_PLACE
        between = text[end : token.start()]
        if "}" in between or "]" in between or "{" in between:
            key = ""
        end = token.end()
        if token["number"] is not None:
            n_steps += _STEPS_TO_OPEN
            yield Leaf(View(token["number"], view, token.start()), _lead(key), True, leaf.n_escapes)
            continue
        raw = token["string"]
        if not raw:
            continue
        is_open = "\\" in raw or is_worth_a_look(raw)
        if is_open:
            n_steps += _STEPS_TO_OPEN
        if token["colon"]:
            inner = part(view, *token.span("string")) if is_open else None
            key = inner.text if inner else raw
            if inner:
                yield Leaf(inner, n_escapes=leaf.n_escapes + 1)
            continue
        secret = secret_of_key(key[-_MAX_KEY:]) if key else None
        if is_open or secret:
            inner = part(view, *token.span("string"))
            secret = secret if secret and is_secret_value(inner.text) else None
            yield Leaf(inner, _lead(key), False, leaf.n_escapes + 1, secret)


@lru_cache(maxsize=4096)
def _lead(key: str) -> str:
    """What stands before a value: its key, with homePhone read as home Phone."""
    return _HUMP.sub(" ", key[-_MAX_KEY:]) + ": " if key else ""


def quoted(replacement: str, n_escapes: int) -> str:
    """`replacement` as a JSON string, written within `n_escapes` further strings."""
    text = json.dumps(replacement)
    for _ in range(n_escapes):
        text = json.dumps(text)[1:-1]
    return text
