"""What an operator can set for the collector."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from collector.errors import BadRequest
from collector.prices.config import PricesConfig
from collector.projects.project import MAX_DAYS, checked_retention
from collector.redaction.config import RedactionConfig


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
    """Decoded telemetry that may wait for the disk; what comes beyond is refused with 503 and Retry-After."""
    redaction: RedactionConfig = RedactionConfig()
    """What is masked before anything is stored."""
    retention: RetentionConfig = RetentionConfig()
    prices: PricesConfig = PricesConfig()
    """The operator's own prices; they go before the public lists."""
