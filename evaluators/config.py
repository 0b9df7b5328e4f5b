"""What an operator says about evaluation, each part by its owner."""

from pydantic import BaseModel, Field

from evaluators.alerts.config import AlertsConfig
from evaluators.drift.config import DriftConfig
from evaluators.judge.config import JudgeConfig
from evaluators.review.config import ReviewConfig


class EmbedConfig(BaseModel, frozen=True, extra="forbid"):
    """Embeddings serve search and explanations: they may leave out calls where there are too many."""

    enabled: bool = True
    sample_rate: float = Field(default=1.0, ge=0, le=1)
    core_share: float = Field(default=0.5, gt=0, le=1)
    """Share of one core that may go into embedding; the rest is for scores, queries and ingest."""
    max_backlog: int = Field(default=5_000, ge=100)
    """Further behind than this many calls, the oldest get no embedding."""
    cache_size: int = Field(default=20_000, ge=0)
    """Texts whose embedding is remembered, at 1.6 kB each."""


class EvaluatorsConfig(BaseModel, frozen=True, extra="forbid"):
    quiet_s: float = Field(default=2.0, ge=0, le=600)
    """For so long after its arrival a call waits for the rest of its trace, such as retrieved contexts."""
    embed: EmbedConfig = EmbedConfig()
    drift: DriftConfig = DriftConfig()
    judge: JudgeConfig = JudgeConfig()
    review: ReviewConfig = ReviewConfig()
    alerts: AlertsConfig = AlertsConfig()
