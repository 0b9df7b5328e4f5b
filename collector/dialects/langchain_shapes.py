"""LangChain's own forms of messages and answers, as many libraries pass them on: to those of chat completions."""

from collections.abc import Mapping, Sequence
from typing import Any

_ROLES = {
    "ai": "assistant", "AIMessage": "assistant", "AIMessageChunk": "assistant",
    "human": "user", "HumanMessage": "user", "HumanMessageChunk": "user",
    "system": "system", "SystemMessage": "system", "SystemMessageChunk": "system",
    "tool": "tool", "ToolMessage": "tool", "ToolMessageChunk": "tool",
    "function": "function", "FunctionMessage": "function", "FunctionMessageChunk": "function",
}  # fmt: skip
_OWN_IDS = ("run-", "run--", "lc_run-", "lc_")
"""LangChain names answers itself; such an id is none of the provider's."""


def plain_message(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """`raw` with a role, where it is a message as LangChain writes it; any other message as it is."""
    if "role" in raw:
        return raw
    fields = raw
    for inner in ("kwargs", "data"):
        below = raw.get(inner)
        if "content" not in raw and isinstance(below, dict):
            fields = below
    if "role" in fields:
        return fields
    name = raw["id"][-1] if isinstance(raw.get("id"), list) and raw["id"] else fields.get("type", raw.get("type"))
    role = _ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        return fields
    content = fields.get("content")
    return {**fields, "role": role, "content": _less_tool_use(content) if fields.get("tool_calls") else content}


def answers(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers in an LLMResult: messages with what else LangChain knows of them under `response_metadata`."""
    generations = document.get("generations")
    rows = [row if isinstance(row, list) else [row] for row in generations] if isinstance(generations, list) else []
    return [_answer(generation) for row in rows for generation in row if isinstance(generation, dict)]


def usage_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The token counts of an LLMResult: of its message, else of the whole."""
    per_answer: Sequence[Any] = [answer.get("usage_metadata") for answer in answers(document)]
    output = _mapping(document.get("llm_output"))
    return next(
        (usage for usage in (*per_answer, output.get("token_usage"), output.get("usage")) if isinstance(usage, dict)),
        {},
    )


def is_of_chunks(answer: Mapping[str, Any]) -> bool:
    """Whether LangChain put the answer together from the chunks of a stream."""
    return answer.get("is_of_chunks") is True


def response_id(answer: Mapping[str, Any]) -> str | None:
    """The provider's id of an answer."""
    candidates = (_mapping(answer.get("response_metadata")).get("id"), answer.get("id"))
    return next((text for text in candidates if isinstance(text, str) and not text.startswith(_OWN_IDS)), None)


def _answer(generation: Mapping[str, Any]) -> Mapping[str, Any]:
    raw = generation.get("message")
    answer = plain_message(raw) if isinstance(raw, dict) else {"role": "assistant", "content": generation.get("text")}
    known = {**_mapping(answer.get("response_metadata")), **_mapping(generation.get("generation_info"))}
    kind = generation.get("type")
    return {
        **answer,
        "is_of_chunks": isinstance(kind, str) and kind.endswith("Chunk"),
        "response_metadata": {key: value for key, value in known.items() if value is not None},
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _less_tool_use(content: Any) -> Any:
    """Content blocks without the tool calls that the message lists beside them."""
    if not isinstance(content, list):
        return content
    return [block for block in content if not (isinstance(block, dict) and block.get("type") == "tool_use")]
