"""Values that a library wrote with Python's `repr`, because its attributes could only be texts."""

import ast
from typing import Any

from pydantic_core import from_json

MAX_CHARS = 200_000
"""Longer ones stay texts: reading one takes some 85 bytes of memory and 0.3 microseconds a character."""
_AS_JSON = (("'", '"'), ("None", "null"), ("True", "true"), ("False", "false"))


def literal_or_text(value: Any) -> Any:
    """The value of a Python literal; anything else as it is."""
    if not isinstance(value, str) or len(value) > MAX_CHARS or not value.startswith(("{", "[", "(")):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return value


def plain_literal(value: Any) -> Any:
    """`literal_or_text` of a value of names and numbers, in which no text says None or True: much quicker."""
    if not isinstance(value, str):
        return value
    text = value
    for python, json in _AS_JSON:
        text = text.replace(python, json)
    try:
        return from_json(text)
    except ValueError:
        return literal_or_text(value)
