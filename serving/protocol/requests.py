"""From the body of a request to what the engine is asked: every field is honoured or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from serving.engine.base import Message, Prompt, Sampling
from serving.protocol import unsupported
from serving.protocol.errors import ApiError

Operation = Literal["chat", "text_completion"]

_TEXT_DEFAULT_MAX_TOKENS = 16  # as OpenAI documents it for /v1/completions


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    operation: Operation
    model: str
    prompt: Prompt
    sampling: Sampling
    stream: bool
    include_usage: bool
    user: str | None
    parameters: Mapping[str, Any]
    """The sampling parameters that the client sent, and no defaults, by their OpenTelemetry names."""


def _joined_text(content: Any) -> Any:
    """Text as it is, or the text parts of a list on lines of their own."""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.keys() != {"type", "text"} or part["type"] != "text":
            kind = part.get("type") if isinstance(part, dict) else type(part).__name__
            raise ValueError(f"only parts of type 'text' are supported, got {kind!r}")
        if not isinstance(part["text"], str):
            raise ValueError("the text of a part must be a string")
        texts.append(part["text"])
    return "\n".join(texts)


def _as_list(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def _only_prompt(prompt: Any) -> Any:
    if isinstance(prompt, list) and len(prompt) == 1:
        return prompt[0]
    if isinstance(prompt, list):
        raise ValueError("only one prompt per request is supported, as a string")
    return prompt


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _ChatMessage(_Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined_text)]

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Any) -> Any:
        # Clients send an earlier answer back as they got it, with nulls for all it did not have.
        return (
            {name: value for name, value in fields.items() if value is not None} if isinstance(fields, dict) else fields
        )


class _StreamOptions(_Strict):
    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class _Body(_Strict):
    model: str
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list), Field(max_length=4)] = []
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    user: str | None = None

    @model_validator(mode="after")
    def _stream_options_need_a_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is only allowed with stream: true")
        return self


class _ChatBody(_Body):
    messages: list[_ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("max_tokens and max_completion_tokens are the same limit; send one of them")
        return self


class _TextBody(_Body):
    prompt: Annotated[str, BeforeValidator(_only_prompt)]


def chat_request(body: bytes) -> CompletionRequest:
    """Read the body of POST /v1/chat/completions.

    Raises:
        ApiError: 400, with the field at fault.
    """
    chat = _parse(_ChatBody, body, unsupported.CHAT)
    prompt = tuple(
        # Chat templates know one role for the application's own instructions, under its older name.
        Message("system" if message.role == "developer" else message.role, message.content)
        for message in chat.messages
    )
    return _request("chat", chat, prompt, chat.max_tokens or chat.max_completion_tokens)


def text_request(body: bytes) -> CompletionRequest:
    """Read the body of POST /v1/completions; raises as `chat_request`."""
    text = _parse(_TextBody, body, unsupported.TEXT)
    return _request("text_completion", text, text.prompt, text.max_tokens or _TEXT_DEFAULT_MAX_TOKENS)


def _request(operation: Operation, body: _Body, prompt: Prompt, max_tokens: int | None) -> CompletionRequest:
    sent = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "max_tokens": max_tokens if operation == "chat" else body.max_tokens,
        "seed": body.seed,
        "stop_sequences": tuple(body.stop) or None,
    }
    return CompletionRequest(
        operation=operation,
        model=body.model,
        prompt=prompt,
        sampling=Sampling(
            temperature=1.0 if body.temperature is None else body.temperature,
            top_p=1.0 if body.top_p is None else body.top_p,
            max_tokens=max_tokens,
            stop=tuple(body.stop),
            seed=body.seed,
        ),
        stream=body.stream,
        include_usage=body.stream_options is not None and body.stream_options.include_usage,
        user=body.user,
        parameters={name: value for name, value in sent.items() if value is not None},
    )


_B = TypeVar("_B", bound=_Body)


def _parse(kind: type[_B], body: bytes, refused: Mapping[str, tuple[Any, ...]]) -> _B:
    try:
        fields = from_json(body)
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(fields, dict):
        raise ApiError(400, "the body must be a JSON object", code="invalid_json")
    try:
        return kind.model_validate(unsupported.without_unsupported(fields, refused))
    except ValidationError as error:
        _refuse(error)


def _refuse(error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False, include_input=False)[0]
    param = _path(first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    code = "invalid_value"
    if first["type"] == "extra_forbidden":
        message, code = "this server knows no such field; leave it out", "unknown_parameter"
    elif first["type"] == "missing":
        message, code = "this field is required", "missing_required_parameter"
    raise ApiError(400, f"{param}: {message}" if param else message, code=code, param=param or None) from error


def _path(location: tuple[int | str, ...]) -> str:
    """('messages', 0, 'content') as messages[0].content."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).removeprefix(".")
