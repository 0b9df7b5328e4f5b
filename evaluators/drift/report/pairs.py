"""Answers before and after, side by side, with the words that went and the words that came."""

from collections.abc import Sequence

from evaluators.drift.comparison import PromptPair
from evaluators.drift.report.diff import Piece, word_diff
from evaluators.drift.report.markup import Child, Markup, el
from evaluators.drift.report.parts import card

MAX_CHARACTERS = 20_000
"""Of each text; a report that nobody can open helps nobody."""
MAX_PROMPT = 2_000
MIN_COMMON = 0.2
"""Where less of the longer text is in common, marks would cover nearly all of it and show nothing."""


def pairs(found: Sequence[PromptPair]) -> Markup | None:
    if not found:
        return None
    note = "the same or the nearest questions; rows count from 0; unmarked: hardly a word in common"
    return card("Before and after", (_pair(pair) for pair in found), note=note)


def _pair(pair: PromptPair) -> Markup:
    before, after = _compared(pair.before[:MAX_CHARACTERS], pair.after[:MAX_CHARACTERS])
    is_same = pair.prompt_before.strip() == pair.prompt_after.strip()
    return el(
        "article",
        _question(pair.prompt_before) if is_same else None,
        _side("Before", pair.row_before, None if is_same else pair.prompt_before, before, len(pair.before)),
        _side("After", pair.row_after, None if is_same else pair.prompt_after, after, len(pair.after)),
        class_="pair",
    )


def _compared(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    old, new = word_diff(before, after)
    n_common = sum(len(piece.text) for piece in old if piece.kind == "same")
    if n_common >= MIN_COMMON * max(len(before), len(after)):
        return old, new
    return [Piece(before, "same")], [Piece(after, "same")]


def _side(name: str, row: int, prompt: str | None, pieces: Sequence[Piece], n_characters: int) -> Markup:
    rest = n_characters - MAX_CHARACTERS
    return el(
        "div",
        el("h3", name, el("small", f" row {row:,}")),
        None if prompt is None else _question(prompt),
        el("div", map(_piece, pieces), class_="text", dir="auto", tabindex="0"),
        el("small", f"… and {rest:,} more characters") if rest > 0 else None,
    )


def _question(prompt: str) -> Markup | None:
    if not prompt.strip():
        return None
    shown = prompt if len(prompt) <= MAX_PROMPT else prompt[:MAX_PROMPT] + " …"
    return el("div", shown, class_="question", dir="auto", tabindex="0")


def _piece(piece: Piece) -> Child:
    if piece.kind == "same":
        return piece.text
    return el("del" if piece.kind == "gone" else "ins", piece.text)
