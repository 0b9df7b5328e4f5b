"""The redacted form of the few cells that the prefilter let through."""

import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from collector.redaction.documents import Leaf, is_json, leaves, looks_like_json, quoted
from collector.redaction.finder import Finder
from collector.redaction.kinds import label_of
from collector.redaction.match import Match
from collector.redaction.view import View, undone

MAX_JSON_DEPTH: Final = 16
"""JSON in a string in JSON is opened so often (its escapes double at each level); what is deeper is read as text."""

MAX_PASSES: Final = 8
"""What a find leaves beside it may be a find of its own; a cell is searched again until nothing is found."""

HASH_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """`hashed`: finds are replaced by hash tokens. `json`: the column holds documents, bare numbers among them."""

    text: str
    hashed: bool
    json: bool


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def token_of(kind: str, value: str, key: bytes | None) -> str:
    """`[EMAIL]`, or with a key `[EMAIL:3f2a9c0d41be]`: the start of an HMAC-SHA256 of kind and value."""
    if key is None:
        return f"[{label_of(kind)}]"
    digest = hmac.digest(key, f"{kind}\0{value}".encode(errors="replace"), sha256).hex()
    return f"[{label_of(kind)}:{digest[:HASH_DIGITS]}]"


def redacted(cells: Sequence[Cell], finder: Finder, hash_key: bytes) -> tuple[list[str], Counter[str]]:
    """The texts of `cells` after redaction, and how many finds of each kind were replaced."""
    texts = [cell.text for cell in cells]
    counts: Counter[str] = Counter()
    open_cells = list(range(len(cells)))
    for _ in range(MAX_PASSES):
        edits = _edits([Cell(texts[i], cells[i].hashed, cells[i].json) for i in open_cells], finder, hash_key, counts)
        changed = [(i, made) for i, made in zip(open_cells, edits, strict=True) if made]
        for i, made in changed:
            texts[i] = _applied(texts[i], made)
        if not changed:
            break
        open_cells = [i for i, _ in changed]
    return texts, counts


def _edits(cells: Sequence[Cell], finder: Finder, hash_key: bytes, counts: Counter[str]) -> list[list[_Edit]]:
    edits: list[list[_Edit]] = [[] for _ in cells]
    texts, secrets = _opened(cells, finder)
    for row, leaf in secrets:
        if leaf.secret is not None and not finder.is_token(leaf.view.text):
            whole = Match(0, len(leaf.view.text), leaf.secret, leaf.view.text)
            edits[row].append(_edit(leaf, whole, hash_key if cells[row].hashed else None))
            counts[whole.kind] += 1
    found = finder.find([leaf.lead + leaf.view.text for _, leaf in texts])
    for (row, leaf), matches in zip(texts, found, strict=True):
        for match in matches:
            place = _in_leaf(match, leaf)
            if place is not None:
                edits[row].append(_edit(leaf, place, hash_key if cells[row].hashed else None))
                counts[place.kind] += 1
    return edits


def _opened(cells: Sequence[Cell], finder: Finder) -> tuple[list[tuple[int, Leaf]], list[tuple[int, Leaf]]]:
    """The texts to search and the texts that are secrets by their key, each with its cell: JSON is taken apart, level
    by level, and of each level only what may hold something is kept."""
    texts: list[tuple[int, Leaf]] = []
    secrets: list[tuple[int, Leaf]] = []
    level = [(row, Leaf(View(cell.text))) for row, cell in enumerate(cells)]
    for depth in range(MAX_JSON_DEPTH + 1):
        below: list[tuple[int, Leaf]] = []
        for row, leaf in level:
            text = leaf.view.text
            bare_number = depth == 0 and cells[row].json and text.strip(" \t\r\n").isdigit()
            if depth < MAX_JSON_DEPTH and not leaf.number and (looks_like_json(text) or bare_number) and is_json(text):
                for part in leaves(leaf, finder.is_worth_a_look):
                    if part.secret is not None and part.secret in finder.priority:
                        secrets.append((row, part))
                    elif part.number or looks_like_json(part.view.text) or finder.is_worth_a_look(part.view.text):
                        below.append((row, part))
            else:
                texts.extend((row, reading) for reading in _readings(leaf))
        level = below
    return texts, secrets


def _readings(leaf: Leaf) -> list[Leaf]:
    """`leaf` with its escapes undone: text that is no whole JSON may be cut from some."""
    view = undone(leaf.view)
    return [leaf if view is leaf.view else Leaf(view, leaf.lead, leaf.number, leaf.n_escapes, leaf.secret)]


def _in_leaf(match: Match, leaf: Leaf) -> Match | None:
    """`match` counted from the leaf's own text; None if it lies in the key before it, which is a leaf itself."""
    start, end = match.start - len(leaf.lead), match.end - len(leaf.lead)
    if start < 0 or (leaf.number and (start, end) != (0, len(leaf.view.text))):
        return None
    return Match(start, end, match.kind, match.value)


def _edit(leaf: Leaf, match: Match, hash_key: bytes | None) -> _Edit:
    token = token_of(match.kind, match.value, hash_key)
    text = quoted(token, leaf.n_escapes) if leaf.number else token
    return _Edit(leaf.view.origin(match.start), leaf.view.origin(match.end), text)


def _applied(text: str, edits: Sequence[_Edit]) -> str:
    pieces, place = [], 0
    for edit in sorted(edits, key=lambda e: e.start):
        pieces += [text[place : edit.start], edit.text]
        place = edit.end
    return "".join([*pieces, text[place:]])
