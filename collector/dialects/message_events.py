"""Messages that came as events, one at a time: on a log record or on a span, to our own message form.

Sources: semantic-conventions v1.36.0 docs/gen-ai/gen-ai-events.md; what strands-agents, azure-ai-inference, litellm and
mirascope write under the same names (their telemetry modules, read in 2026).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from collector.dialects.message_parts import part_of, tool_call, tool_call_response
from collector.dialects.openai_shapes import items, json_or_text, mapping

Message = dict[str, Any]

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.developer.message": "developer",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.content.prompt": "user",
}
_ANSWERS = ("gen_ai.choice", "gen_ai.content.completion")
MESSAGE_EVENTS = (*_ROLES, *_ANSWERS)

_MAX_INDEX = 1 << 16


@dataclass(frozen=True, slots=True)
class EventMessages:
    """What one event says: messages on the way to the model, or answers of it (each with its `index`)."""

    side: Literal["input_messages", "output_messages"]
    messages: list[Message]


def messages_of_event(name: str, body: Any, attributes: Mapping[str, Any]) -> EventMessages | None:
    """The messages in an event of `MESSAGE_EVENTS`; None where its content was not recorded.

    `body` is that of a log record (a text, a mapping or None); an event on a span has only `attributes`.
    """
    fields = _fields(body, attributes)
    if name in _ANSWERS:
        answers = [answer for raw in _several(fields, "gen_ai.completion") if (answer := _answer(raw)) is not None]
        return EventMessages("output_messages", answers) if answers else None
    asked = [message for raw in _several(fields, "gen_ai.prompt") if (message := _asked(raw, _ROLES[name])) is not None]
    return EventMessages("input_messages", asked) if asked else None


def _fields(body: Any, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Body and attributes as one mapping: what may stand in the body stands among the attributes of a span's event."""
    whole = json_or_text(body)
    inner = json_or_text(attributes.get("gen_ai.event.content"))
    fields = dict(attributes)
    for said in (inner, whole):
        if isinstance(said, dict):
            fields |= said
        elif said not in (None, "", []):
            fields.setdefault("content", said)
    return fields


def _several(fields: Mapping[str, Any], old_key: str) -> list[Mapping[str, Any]]:
    """The messages of one event; the events of 2024 carry all of them in one attribute, as JSON or as plain text."""
    if any(key in fields for key in ("content", "message", "message.content", "tool_calls")):
        return [fields]
    old = json_or_text(fields.get(old_key, fields.get("text")))
    if isinstance(old, dict) and isinstance(old.get("messages", old.get("choices")), list):
        old = old.get("messages", old.get("choices"))
    if isinstance(old, list) and old and all(isinstance(m, dict) and ("role" in m or "message" in m) for m in old):
        return [{"index": index, **message} for index, message in enumerate(old)]
    if isinstance(old, dict) and any(key in old for key in ("content", "message", "tool_calls")):
        return [old]
    return [{**fields, "content": fields.get(old_key, fields.get("text"))}]


def _asked(fields: Mapping[str, Any], role: str) -> Message | None:
    role = _text(fields.get("role")) or role
    content = fields.get("content", fields.get("message.content"))
    if role == "tool":
        parts = _parts(content)
        if not any(part.get("type") == "tool_call_response" for part in parts):
            response = json_or_text(content) if isinstance(content, str) and _is_blocks(content) else content
            parts = [tool_call_response(fields.get("id", fields.get("tool_call_id")), response)]
            parts = [] if response is None and parts[0]["id"] is None else parts
    else:
        parts = _parts(content) + _tool_calls(fields.get("tool_calls"))
    return {"role": role, "parts": parts} if parts else None


def _answer(fields: Mapping[str, Any]) -> Message | None:
    said = json_or_text(fields.get("message"))
    inner = said if isinstance(said, dict) and not _is_block(said) else {}
    content = inner.get("content") if inner else fields.get("message", fields.get("content"))
    if content is None:
        content = fields.get("message.content")
    calls = _tool_calls(inner.get("tool_calls")) or _tool_calls(fields.get("tool_calls"))
    role = _text(inner.get("role")) or _text(fields.get("message.role")) or _text(fields.get("role")) or "assistant"
    reason = _text(fields.get("finish_reason")) or _text(inner.get("finish_reason"))
    parts = _parts(content) + calls
    if not parts and not reason:
        return None
    answer: Message = {"role": role, "parts": parts, "index": _index(fields.get("index"))}
    return answer | {"finish_reason": reason} if reason else answer


def _parts(content: Any) -> list[dict[str, Any]]:
    """The parts of a content: a text, a list of typed items, or such a list as JSON."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        blocks = json_or_text(content) if _is_blocks(content) else None
        return [part_of(item) for item in blocks or [content]]
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        content = content["parts"]
    return [part_of(item) for item in (items(content) if isinstance(content, list | tuple) else [content])]


_BLOCK_KEYS = (
    "type", "text", "toolUse", "toolResult", "reasoningContent", "image", "document", "functionCall",
    "functionResponse", "cachePoint", "guardContent", "video", "citationsContent",
)  # fmt: skip


def _is_blocks(text: str) -> bool:
    """Whether a text is JSON of content blocks, rather than JSON that somebody said."""
    if not text.startswith("[{"):
        return False
    blocks = json_or_text(text)
    return isinstance(blocks, list) and all(map(_is_block, blocks))


def _is_block(item: Any) -> bool:
    return isinstance(item, dict) and "role" not in item and any(key in item for key in _BLOCK_KEYS)


def _tool_calls(calls: Any) -> list[dict[str, Any]]:
    found = []
    for call in map(mapping, items(json_or_text(calls))):
        function = mapping(call.get("function")) or call
        found.append(tool_call(call.get("id"), function.get("name"), function.get("arguments")))
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _index(value: Any) -> int:
    try:
        return min(max(int(value), 0), _MAX_INDEX)
    except (TypeError, ValueError, OverflowError):
        return 0  # an event that names no place is the only one


def in_order(answers: Iterable[Message]) -> list[Message]:
    """Answers by their place among the choices, which they then need no more."""
    ordered = sorted(answers, key=lambda answer: answer.get("index", 0))
    return [{key: value for key, value in answer.items() if key != "index"} for answer in ordered]
