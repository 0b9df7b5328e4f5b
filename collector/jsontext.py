"""JSON texts that strangers wrote: to values that can be stored and shown."""

import json
from typing import Any

from pydantic_core import from_json


def parse(text: str) -> Any:
    """The value of a JSON text. Half a character, as cutting by UTF-16 length leaves it, becomes a question mark.

    Raises:
        ValueError: if `text` is no JSON, or nested so deep (200 levels) that writing or showing it could fail.
    """
    try:
        return from_json(text)
    except ValueError:
        if "\\u" not in text:
            raise
    try:
        value = json.loads(text)  # reads lone surrogates, which no table and no answer can hold
        return from_json(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
