"""Settings of alerting."""

from typing import Annotated, Self
from urllib.parse import urlsplit

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

MIN_SECRET_LENGTH = 16


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET_LENGTH:
        raise ValueError(
            f"must have {MIN_SECRET_LENGTH} characters or more; "
            "make one by: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return secret


def _hidden(value: object) -> object:
    return SecretStr(value) if isinstance(value, str) else value


# Hidden before it is checked: an error about the secret shows what it was given.
Secret = Annotated[SecretStr, AfterValidator(_long_enough), BeforeValidator(_hidden)]


class ReceiverConfig(BaseModel):
    """Who is told. `name` is shown and logged; the URL may hold a token in its path, so it is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    url: Annotated[str, Field(repr=False)]
    secret: Secret

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname, parts.port
            _host = httpx.URL(url).host  # what it cannot read, it could not send to either
        except (ValueError, httpx.InvalidURL) as error:
            raise ValueError(f"is no URL ({error})") from error
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("must begin with http:// or https:// and name a host, like https://oncall.example/hook")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must hold no user or password; the receiver knows us by the signature")
        return url


class AlertsConfig(BaseModel):
    """`base_url` is where people reach the UI; links in notifications begin with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval_s: Annotated[float, Field(ge=0.1, le=3600)] = 15.0
    base_url: str = "http://127.0.0.1:8600"
    receivers: tuple[ReceiverConfig, ...] = ()
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    give_up_after_s: Annotated[float, Field(gt=0)] = 86_400.0

    @field_validator("base_url")
    @classmethod
    def _no_slash(cls, base_url: str) -> str:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://, like https://watchkeeper.example")
        return base_url.rstrip("/")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        if len(set(names)) < len(names):
            raise ValueError("each receiver needs a name of its own")
        return self
