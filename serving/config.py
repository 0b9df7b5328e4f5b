"""What an operator can set for the model server."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, HttpUrl, TypeAdapter, field_validator

_URL = TypeAdapter(HttpUrl)


class ServingConfig(BaseModel, frozen=True, extra="forbid"):
    """One model, served on one port."""

    model_path: Path
    """Folder with weights, config and tokenizer as `save_pretrained` writes them. Nothing is downloaded."""
    model_name: str | None = None
    """The name clients ask for; None: the folder's name."""
    host: str = "127.0.0.1"
    port: int = Field(default=8700, ge=0, le=65535)
    """0 picks a free one; the ready line says which."""
    otlp_endpoint: str | None = None
    """OTLP/HTTP base URL such as http://127.0.0.1:4318, or the full URL ending in /v1/traces; None: no telemetry."""
    service_name: str = "watchkeeper-serving"
    capture_content: bool = True
    """Whether prompts and answers are put on the spans."""
    max_waiting: int = Field(default=16, ge=0)
    """Requests that may wait while one is answered; the next one is refused with 503 and Retry-After."""
    default_max_tokens: int = Field(default=512, ge=1)
    """Answer length where the client sets none, as far as the context allows."""
    context_tokens: int | None = Field(default=None, ge=2)
    """Limit for prompt and answer together; None: what the model was built for."""
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    drain_timeout_s: int = Field(default=30, ge=1)
    """How long a stopping server lets running answers finish."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: the GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto: the type the weights were saved in."""
    n_threads: int | None = Field(default=None, ge=1)
    """Threads for arithmetic on a CPU; None: all cores but one."""

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        # Whoever reaches the port can use the model: there are no API keys to keep others out.
        if host != "localhost" and not _is_loopback(host):
            raise ValueError(f"serving without authentication binds to loopback only, got {host!r}; use 127.0.0.1")
        return host

    @field_validator("otlp_endpoint")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        if url is not None:
            _URL.validate_python(url)
        return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
