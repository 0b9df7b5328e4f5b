"""What an operator says about drift monitors."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from evaluators.drift.windows.battery import MIN_ROWS


class DriftConfig(BaseModel, frozen=True, extra="forbid"):
    """`n_reference` and `n_window` count sessions, of which one call each is compared; a call without a session
    counts for itself."""

    n_reference: int = Field(default=200, ge=MIN_ROWS)
    n_window: int = Field(default=50, ge=MIN_ROWS)
    alpha: float = Field(default=0.01, ge=0.001, le=0.2)
    """Share of false alarms among windows in which nothing changed."""
    interval_s: float = Field(default=5.0, gt=0, le=3600)
    max_monitors: int = Field(default=500, ge=1)
    """One watches each project, service and model; more names than this are not watched, which is logged."""

    @model_validator(mode="after")
    def _reference_is_whole_windows(self) -> Self:
        if self.n_reference % self.n_window:
            suggestion = self.n_window * max(1, round(self.n_reference / self.n_window))
            raise ValueError(
                f"n_reference must be a multiple of n_window ({self.n_window}), got {self.n_reference}; "
                f"try {suggestion}"
            )
        return self
