"""One event with all that is known of a call: its attributes are those of a span (OTel GenAI since 1.37).

The attributes of one such event are read one by one, with the same keys and in the same order as the columns of spans.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json

from collector.dialects.base import Facts
from collector.dialects.genai import GENAI, PARAMETERS, describe_attributes
from collector.dialects.openai_shapes import items, json_or_text

DETAILS_EVENT = "gen_ai.client.inference.operation.details"
EXCEPTION_EVENT = "gen_ai.client.operation.exception"

_NO_VALUES = ("", "None", "null")
_UNKNOWN = (None, *_NO_VALUES)
COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_MESSAGES = ("input_messages", "output_messages")
_LISTS = (*_MESSAGES, "system_instructions", "tool_definitions", "documents")


def facts_of_details(attributes: Mapping[str, Any]) -> Facts:
    """The fields of a call that the attributes of one event tell."""
    facts = describe_attributes(attributes)
    best: dict[str, int] = {}
    parameters: dict[str, Any] = {}
    for key, value in attributes.items():
        if (place := _PLACES.get(key)) is not None:
            field, rank, read = place
            if rank < best.get(field, len(_PLACES)) and (known := read(value)) is not None:
                facts[field], best[field] = known, rank
        elif (name := _PARAMETER_OF.get(key)) is not None and value not in _UNKNOWN:
            parameters[name] = value
    return facts | {"parameters": parameters} if parameters else facts


def operation_of(attributes: Mapping[str, Any]) -> str | None:
    """What the event says was done, in the words of OTel GenAI where it is one of theirs."""
    word = _text(attributes.get("gen_ai.operation.name"))
    return word and GENAI.operations.get(word.lower(), word)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return None if value in _NO_VALUES else value
    return to_json(value).decode() if isinstance(value, int | float) else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number < 2**53 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _texts(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value] if value not in _NO_VALUES else None
    return [text for item in items(value) if (text := _text(item))] or None


def _listed(value: Any) -> list[Any] | None:
    """Messages, parts or definitions: a list, one item of it, or either as JSON. A bare text stays one."""
    value = json_or_text(value)
    if value in (None, "", "None", [], {}):
        return None
    return [_without_empty_name(item) for item in (value if isinstance(value, list) else [value])]


def _without_empty_name(item: Any) -> Any:
    """OTLP has no null: an absent name of a message arrives as an empty value."""
    if isinstance(item, dict) and "name" in item and item["name"] in (None, {}, ""):
        return {key: value for key, value in item.items() if key != "name"}
    return item


_READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(COUNTS, _count),
    **dict.fromkeys(_LISTS, _listed),
    "ttft_s": _number,
    "stream": _truth,
    "finish_reasons": _texts,
    "tags": _texts,
}
_PLACES: Mapping[str, tuple[str, int, Callable[[Any], Any]]] = {
    key: (field, rank, _READERS.get(field, _text))
    for field, keys in GENAI.columns.items()
    for rank, key in enumerate(keys)
}
"""Attribute key -> the field that it holds, its rank among the keys of the field (0 is best), and how it is read."""
_PARAMETER_OF = {key: name for name, key in PARAMETERS.items()}
