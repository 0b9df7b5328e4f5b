"""What the contexts say: the sets that an answer's tokens are looked up in."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.grounding.words import Token, tokens


@dataclass(frozen=True, slots=True)
class Evidence:
    words: frozenset[str]
    numbers: frozenset[str]

    def supports(self, token: Token) -> bool:
        return token.key in (self.numbers if token.kind == "number" else self.words)


def read_evidence(contexts: Sequence[str]) -> Evidence:
    """Names are looked up among all words: a source may well write them without capitals."""
    found = [token for context in contexts for token in tokens(context, 0, len(context))]
    return Evidence(
        words=frozenset(token.key for token in found if token.kind != "number"),
        numbers=frozenset(token.key for token in found if token.kind == "number"),
    )
