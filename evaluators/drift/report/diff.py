"""What changed between two texts, word by word."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
_MAX_TOKENS = 3_000
"""Matching takes time with the square of the length; what follows is shown without marks."""

Kind = Literal["same", "gone", "new"]


class Piece(NamedTuple):
    text: str
    kind: Kind


def word_diff(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces that join to them again: of `before` same and gone, of `after` same and new."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    old_rest, new_rest = "".join(old[_MAX_TOKENS:]), "".join(new[_MAX_TOKENS:])
    old, new = old[:_MAX_TOKENS], new[:_MAX_TOKENS]
    gone: list[Piece] = []
    added: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone.append(Piece("".join(old[i:j]), "same" if tag == "equal" else "gone"))
        added.append(Piece("".join(new[k:m]), "same" if tag == "equal" else "new"))
    gone.append(Piece(old_rest, "same"))
    added.append(Piece(new_rest, "same"))
    return list(_joined(gone)), list(_joined(added))


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Words that changed on both sides of a space are one change: a mark for each would be a fence."""
    pieces = [piece for piece in pieces if piece.text]
    merged: list[Piece] = []
    for place, piece in enumerate(pieces):
        before = merged[-1].kind if merged else "same"
        after = pieces[place + 1].kind if place + 1 < len(pieces) else "same"
        is_bridge = piece.kind == "same" and not piece.text.strip() and "\n" not in piece.text
        kind = before if is_bridge and before == after else piece.kind
        if merged and merged[-1].kind == kind:
            merged[-1] = Piece(merged[-1].text + piece.text, kind)
        else:
            merged.append(Piece(piece.text, kind))
    yield from merged
