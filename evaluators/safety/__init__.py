"""What a call might do harm with: refusals, injections and personal data, by phrases and patterns."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.safety.finding import Finding
from evaluators.safety.injection import injection
from evaluators.safety.pii import pii
from evaluators.safety.refusal import refusal

VERSION = "phrases-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """One finding per evaluator; the fields bear the evaluators' names."""

    refusal: Finding
    injection: Finding
    pii: Finding


def assess(prompt: str, answer: str, contexts: Sequence[str] = ()) -> Safety:
    """All safety checks on one call.

    Args:
        prompt: what the user wrote.
        contexts: what was retrieved for the answer, and what tools returned.
    """
    return Safety(refusal=refusal(answer), injection=injection(prompt, contexts), pii=pii(answer))


__all__ = ["VERSION", "Finding", "Safety", "assess", "injection", "pii", "refusal"]
