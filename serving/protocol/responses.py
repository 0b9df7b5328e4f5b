"""Answers as OpenAI's clients expect them, whole and in pieces, for chat and for plain completion."""

import json
from dataclasses import dataclass
from typing import Any

from serving.engine.base import Model
from serving.engine.generation import FinishReason, Usage
from serving.protocol.requests import Operation

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is the same on every part of one answer."""

    operation: Operation
    response_id: str
    created_s: int
    model: str

    def whole(self, text: str, finish_reason: FinishReason, usage: Usage) -> dict[str, Any]:
        """The body of an answer that is not streamed."""
        kind = "chat.completion" if self.operation == "chat" else "text_completion"
        content = {"message": {"role": "assistant", "content": text}} if self.operation == "chat" else {"text": text}
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head(kind), "choices": [choice], "usage": usage_body(usage)}

    def chunk(
        self, text: str, finish_reason: FinishReason | None, *, first: bool, include_usage: bool
    ) -> dict[str, Any]:
        """One event of a stream."""
        if self.operation == "chat":
            role = {"role": "assistant"} if first else {}
            content: dict[str, Any] = {"delta": {**role, "content": text} if text or first else {}}
        else:
            content = {"text": text}
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if include_usage else {}
        return {**self._head(self._chunk_kind()), "choices": [choice], **usage}

    def usage_chunk(self, usage: Usage) -> dict[str, Any]:
        """The last event of a stream that was asked for with `include_usage`."""
        return {**self._head(self._chunk_kind()), "choices": [], "usage": usage_body(usage)}

    def _chunk_kind(self) -> str:
        return "chat.completion.chunk" if self.operation == "chat" else "text_completion"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.response_id, "object": kind, "created": self.created_s, "model": self.model}


def usage_body(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def model_body(model: Model) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created_s,
        "owned_by": "watchkeeper",
        "max_model_len": model.context_tokens,
    }


def event(body: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
