"""The seam between the API and whatever runs the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from serving.engine.generation import Generation

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


Prompt = str | Sequence[Message]
"""Text to continue, or a conversation to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen, and when to stop."""

    temperature: float = 1.0  # 0: always the most probable token
    top_p: float = 1.0
    max_tokens: int | None = None  # None: the engine's default, as far as the context allows
    stop: tuple[str, ...] = ()  # the answer ends before the first of these
    seed: int | None = None  # None: a fresh one


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    name: str
    created_s: int  # Unix seconds: when its weights were written
    context_tokens: int


class PromptRefused(ValueError):
    """The prompt can never be answered as asked: a retry is of no use."""

    def __init__(self, message: str, *, too_long: bool = False) -> None:
        super().__init__(message)
        self.too_long = too_long


class EngineBusy(RuntimeError):
    """As many requests wait as may wait: a later retry can succeed."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Engine(Protocol):
    @property
    def model(self) -> Model: ...

    async def generate(self, prompt: Prompt, sampling: Sampling) -> Generation:
        """Admit one request and start to answer it.

        The pieces of the answer are read from the returned generation, whose last piece carries the finish reason
        and the usage. Cancelling it frees whatever the engine holds for it.

        Raises:
            PromptRefused: the prompt, or the prompt and `max_tokens` together, exceed the context, or the model's
                template cannot express the conversation.
            EngineBusy: the waiting line is full.
        """

    def close(self) -> None:
        """Cancel what runs and what waits, and return when nothing runs any more. Safe to call again."""
