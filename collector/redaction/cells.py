"""The redacted form of the few cells that the prefilter let through."""

import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from collector.redaction.documents import STEPS_A_PLACE, Leaf, is_json, leaves, looks_like_json, quoted
from collector.redaction.finder import Finder
from collector.redaction.kinds import label_of
from collector.redaction.match import Match
from collector.redaction.places import Places
from collector.redaction.view import View, undone

MAX_JSON_DEPTH: Final = 16
"""JSON in a string in JSON is opened so often (its escapes double at each level); what is deeper is read as text."""

MAX_PASSES: Final = 8
"""What a find leaves beside it may be a find of its own; a cell is searched again until nothing is found."""

HASH_DIGITS: Final = 12


class Cell(NamedTuple):
    """`hashed`: finds are replaced by hash tokens. `json`: the column holds documents, bare numbers among them."""

    text: str
    hashed: bool
    json: bool


class _Edit(NamedTuple):
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
    """The texts of `cells` after redaction, and how many finds of each kind were replaced.

    Raises:
        TooLarge: if more places than `MAX_PLACES` had to be looked at.
    """
    texts = [cell.text for cell in cells]
    counts: Counter[str] = Counter()
    places = Places()
    open_cells = list(range(len(cells)))
    for n_before in range(MAX_PASSES):
        now = [Cell(texts[i], cells[i].hashed, cells[i].json) for i in open_cells]
        edits = _Search(finder, hash_key, counts, places, again=n_before > 0).edits(now)
        changed = [(i, made) for i, made in zip(open_cells, edits, strict=True) if made]
        for i, made in changed:
            texts[i] = _applied(texts[i], made)
        if not changed:
            break
        open_cells = [i for i, _ in changed]
    return texts, counts


@dataclass(frozen=True, slots=True)
class _Search:
    """One pass over cells; `again`: what was found before is replaced."""

    finder: Finder
    hash_key: bytes
    counts: Counter[str]
    places: Places
    again: bool

    def edits(self, cells: Sequence[Cell]) -> list[list[_Edit]]:
        edits: list[list[_Edit]] = [[] for _ in cells]
        texts, secrets = self._opened(cells)
        for row, leaf in secrets:
            if leaf.secret is not None and not self.finder.is_token(leaf.view.text):
                whole = Match(0, len(leaf.view.text), leaf.secret, leaf.view.text)
                edits[row].append(_edit(leaf, whole, self.hash_key if cells[row].hashed else None))
                self.counts[whole.kind] += 1
        find = self.finder.find_again if self.again else self.finder.find
        found = find([leaf.lead + leaf.view.text for _, leaf in texts], self.places)
        for (row, leaf), matches in zip(texts, found, strict=True):
            for match in matches:
                place = _in_leaf(match, leaf)
                if place is not None:
                    edits[row].append(_edit(leaf, place, self.hash_key if cells[row].hashed else None))
                    self.counts[place.kind] += 1
        return edits

    def _opened(self, cells: Sequence[Cell]) -> tuple[list[tuple[int, Leaf]], list[tuple[int, Leaf]]]:
        """The texts to search and the texts that are secrets by their key, each with its cell: JSON is taken apart,
        level by level, and of each level only what may hold something is kept."""
        finder = self.finder
        texts: list[tuple[int, Leaf]] = []
        secrets: list[tuple[int, Leaf]] = []
        level = [(row, Leaf(View(cell.text))) for row, cell in enumerate(cells)]
        for depth in range(MAX_JSON_DEPTH + 1):
            below: list[tuple[int, Leaf]] = []
            for row, leaf in level:
                text = leaf.view.text
                bare_number = depth == 0 and cells[row].json and text.strip(" \t\r\n").isdigit()
                may_open = depth < MAX_JSON_DEPTH and not leaf.number and (looks_like_json(text) or bare_number)
                if may_open and is_json(text):
                    for part in leaves(leaf, finder.is_worth_a_look, self.places):
                        if part.secret is not None and part.secret in finder.priority:
                            secrets.append((row, part))
                        elif part.number or looks_like_json(part.view.text) or finder.is_worth_a_look(part.view.text):
                            below.append((row, part))
                else:
                    texts.append((row, self._reading(leaf)))
            level = below
        return texts, secrets

    def _reading(self, leaf: Leaf) -> Leaf:
        """`leaf` with its escapes undone: text that is no whole JSON may be cut from some."""
        self.places.take(leaf.view.text.count("\\") // STEPS_A_PLACE)
        return leaf._replace(view=undone(leaf.view))


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
