"""What an operator can set for the collector."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, model_validator

from collector.errors import BadRequest
from collector.prices.config import PricesConfig
from collector.projects.project import MAX_DAYS, checked_retention
from collector.redaction.config import RedactionConfig
from collector.spool.config import SpoolConfig
from collector.store.elasticsearch.config import ElasticsearchConfig


class RetentionConfig(BaseModel, frozen=True, extra="forbid"):
    """For projects without days of their own; None: kept for good."""

    telemetry_days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    content_days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    """Of texts, which go with their calls at the latest."""

    @model_validator(mode="after")
    def _texts_go_first(self) -> Self:
        try:
            checked_retention(self.content_days, self.telemetry_days)
        except BadRequest as error:
            raise ValueError(str(error)) from error
        return self


class CollectorConfig(BaseModel, frozen=True, extra="forbid"):
    max_body_bytes: int = Field(default=16 * 2**20, ge=2**10)
    """Largest request body, packed and unpacked; one that is larger is refused with 413. What the worst of this size
    cost stands in docs/benchmarks.md."""
    max_inflight_bytes: int = Field(default=128 * 2**20, ge=2**20)
    """Bodies, packed and unpacked, that all requests together may have in memory before they are decoded; what comes
    beyond is refused with 503 and Retry-After."""
    body_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """How long a body may take to arrive."""
    max_records: int = Field(default=32_768, ge=1)
    """Spans, log records or data points in one export; one with more is refused with 413. An ordinary span takes 30
    microseconds, so that these take a second."""
    max_attributes: int = Field(default=1024, ge=16)
    """Attributes of one record, and its events and links; the rest is dropped, with a count in the last place."""
    max_value_chars: int = Field(default=4 * 2**20, ge=1024)
    """Characters of one attribute value or log body; a longer one is cut with a visible mark."""
    max_future_s: float = Field(default=86_400.0, ge=60.0, le=366 * 86_400.0)
    """How far ahead of this server's clock a record may be; one beyond is rejected and counted."""
    max_queue_bytes: int = Field(default=128 * 2**20, ge=2**20)
    """Telemetry that may wait for the disk; what comes beyond is refused with 503 and Retry-After."""
    redaction: RedactionConfig = RedactionConfig()
    """What is masked before anything is stored."""
    retention: RetentionConfig = RetentionConfig()
    spool: SpoolConfig = SpoolConfig()
    """What was acknowledged and waits on the local disk for the store."""
    prices: PricesConfig = PricesConfig()
    """The operator's own prices; they go before the public lists."""


def hidden(value: object) -> object:
    return SecretStr(value) if isinstance(value, str) else value


Hidden = Annotated[SecretStr, BeforeValidator(hidden)]
"""A text that no error shows: it is hidden before it is checked."""


class ElasticsearchTable(BaseModel, frozen=True, extra="forbid"):
    """See ElasticsearchConfig, which checks what stands here."""

    url: str
    prefix: str = "watchkeeper"
    user: str | None = None
    password: Hidden | None = None
    api_key: Hidden | None = None
    ca_file: Path | None = None
    shards: int = 1
    replicas: int = 1
    timeout_s: float = 30.0
    ilm_policy: str | None = None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        try:
            self.config()
        except BadRequest as error:
            raise ValueError(str(error)) from error
        return self

    def config(self) -> ElasticsearchConfig:
        given = self.model_dump()
        secrets = {name: value.get_secret_value() for name, value in given.items() if isinstance(value, SecretStr)}
        return ElasticsearchConfig(**given | secrets)


class StoreConfig(BaseModel, frozen=True, extra="forbid"):
    """Where telemetry is kept: in files that one process owns, or in a cluster that several share."""

    kind: Literal["duckdb", "elasticsearch"] = "duckdb"
    elasticsearch: ElasticsearchTable | None = None

    @model_validator(mode="after")
    def _has_its_table(self) -> Self:
        if self.kind == "elasticsearch" and self.elasticsearch is None:
            raise ValueError("kind 'elasticsearch' needs a table [store.elasticsearch] with its url")
        if self.kind == "duckdb" and self.elasticsearch is not None:
            raise ValueError("there is a table [store.elasticsearch]; write kind = 'elasticsearch', or leave it out")
        return self
