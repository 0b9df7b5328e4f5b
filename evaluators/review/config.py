"""What an operator says about review."""

from pydantic import BaseModel, Field


class ReviewConfig(BaseModel, frozen=True, extra="forbid"):
    random_share: float = Field(default=0.01, ge=0, le=1)
    """Of the calls with an answer and contexts: those that rates are computed from."""
    max_open: int = Field(default=1_000, ge=1)
    reservation_s: float = Field(default=900.0, gt=0)
    """For so long a call shown to one reviewer is shown to no other."""
