"""Which characters of an answer to show as unsupported."""

from collections.abc import Iterator, Sequence
from typing import Any

from evaluators.grounding.words import Kind, Token, words_between

_MAX_GAP_WORDS = 2
_RANK: dict[Kind, int] = {"word": 0, "name": 1, "number": 2}


def marks(text: str, unsupported: Sequence[Token]) -> Iterator[dict[str, Any]]:
    """Spans of one sentence's unsupported tokens, joined over small gaps: {"start", "end", "kind"} in code points.

    One strange word is likely a paraphrase and goes unmarked; a number or a name never is.
    """
    for run in _runs(text, unsupported):
        if len(run) > 1 or run[0].kind != "word":
            kind = max((token.kind for token in run), key=_RANK.__getitem__)
            yield {"start": run[0].start, "end": run[-1].end, "kind": kind}


def _runs(text: str, unsupported: Sequence[Token]) -> Iterator[list[Token]]:
    run: list[Token] = []
    for token in unsupported:
        if run and words_between(text, run[-1].end, token.start) > _MAX_GAP_WORDS:
            yield run
            run = []
        run.append(token)
    if run:
        yield run
