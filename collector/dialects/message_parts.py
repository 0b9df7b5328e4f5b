"""One item of a message's content, in whichever provider's or library's form -> a part of our own message form."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from collector.jsontext import parse

Part = dict[str, Any]


def part_of(item: Any) -> Part:
    """A part as OTel GenAI writes it. What has no counterpart there is kept as it came; nothing raises."""
    if not isinstance(item, dict):
        return {"type": "text", "content": as_text(item)}
    kind = item.get("type", item.get("kind"))
    read = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if read is None:
        read = next((by_key for key, by_key in _BY_KEY.items() if item.get(key) is not None), dict)
    return read(item)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    """Arguments that came as JSON text become the object they are."""
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": _parsed(arguments)}


def tool_call_response(call_id: Any, response: Any) -> Part:
    return {"type": "tool_call_response", "id": call_id, "response": response}


def _parsed(value: Any) -> Any:
    try:
        return parse(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _below(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def _text(item: Mapping[str, Any]) -> Part:
    content = item.get("text", item.get("content"))
    return {"type": "text", "content": as_text("" if content is None else content)}


def _thought(item: Mapping[str, Any]) -> Part:
    content = next((item[key] for key in ("thinking", "reasoning", "text", "content") if item.get(key)), "")
    return {"type": "reasoning", "content": as_text(content)}


def _gemini_text(item: Mapping[str, Any]) -> Part:
    return _thought(item) if item.get("thought") is True else _text(item)


def _bedrock_thought(item: Mapping[str, Any]) -> Part:
    return _thought(_below(_below(item, "reasoningContent"), "reasoningText"))


def _tool_use(item: Mapping[str, Any]) -> Part:
    return tool_call(item.get("id"), item.get("name"), item.get("input"))


def _tool_result(item: Mapping[str, Any]) -> Part:
    return tool_call_response(item.get("tool_use_id"), _joined_text(item.get("content")))


def _dashed_tool_call(item: Mapping[str, Any]) -> Part:
    arguments = item.get("input", item.get("args", item.get("arguments")))
    return tool_call(item.get("toolCallId", item.get("id")), item.get("toolName", item.get("name")), arguments)


def _dashed_tool_result(item: Mapping[str, Any]) -> Part:
    output = item.get("output", item.get("result"))
    is_typed = isinstance(output, dict) and "value" in output and "type" in output
    return tool_call_response(item.get("toolCallId"), output["value"] if is_typed else output)


def _own_tool_call(item: Mapping[str, Any]) -> Part:
    return dict(item) | {"arguments": _parsed(item.get("arguments", item.get("args")))}


def _own_tool_call_response(item: Mapping[str, Any]) -> Part:
    return {key: value for key, value in item.items() if key != "result"} | {
        "response": item.get("response", item.get("result"))
    }


def _function_call(item: Mapping[str, Any]) -> Part:
    call = _below(item, "functionCall") or _below(item, "function_call")
    return tool_call(call.get("id"), call.get("name"), call.get("args", call.get("arguments")))


def _function_response(item: Mapping[str, Any]) -> Part:
    answer = _below(item, "functionResponse") or _below(item, "function_response")
    return tool_call_response(answer.get("id", answer.get("name")), answer.get("response"))


def _bedrock_tool_use(item: Mapping[str, Any]) -> Part:
    call = _below(item, "toolUse")
    return tool_call(call.get("toolUseId"), call.get("name"), call.get("input"))


def _bedrock_tool_result(item: Mapping[str, Any]) -> Part:
    answer = _below(item, "toolResult")
    return tool_call_response(answer.get("toolUseId"), _joined_text(answer.get("content")))


def _image_url(item: Mapping[str, Any]) -> Part:
    url = item.get("image_url", item.get("url"))
    return {"type": "uri", "modality": "image", "uri": url.get("url") if isinstance(url, dict) else url}


def _image(item: Mapping[str, Any]) -> Part:
    source = _below(item, "source")
    if source.get("data"):
        return {"type": "blob", "modality": "image", "mime_type": source.get("media_type"), "content": source["data"]}
    if url := source.get("url") or item.get("url"):
        return {"type": "uri", "modality": "image", "uri": url}
    return _image_url(item) if "image_url" in item else dict(item)


def _joined_text(content: Any) -> Any:
    """The text of a tool's answer that came as a list of texts; any other answer as it is."""
    if not isinstance(content, list) or not content:
        return content
    texts = [item.get("text") if isinstance(item, dict) else item for item in content]
    return "\n".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else content


_BY_TYPE: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    "text": _gemini_text,
    "input_text": _text,
    "output_text": _text,
    "thinking": _thought,
    "reasoning": _thought,
    "tool_use": _tool_use,
    "server_tool_use": _tool_use,
    "tool_result": _tool_result,
    "tool-call": _dashed_tool_call,
    "tool-result": _dashed_tool_result,
    "tool_call": _own_tool_call,
    "tool_call_response": _own_tool_call_response,
    "image": _image,
    "image_url": _image_url,
    "image-url": _image_url,
    "input_image": _image_url,
}
_BY_KEY: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    "functionCall": _function_call,
    "function_call": _function_call,
    "functionResponse": _function_response,
    "function_response": _function_response,
    "toolUse": _bedrock_tool_use,
    "toolResult": _bedrock_tool_result,
    "reasoningContent": _bedrock_thought,
    "image_url": _image_url,
    "text": _gemini_text,
}
