"""Requests and answers in the form of OpenAI's APIs, as many dialects carry them whole: to our own message form.

Nothing here raises: what stands where a message is expected, but is none, is kept as text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collector.dialects.langchain_shapes import plain_message
from collector.dialects.message_parts import part_of, tool_call, tool_call_response
from collector.jsontext import parse

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant"}
_JSON_BEGINS = tuple('{["-0123456789tfnNI \t\r\n')
"""What JSON begins with: to find out that a text is none takes longer than to read a short one."""
_BESIDE_CONTENT = ("tool_call_id", "reasoning_content", "reasoning", "tool_calls", "function_call")


def json_or_text(value: Any) -> Any:
    """The parsed value of a JSON text; anything else as it is."""
    if not isinstance(value, str) or not value.startswith(_JSON_BEGINS):
        return value
    try:
        return parse(value)
    except ValueError:
        return value


def mapping(value: Any) -> Mapping[str, Any]:
    """`value`, or an empty mapping where it is none."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Sequence[Any]:
    """`value`, or an empty sequence where it is no list."""
    return value if isinstance(value, list | tuple) else ()


def message(raw: Mapping[str, Any]) -> dict[str, Any]:
    """One chat message {role, content, tool_calls, tool_call_id} in parts; content may be parts of any provider."""
    raw = plain_message(raw)
    role = str(raw.get("role") or "user")
    role = _ROLES.get(role, role)
    content = raw.get("content", raw.get("parts"))
    if isinstance(content, str) and not any(map(raw.get, _BESIDE_CONTENT)):
        return {"role": role, "parts": content_parts(content)}  # as most are
    if raw.get("tool_call_id"):
        answered = tool_call_response(raw["tool_call_id"], raw.get("content"))
        return {"role": "tool" if role == "user" else role, "parts": [answered]}
    thought = raw.get("reasoning_content") or raw.get("reasoning")
    thoughts = [{"type": "reasoning", "content": thought}] if isinstance(thought, str) else []
    parts = [*thoughts, *content_parts(content)]
    # Some libraries list a call among the parts and once more beside them.
    listed = {part["id"] for part in parts if part.get("type") == "tool_call" and isinstance(part.get("id"), str)}
    calls = [_tool_call(mapping(call)) for call in _calls(raw)]
    parts += [call for call in calls if not (isinstance(call["id"], str) and call["id"] in listed)]
    is_answer_of_tools = role == "user" and parts and all(part.get("type") == "tool_call_response" for part in parts)
    return {"role": "tool" if is_answer_of_tools else role, "parts": parts}


def _calls(raw: Mapping[str, Any]) -> Sequence[Any]:
    """The tool calls beside a message's content, in the present form or in the one that had a single function."""
    function = raw.get("function_call")
    return items(raw.get("tool_calls")) or ([function] if isinstance(function, dict) else ())


def content_parts(content: Any) -> list[dict[str, Any]]:
    """Parts of a message's content: a text, or a list of typed items."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [part_of(item) for item in (items(content) if isinstance(content, list | tuple) else [content])]


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = mapping(call.get("function")) or call
    return tool_call(call.get("id"), function.get("name"), function.get("arguments", function.get("args")))


def messages_of_request(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input of a request to chat completions, completions, responses or embeddings."""
    source = request.get("messages", request.get("input", request.get("prompt")))
    return [_input_item(item) for item in (source if isinstance(source, list) else [source]) if item is not None]


def _input_item(item: Any) -> dict[str, Any]:
    """A chat message, an item of a Responses API input, or a bare text."""
    if not isinstance(item, dict):
        return {"role": "user", "parts": [part_of(item)]}
    match item.get("type"):
        case "function_call":
            return {"role": "assistant", "parts": [_tool_call({**item, "id": item.get("call_id")})]}
        case "function_call_output":
            return {"role": "tool", "parts": [tool_call_response(item.get("call_id"), item.get("output"))]}
        case _:
            return message(item)


def messages_of_response(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answers in a response of chat completions, completions or responses, one message a choice."""
    if isinstance(response.get("choices"), list):
        return [_choice(choice) for choice in response["choices"] if isinstance(choice, dict)]
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
