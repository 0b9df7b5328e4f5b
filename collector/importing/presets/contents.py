"""What was said, in whatever form a log keeps it -> messages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects.openai_shapes import content_parts, message, messages_of_request, messages_of_response
from collector.importing.values import structure

Json = dict[str, Any]


def messages_in(value: Any, *, role: str) -> list[Json] | None:
    """The messages in a text (said by `role`), a message, a list of them, or a request or response that holds some.

    Other JSON is kept as its text: it was said in this form. None where there is nothing.
    """
    value = structure(value)
    if value in (None, "", [], {}):
        return None
    if isinstance(value, Mapping):
        if isinstance(value.get("messages"), list):
            return messages_in(value["messages"], role=role)
        if isinstance(value.get("choices"), list) or isinstance(value.get("output"), list):
            return sound(messages_of_response(value)) or None
        value = [value]
    if isinstance(value, list) and all(_is_message(item) for item in value):
        return sound([_message(item, role) for item in value])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [{"role": role, "parts": [_text(item)]} for item in value]  # the inputs of an embedding
    only = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping) else value
    return [{"role": role, "parts": [_text(only)]}]


def request_messages(request: Mapping[str, Any]) -> list[Json] | None:
    """The input of a request to an API in OpenAI's form. Token numbers instead of texts are not kept."""
    source = request.get("messages", request.get("input", request.get("prompt")))
    items = source if isinstance(source, list) else [source]
    if any(isinstance(item, int | float) or (isinstance(item, list) and _is_numbers(item)) for item in items):
        return None
    return sound(messages_of_request(request)) or None


def sound(messages: Sequence[Mapping[str, Any]]) -> list[Json]:
    """`messages` with parts that all have a type, and tool calls that all have a name, as our schema wants them."""
    return [{**message, "parts": [_sound(part) for part in message.get("parts") or ()]} for message in messages]


def _sound(part: Any) -> Json:
    if not isinstance(part, Mapping):
        return _text(part)
    if not isinstance(part.get("type"), str):
        return _text(part)
    if part["type"] == "text" and not isinstance(part.get("content"), str):
        return _text(part.get("content", part.get("text")))
    if part["type"] == "tool_call" and not isinstance(part.get("name"), str):
        return {**part, "name": str(part.get("name") or "")}
    return dict(part)


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and ("role" in value or ("type" in value and "content" in value))


def _message(value: Mapping[str, Any], role: str) -> Json:
    said_by = value.get("role") or _LANGCHAIN_ROLES.get(str(value.get("type")), role)
    if isinstance(value.get("parts"), list):
        return {**value, "role": said_by}
    answer = message({**value, "role": said_by})
    return answer if answer["parts"] or not value.get("content") else {"role": said_by, "parts": content_parts(value)}


_LANGCHAIN_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def _is_numbers(items: Sequence[Any]) -> bool:
    return all(isinstance(item, int | float) for item in items)


def _text(value: Any) -> Json:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return {"type": "text", "content": text}
