"""What the judge has done since the start, as one value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeStats:
    """Counts of verdicts, one per call and rubric, except `not_sampled`, which counts calls.

    asked = answered + unparsable + failed: what is missing is counted, never a score.
    """

    not_sampled: int = 0
    not_applicable: int = 0
    """Sampled, but without an answer, or without the contexts that the rubric needs."""
    too_long: int = 0
    cached: int = 0
    over_budget: int = 0
    given_up: int = 0
    """Not asked, because a request beside it had just shown that the configuration is wrong."""
    asked: int = 0
    answered: int = 0
    unparsable: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    """Of the requests whose price is known."""
    last_error: str | None = None
    """Why the last failed request failed; None after one that was answered."""
