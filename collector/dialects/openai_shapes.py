"""Requests and answers in the form of OpenAI's APIs, as many dialects carry them whole: to our own message form.

Nothing here raises: what stands where a message is expected, but is none, is kept as text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from collector.jsontext import parse


def json_or_text(value: Any) -> Any:
    """The parsed value of a JSON text; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError:
        return value


def mapping(value: Any) -> Mapping[str, Any]:
    """`value`, or an empty mapping where it is none."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> Sequence[Any]:
    """`value`, or an empty sequence where it is no list."""
    return value if isinstance(value, list | tuple) else ()


def message(raw: Mapping[str, Any]) -> dict[str, Any]:
    """One chat message {role, content, tool_calls, tool_call_id} in parts."""
    role = str(raw.get("role") or "user")
    if raw.get("tool_call_id"):
        response = {"type": "tool_call_response", "id": raw["tool_call_id"], "response": raw.get("content")}
        return {"role": role, "parts": [response]}
    tool_calls = [_tool_call(mapping(call)) for call in items(raw.get("tool_calls"))]
    return {"role": role, "parts": [*content_parts(raw.get("content")), *tool_calls]}


def content_parts(content: Any) -> list[dict[str, Any]]:
    """Parts of a message's content: a text, or a list of typed items."""
    if content is None or content == "":
        return []
    return [_content_part(item) for item in (items(content) if isinstance(content, list | tuple) else [content])]


def _content_part(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        return {"type": "text", "content": _text(item)}
    if isinstance(item.get("text"), str):
        return {"type": "text", "content": item["text"]}
    if image := item.get("image_url"):
        return {"type": "uri", "modality": "image", "uri": image.get("url") if isinstance(image, Mapping) else image}
    return dict(item)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = mapping(call.get("function")) or call
    return {
        "type": "tool_call",
        "id": call.get("id"),
        "name": function.get("name"),
        "arguments": json_or_text(function.get("arguments")),
    }


def messages_of_request(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input of a request to chat completions, completions, responses or embeddings."""
    source = request.get("messages", request.get("input", request.get("prompt")))
    return [_input_item(item) for item in (source if isinstance(source, list) else [source]) if item is not None]


def _input_item(item: Any) -> dict[str, Any]:
    """A chat message, an item of a Responses API input, or a bare text."""
    if not isinstance(item, Mapping):
        return {"role": "user", "parts": [_content_part(item)]}
    match item.get("type"):
        case "function_call":
            return {"role": "assistant", "parts": [_tool_call({**item, "id": item.get("call_id")})]}
        case "function_call_output":
            response = {"type": "tool_call_response", "id": item.get("call_id"), "response": item.get("output")}
            return {"role": "tool", "parts": [response]}
        case _:
            return message(item)


def messages_of_response(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answers in a response of chat completions, completions or responses, one message a choice."""
    if isinstance(response.get("choices"), list):
        return [_choice(choice) for choice in response["choices"] if isinstance(choice, Mapping)]
    parts = [part for item in items(response.get("output")) for part in _output_parts(mapping(item))]
    return [{"role": "assistant", "parts": parts}] if parts else []


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    raw = mapping(choice.get("message")) or {"content": choice.get("text")}
    reason = choice.get("finish_reason")
    answer = message({"role": "assistant", **raw})
    return {**answer, "finish_reason": reason} if reason else answer


def _output_parts(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parts of one output item of the Responses API."""
    match item.get("type"):
        case "function_call":
            return [_tool_call({**item, "id": item.get("call_id")})]
        case "reasoning":
            texts = [str(mapping(part).get("text", "")) for part in items(item.get("summary"))]
            return [{"type": "reasoning", "content": "\n".join(texts)}] if texts else []
        case _:
            return content_parts(item.get("content"))


def finish_reasons_of(response: Mapping[str, Any]) -> list[str]:
    """Why each choice ended; of a Responses API answer its status."""
    reasons = [mapping(choice).get("finish_reason") for choice in items(response.get("choices"))]
    return [reason for reason in reasons or [response.get("status")] if reason and isinstance(reason, str)]
