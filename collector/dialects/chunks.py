"""The chunks of a streamed answer, as a library recorded them -> the one answer they make."""

from collections.abc import Iterable, Mapping
from typing import Any

from collector.dialects.openai_shapes import items, mapping

_MAX_CALLS = 1_000  # a number a stranger sent must not size a list


def whole_answer(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A chat completion, or the response of a Responses API stream, from its chunks; empty if they are neither."""
    whole: dict[str, Any] = {}
    choices: dict[Any, dict[str, Any]] = {}
    for chunk in chunks:
        if isinstance(chunk.get("response"), dict):
            whole |= chunk["response"]
            continue
        for choice in items(chunk.get("choices")):
            _add(choices.setdefault(str(mapping(choice).get("index", 0)), {}), mapping(choice))
        told = {key: chunk.get(key) for key in ("id", "model", "system_fingerprint", "usage")}
        whole |= {key: value for key, value in told.items() if value is not None}
    if choices:
        whole["choices"] = [_finished(choices[index]) for index in sorted(choices)]
    return whole


def says_something(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk brings a part of the answer: the first ones may only say that it begins."""
    if isinstance(chunk.get("choices"), list):
        deltas = [mapping(mapping(choice).get("delta")) for choice in chunk["choices"]]
        texts = [mapping(choice).get("text") for choice in chunk["choices"]]
        keys = ("content", "tool_calls", "function_call", "reasoning_content", "reasoning", "refusal")
        return any(texts) or any(delta.get(key) for delta in deltas for key in keys)
    kind = chunk.get("type")
    return kind.endswith("delta") if isinstance(kind, str) else True


def _add(choice: dict[str, Any], chunk: Mapping[str, Any]) -> None:
    delta = mapping(chunk.get("delta")) or {"content": chunk.get("text")}
    for key in ("content", "reasoning_content"):
        if isinstance(delta.get(key), str):
            choice[key] = choice.get(key, "") + delta[key]
    for call in items(delta.get("tool_calls")):
        _add_call(choice.setdefault("calls", {}), mapping(call))
    choice["finish_reason"] = chunk.get("finish_reason") or choice.get("finish_reason")


def _add_call(calls: dict[Any, dict[str, Any]], delta: Mapping[str, Any]) -> None:
    index = delta.get("index")
    if not isinstance(index, int) or len(calls) >= _MAX_CALLS:
        return
    call = calls.setdefault(index, {"id": None, "name": None, "arguments": ""})
    function = mapping(delta.get("function"))
    call["id"], call["name"] = call["id"] or delta.get("id"), call["name"] or function.get("name")
    if isinstance(function.get("arguments"), str):
        call["arguments"] += function["arguments"]


def _finished(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = {key: choice[key] for key in ("content", "reasoning_content") if choice.get(key)}
    calls = mapping(choice.get("calls"))
    message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return {"message": {"role": "assistant", **message}, "finish_reason": choice.get("finish_reason")}
