"""What a stream says when it has seen enough."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`evidence` went past `threshold` at `at_ns`; the likeliest onset of the change is `onset_ns`. Unix times.

    `subject` is the score that gave most evidence, or `dropped` or `rose` for a stream of scores.
    """

    subject: str
    at_ns: int
    onset_ns: int
    evidence: float
    threshold: float
