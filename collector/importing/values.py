"""Values as files hold them (texts in CSV, JSON inside of texts) -> values as the fields of a call want them.

Nothing here raises: what fits no field is left as it is, and `collector.calllog` names it with its field.
"""

import ast
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, get_type_hints

from collector.call import Call
from collector.importing.times import rfc3339
from collector.jsontext import parse

NO_VALUE = ("", "null", "none", "nan", "n/a", "nat", "\\n")
"""Spellings of an unknown number, truth value, time or list, in lower case. In a text field only "" is one."""

_TRUTHS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
_WHOLE = re.compile(r"[+-]?\d{1,19}(\.0*)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MAX_LITERAL = 1 << 20


def typed(field: str, value: Any, zone: tzinfo = UTC) -> Any:
    """`value` in the form that `field` of a call's JSON takes, None where it stands for no value."""
    if field in ("start_time", "end_time", "first_token_time"):
        return rfc3339(_known(value), zone)
    name, dot, _ = field.partition(".")
    if dot:  # parameters.temperature, metadata.team
        return _parameter(value) if name == "parameters" else structure(value)
    return _READERS[field](value) if field in _READERS else value


def structure(value: Any) -> Any:
    """The list or object that a text holds, as JSON or as Python writes it (so does pandas); anything else as it is."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    try:
        return finite(parse(value))
    except ValueError:
        return _literal(value)


def finite(value: Any) -> Any:
    """`value` with null for NaN and infinities, which are no JSON: pandas and others write them all the same."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _literal(text: str) -> Any:
    if len(text) > _MAX_LITERAL:
        return text
    try:
        return finite(parse(json.dumps(ast.literal_eval(text.strip()))))  # by way of JSON: no sets, no bytes
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def _known(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() in NO_VALUE:
        return None
    return None if isinstance(value, float) and math.isnan(value) else value


def _text(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # pandas makes floats of whole numbers where one is missing
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value or None


def _count(value: Any) -> Any:
    value = _known(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _amount(value: Any) -> Any:
    value = _known(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return float(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _truth(value: Any) -> Any:
    value = _known(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return _TRUTHS.get(str(value).strip().lower().removesuffix(".0"), value)
    return value


def _texts(value: Any) -> Any:
    found = structure(_known(value))
    if isinstance(found, list | tuple):
        return [item if isinstance(item, str) else str(item) for item in found if item is not None]
    return [found] if isinstance(found, str) else found


def _parameter(value: Any) -> Any:
    number = _amount(value)
    return structure(value) if not isinstance(number, float) else int(number) if number.is_integer() else number


def _object(value: Any) -> Any:
    return structure(_known(value))


def _objects(value: Any) -> Any:
    found = structure(_known(value))
    return [found] if isinstance(found, Mapping) else found


def _messages(value: Any) -> Any:
    """A text that is a list of messages is read as one; any other text, also of other JSON, is what was said."""
    found = structure(value)
    items = found if isinstance(found, list) else [found]
    if isinstance(value, str) and not all(isinstance(item, Mapping) and "role" in item for item in items):
        return value or None
    return found


def _instructions(value: Any) -> Any:
    found = structure(value)
    is_list = isinstance(found, list) and all(isinstance(item, Mapping) and "type" in item for item in found)
    return (value or None) if isinstance(value, str) and not is_list else found


def _contexts(value: Any) -> Any:
    found = structure(_known(value))
    return [found] if isinstance(found, str | Mapping) else found


def _readers() -> dict[str, Callable[[Any], Any]]:
    by_kind: dict[Any, Callable[[Any], Any]] = {int | None: _count, float | None: _amount, bool | None: _truth}
    named: dict[str, Callable[[Any], Any]] = {
        "finish_reasons": _texts,
        "tags": _texts,
        "parameters": _object,
        "metadata": _object,
        "tool_definitions": _objects,
        "system_instructions": _instructions,
        "input_messages": _messages,
        "output_messages": _messages,
        "contexts": _contexts,
        "latency_ms": _amount,
        "ttft_ms": _amount,
    }
    of_call = {name: by_kind.get(kind, _text) for name, kind in get_type_hints(Call).items()}
    return of_call | named


_READERS = _readers()
