"""One watchkeeper.toml and the environment, joined into one frozen object that is checked before any work.

An option of the command line goes before a variable of the environment, and that before the file.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from collector.config import CollectorConfig, Hidden, RetentionConfig, StoreConfig
from collector.errors import BadRequest, WatchkeeperError
from collector.projects.mode import AuthMode
from collector.state import parse_url
from collector.validation import complaint, near_match
from evaluators.config import EvaluatorsConfig
from serving.config import ServingConfig

PREFIX, DELIMITER = "WATCHKEEPER_", "__"
OPTION_NAMES = {"model_path": "--model", "otlp_endpoint": "--otlp"}
"""Options that are not named as their key."""
DEFAULT_FILE = Path("watchkeeper.toml")


class ConfigError(WatchkeeperError):
    """The configuration is wrong; the text names the file or variable, the key and what to write."""


class ServerConfig(BaseModel, frozen=True, extra="forbid"):
    """Where the all-in-one process listens and keeps its data. Port 0 picks a free one."""

    data_dir: Path = Path("watchkeeper-data")
    host: str = "127.0.0.1"
    auth: AuthMode = "auto"
    """Whether API keys are needed: `auto` as soon as there is one, and always where `host` is not loopback."""
    port: int = Field(default=8600, ge=0, le=65535)
    """UI and REST."""
    otlp_http_port: int = Field(default=4318, ge=0, le=65535)
    otlp_grpc_port: int = Field(default=4317, ge=0, le=65535)
    drain_timeout_s: int = Field(default=10, ge=1)
    """How long a stopping process waits for answers that are on their way."""
    state_url: Hidden | None = None
    """Where the state database is; None: SQLite in the data directory."""
    otlp_url: str | None = None
    """Where applications send, for the page that says so; None: the OTLP/HTTP address of this process."""

    @property
    def is_beyond_loopback(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)

    @field_validator("state_url")
    @classmethod
    def _is_a_database(cls, url: Hidden | None) -> Hidden | None:
        if url is not None:
            try:
                parse_url(url.get_secret_value())
            except BadRequest as error:
                raise ValueError(str(error)) from error
        return url

    @field_validator("auth")
    @classmethod
    def _is_on_beyond_loopback(cls, auth: AuthMode, info: ValidationInfo) -> AuthMode:
        host = info.data.get("host")  # None: it was refused itself
        if auth == "off" and host is not None and not is_loopback(host):
            raise ValueError(
                f"others can reach {host}, so it cannot be 'off'; leave it out, or listen on 127.0.0.1 only"
            )
        return auth


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name: where it leads is not known here
        return False


class Config(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="forbid", frozen=True, case_sensitive=False
    )
    server: ServerConfig = ServerConfig()
    store: StoreConfig = StoreConfig()
    collector: CollectorConfig = CollectorConfig()
    evaluators: EvaluatorsConfig = EvaluatorsConfig()
    serving: ServingConfig | None = None

    @model_validator(mode="after")
    def _one_deletes(self) -> Self:
        table = self.store.elasticsearch
        if table is not None and table.ilm_policy is not None and self.collector.retention != RetentionConfig():
            raise ValueError(
                "store.elasticsearch.ilm_policy and [collector.retention] both say how long telemetry is kept, and with"
                " a policy only that deletes: leave one of them out"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # load_config reads the others itself, so that an error can name its source


def load_config(file: Path | None = None, options: Mapping[str, Any] | None = None) -> Config:
    """The configuration of `file` (None: watchkeeper.toml where there is one), the environment and `options`.

    Raises:
        ConfigError: for a file that cannot be read, an unknown key or a bad value.
    """
    path = file or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    in_file = _read_toml(path) if path else {}
    in_options = dict(options or {})
    try:
        in_environment = EnvSettingsSource(Config)()
        _refuse_unknown_variables()
        return Config(**_merged(in_file, in_environment, in_options))
    except SettingsError as error:
        raise ConfigError(f"a variable {PREFIX}... holds no JSON, as lists and tables must be: {error}") from error
    except ValidationError as error:
        sentences = [_sentence(finding, in_options, path) for finding in error.errors(include_url=False)]
        raise ConfigError("; ".join(sentences)) from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name another file with --config") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged key by key; a later layer wins."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return result


def _refuse_unknown_variables() -> None:
    # Only names with the delimiter are ours: Kubernetes adds WATCHKEEPER_PORT and the like for a service of our name.
    for name in os.environ:
        section, delimiter, _ = name.removeprefix(PREFIX).partition(DELIMITER)
        if name.startswith(PREFIX) and delimiter and section.lower() not in Config.model_fields:
            known = [f"{PREFIX}{field.upper()}{DELIMITER}..." for field in Config.model_fields]
            raise ConfigError(f"{name}: unknown, {near_match(name, known)}")


def _sentence(finding: Mapping[str, Any], options: Mapping[str, Any], path: Path | None) -> str:
    location = [str(step) for step in finding["loc"]]
    if not location:  # two keys that do not go together
        return f"{path or DEFAULT_FILE}: {complaint(finding, Config)}"
    variables = {name.upper(): name for name in os.environ}
    names = [PREFIX + DELIMITER.join(location[:n]).upper() for n in range(len(location), 0, -1)]
    variable = next((variables[name] for name in names if name in variables), None)
    option = OPTION_NAMES.get(location[-1], f"--{location[-1].replace('_', '-')}")
    text = complaint(finding, Config)
    if finding["type"] == "missing":
        or_option = f" or with {option}" if location[0] in ("server", "serving") else ""
        return f"{text}; set it in {path or DEFAULT_FILE}{or_option}"
    if _holds(options, location):
        return f"{option}: {text.partition(': ')[2]}"
    return f"{variable or path}: {text}"


def _holds(values: Any, location: list[str]) -> bool:
    for step in location:
        if not isinstance(values, Mapping) or step not in values:
            return False
        values = values[step]
    return True
