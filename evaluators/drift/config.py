"""What an operator says about drift monitors."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from evaluators.drift.windows.battery import MIN_ROWS


class DriftConfig(BaseModel, frozen=True, extra="forbid"):
    """`n_reference` and `n_window` count sessions, of which one call each is compared; a call without a session
    counts for itself. A monitor that was made or changed by hand has its own."""

    n_reference: int = Field(default=200, ge=MIN_ROWS, le=2_000)
    n_window: int = Field(default=50, ge=MIN_ROWS, le=1_000)
    alpha: float = Field(default=0.01, ge=0.001, le=0.2)
    """Share of false alarms among windows in which nothing changed."""
    false_alarms_per_month: float = Field(default=0.1, gt=0, le=10)
    """Of each stream of a monitor."""
    tolerance: float = Field(default=0.02, ge=0, le=0.5)
    """How much a mean score may fall without an alarm."""
    score: str = Field(default="groundedness", min_length=1)
    """The evaluator whose scores are the quality."""
    max_alarms_per_day: int = Field(default=5, ge=1, le=1_000)
    """So many alarms a project and UTC day; the others are listed, and nobody is told of them."""
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
