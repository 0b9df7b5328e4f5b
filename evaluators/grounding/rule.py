"""How much of a sentence its source supports: three terms, no length among them.

Source: measured on eight labelled sets against embeddings (maximum cosine) and against answer length alone, see
docs/evaluators.md. Long answers are wrong more often, so a rule that lets length in looks better on such sets than it
is: everything here is a share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.features.phrases import APOLOGIES, CLOSING_OFFERS, REFUSALS
from evaluators.grounding.evidence import Evidence
from evaluators.grounding.words import Kind, Token, tokens

NUMBER_WEIGHT = 0.5
NAME_WEIGHT = 0.5
"""A wrong number or name weighs more than a word, which may be a paraphrase."""

_ABOUT_ITSELF = (*REFUSALS, *APOLOGIES, *CLOSING_OFFERS, "i don't have", "i do not have", "i don't know")


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """`support` is in [0, 1], 1 where each token of the sentence stands in the source."""

    start: int
    end: int
    support: float
    n_checked: int
    unsupported: Sequence[Token]


def check_sentence(text: str, start: int, end: int, evidence: Evidence) -> CheckedSentence | None:
    """None where the sentence states nothing that a source could support."""
    checked = list(tokens(text, start, end))
    unsupported = [token for token in checked if not evidence.supports(token)]
    if not checked or (_is_about_itself(text[start:end]) and all(token.kind == "word" for token in unsupported)):
        return None
    doubt = (
        # A name that is missing is a missing word as well.
        _share(unsupported, checked, ("word", "name"))
        + NUMBER_WEIGHT * _share(unsupported, checked, ("number",))
        + NAME_WEIGHT * _share(unsupported, checked, ("name",))
    )
    return CheckedSentence(start, end, max(0.0, 1 - doubt), len(checked), unsupported)


def _share(part: Sequence[Token], whole: Sequence[Token], kinds: tuple[Kind, ...]) -> float:
    n_whole = sum(token.kind in kinds for token in whole)
    return sum(token.kind in kinds for token in part) / n_whole if n_whole else 0.0


def _is_about_itself(sentence: str) -> bool:
    """Refusals and offers speak of the assistant, not of the source."""
    lower = sentence.lower().replace("’", "'")
    return any(phrase in lower for phrase in _ABOUT_ITSELF)
