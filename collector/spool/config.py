"""What an operator can set for the spool."""

from pydantic import BaseModel, Field

MIN_BYTES = 64 * 2**20
"""One commit of the collector must fit."""


class SpoolConfig(BaseModel, frozen=True, extra="forbid"):
    max_bytes: int = Field(default=4 * 2**30, ge=MIN_BYTES)
    """Largest file of telemetry that waits for the store; what comes beyond is refused with 503 and Retry-After. Its
    log takes up to 64 MiB more."""
