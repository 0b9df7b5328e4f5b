"""One model invocation: the unit of evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from collector.times import format_rfc3339

DEFAULT_PROJECT = "default"
"""Where everything belongs that names no project."""

CALL_OPERATIONS = ("chat", "text_completion", "generate_content", "embeddings", "rerank")
"""What one call of a model can be. Any other operation with tokens of its own is the wrapper of calls."""

Message = Mapping[str, Any]
"""OTel GenAI form: {"role", "parts": [{"type": "text", "content"}, ...], "finish_reason"?}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One model call as its sender told it. None is unknown, which is neither 0 nor empty.

    `input_tokens` includes cache reads and writes, `output_tokens` includes reasoning: the details are subsets.
    `cost_usd` None: no price is known, which is not the same as free. `ttft_s` is None unless the call was streamed.
    """

    call_id: str
    trace_id: str
    span_id: str
    start_ns: int
    project: str = DEFAULT_PROJECT
    service: str | None = None
    environment: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    system_fingerprint: str | None = None
    operation: str | None = None
    stream: bool | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    finish_reasons: Sequence[str] | None = None
    error_type: str | None = None
    error_message: str | None = None
    parameters: Mapping[str, Any] | None = None
    session_id: str | None = None
    user_id: str | None = None
    tenant: str | None = None
    tags: Sequence[str] | None = None
    metadata: Mapping[str, Any] | None = None
    system_instructions: Sequence[Mapping[str, Any]] | None = None
    input_messages: Sequence[Message] | None = None
    output_messages: Sequence[Message] | None = None
    tool_definitions: Sequence[Mapping[str, Any]] | None = None
    contexts: Sequence[Mapping[str, Any]] | None = None
    seq: int | None = field(default=None, compare=False)
    """Place in the order of arrival; None until stored."""

    @property
    def output_text(self) -> str:
        return text_of(self.output_messages)

    @property
    def prompt_text(self) -> str:
        """The last thing the user said: what the answer answers."""
        return next((text_of([m]) for m in reversed(self.input_messages or ()) if m.get("role") == "user"), "")

    @property
    def context_texts(self) -> list[str]:
        """The retrieved texts that the answer may rest on."""
        return [text for context in self.contexts or () if (text := str(context.get("content") or ""))]

    def to_json(self) -> dict[str, Any]:
        """The public shape (docs/api.md); `start_time` is RFC 3339."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("start_ns", "seq")}
        return values | {"start_time": format_rfc3339(self.start_ns)}


def text_of(messages: Sequence[Message] | None) -> str:
    """The text parts of all `messages`, in order, one line break between messages."""
    return "\n".join(
        "".join(str(p.get("content") or "") for p in m.get("parts", ()) if p.get("type") == "text")
        for m in messages or ()
    )
