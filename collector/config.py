"""What an operator can set for the collector."""

from pydantic import BaseModel, Field

from collector.prices.config import PricesConfig


class CollectorConfig(BaseModel, frozen=True, extra="forbid"):
    max_body_bytes: int = Field(default=32 * 2**20, ge=2**10)
    """Largest request body, packed and unpacked; one that is larger is refused with 413."""
    max_queue_bytes: int = Field(default=128 * 2**20, ge=2**20)
    """Decoded telemetry that may wait for the disk; what comes beyond is refused with 503 and Retry-After."""
    prices: PricesConfig = PricesConfig()
    """The operator's own prices; they go before the public lists."""
