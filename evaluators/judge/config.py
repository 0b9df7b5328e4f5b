"""What an operator says about the judge."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator


class JudgeConfig(BaseModel, frozen=True, extra="forbid"):
    """The judge is off while `base_url` is None.

    Without the two prices the list price of the provider at `base_url` holds; a provider that no list knows (a model
    of one's own) has no price, and then `max_calls_per_day` alone limits the judge.
    """

    base_url: str | None = None
    """Where `/chat/completions` hangs, such as https://api.openai.com/v1 or http://127.0.0.1:8000/v1."""
    api_key_env: str = "WATCHKEEPER_JUDGE_API_KEY"
    """The environment variable that holds the key; unset, requests go without one."""
    model: str | None = None
    rubrics: tuple[str, ...] = ("groundedness",)
    """Ids of the packaged rubrics, or paths of rubric files (ending in .toml)."""
    sample_rate: float = Field(default=0.05, ge=0, le=1)
    max_usd_per_day: float = Field(default=5.0, ge=0)
    max_calls_per_day: int = Field(default=1_000, ge=0)
    usd_per_million_input_tokens: float | None = Field(default=None, ge=0)
    usd_per_million_output_tokens: float | None = Field(default=None, ge=0)
    timeout_s: float = Field(default=60.0, gt=0)
    concurrency: int = Field(default=4, ge=1, le=64)
    max_output_tokens: int = Field(default=1_000, ge=50)
    """Room for the reason and the verdict, and for the thinking of a model that thinks."""
    max_input_chars: int = Field(default=60_000, ge=1_000)
    """A longer call is left out and counted: a verdict on half of the contexts would be wrong."""

    @field_validator("base_url")
    @classmethod
    def _is_plain_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        _ = url.port  # raises where it cannot be a port
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("must be an http or https URL, such as http://127.0.0.1:8000/v1")
        if "@" in url.netloc or url.query or url.fragment:
            # URLs reach logs and error texts, and a key must not.
            raise ValueError("must not carry a user, a password or a query; put the key into the variable api_key_env")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.base_url is not None and not self.model:
            raise ValueError("model is missing: name the model that the endpoint at base_url shall judge with")
        if (self.usd_per_million_input_tokens is None) != (self.usd_per_million_output_tokens is None):
            raise ValueError("set both usd_per_million_input_tokens and usd_per_million_output_tokens, or neither")
        return self
