"""Messages as people log them, brought to the parts form of the OTel GenAI conventions."""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects.openai_shapes import message
from collector.errors import BadRequest
from collector.validation import shorten

Json = dict[str, Any]

PARTS_FORM = '{"role": "user", "parts": [{"type": "text", "content": "..."}]} or {"role": "user", "content": "..."}'


def messages_of(value: object, *, path: str, role: str) -> list[Json] | None:
    """The messages in `value`: None, a bare text (said by `role`), one message, or a list of these.

    Raises:
        BadRequest: with the path of what is wrong.
    """
    if value is None:
        return None
    if isinstance(value, (str, Mapping)):
        return [_message(value, path, role)]
    if isinstance(value, Sequence):
        return [_message(item, f"{path}[{i}]", role) for i, item in enumerate(value)]
    raise BadRequest(f"{path}: must be a text or a list of messages, got {shorten(value)}; write {PARTS_FORM}")


def parts_of(value: object, *, path: str) -> list[Json] | None:
    """System instructions: None, a bare text, or a list of parts or texts."""
    if value is None:
        return None
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [_part(item, f"{path}[{i}]") for i, item in enumerate(items)]


def contexts_of(value: object, *, path: str) -> list[Json] | None:
    """Retrieved texts: None, or a list of texts or of {"content", ...}."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise BadRequest(
            f'{path}: must be a list, got {shorten(value)}; write ["text", ...] or [{{"content": "text"}}]'
        )
    return [_context(item, f"{path}[{i}]") for i, item in enumerate(value)]


def _context(value: object, path: str) -> Json:
    if isinstance(value, str):
        return {"content": value}
    if isinstance(value, Mapping) and isinstance(value.get("content"), str):
        return dict(value)
    raise BadRequest(f'{path}: must be a text or {{"content": "text", ...}}, got {shorten(value)}')


def _message(value: object, path: str, default_role: str) -> Json:
    if isinstance(value, str):
        return {"role": default_role, "parts": [_text(value)]}
    if not isinstance(value, Mapping):
        raise BadRequest(f"{path}: must be a message, got {shorten(value)}; write {PARTS_FORM}")
    role = value.get("role")
    if not isinstance(role, str) or not role:
        raise BadRequest(f"{path}.role: must be system, user, assistant or tool, got {shorten(role)}")
    if "parts" in value:
        parts = value["parts"]
        if not isinstance(parts, list):
            raise BadRequest(f"{path}.parts: must be a list, got {shorten(parts)}; write {PARTS_FORM}")
        return {**value, "parts": [_part(part, f"{path}.parts[{i}]") for i, part in enumerate(parts)]}
    return _from_openai(value, role, path)


def _from_openai(value: Mapping[str, Any], role: str, path: str) -> Json:
    """A message of OpenAI's chat API: `content`, `tool_calls`, `tool_call_id`."""
    content, tool_calls = value.get("content"), value.get("tool_calls") or []
    if "content" not in value and not tool_calls:
        raise BadRequest(f"{path}: has neither parts nor content; write {PARTS_FORM}")
    if content is not None and not isinstance(content, (str, list)):
        raise BadRequest(f"{path}.content: must be a text or a list of parts, got {shorten(content)}")
    for i, item in enumerate(content if isinstance(content, list) else ()):
        _part(item, f"{path}.content[{i}]")
    if not isinstance(tool_calls, list):
        raise BadRequest(f"{path}.tool_calls: must be a list, got {shorten(tool_calls)}")
    for i, tool_call in enumerate(tool_calls):
        _check_tool_call(tool_call, f"{path}.tool_calls[{i}]")
    reason = value.get("finish_reason")
    return message({**value, "role": role}) | ({"finish_reason": reason} if isinstance(reason, str) else {})


def _check_tool_call(value: object, path: str) -> None:
    function = value.get("function") if isinstance(value, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise BadRequest(f'{path}: must be {{"id", "function": {{"name", "arguments"}}}}, got {shorten(value)}')


def _part(value: object, path: str) -> Json:
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise BadRequest(
            f'{path}: must be a part with a type, got {shorten(value)}; write {{"type": "text", "content": ...}}'
        )
    if value["type"] == "text":
        text = value.get("content", value.get("text"))  # OpenAI's parts say `text`
        if not isinstance(text, str):
            raise BadRequest(f"{path}.content: must be a text, got {shorten(text)}")
        return {k: v for k, v in value.items() if k != "text"} | {"content": text}
    if value["type"] == "tool_call" and not isinstance(value.get("name"), str):
        raise BadRequest(f"{path}.name: must be the name of the tool, got {shorten(value.get('name'))}")
    return dict(value)


def _text(text: str) -> Json:
    return {"type": "text", "content": text}
