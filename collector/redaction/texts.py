"""Many texts as one: each search takes some microseconds however short the text is."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from collector.redaction.beginnings import Pairs
from collector.redaction.match import Match

MAX_CHARS: Final = 2**20
"""Of the texts that are searched as one, but for a single longer one: the columns of a search take 30 bytes each."""

_BORDER: Final = "\n" * 8 + "\0" * 48 + "\n" * 8
"""Stands before and after each text, also a text alone: what is found in one does not depend on those beside it.

No number goes on, no name reaches its value and no word its number over this: `password=` may have three line breaks
after it and not eight, a key of many lines ends at the first NUL, and a word counts for 50 characters (`nearby.REACH`).
"""


@dataclass(frozen=True)
class Joined:
    """`texts[i]` stands in `text` from `starts[i]` on, with a border on either side."""

    texts: Sequence[str]
    text: str
    starts: Sequence[int]

    @cached_property
    def lowered(self) -> str:
        """`text` in small letters, each in the place of its letter."""
        # The only letter whose small form is longer.
        return self.text.replace("\u0130", "i").lower()

    @cached_property
    def pairs(self) -> Pairs:
        """Of the small letters."""
        return Pairs(self.lowered)

    def split(self, matches: Sequence[Match]) -> list[list[Match]]:
        """`matches` in `text` by the text that they begin in, with their places there; none begins in a border."""
        found: list[list[Match]] = [[] for _ in self.texts]
        for start, end, kind, value in matches:
            i = bisect_right(self.starts, start) - 1
            base, n_chars = self.starts[i], len(self.texts[i])
            if base <= start < base + n_chars:
                found[i].append(Match(start - base, min(end - base, n_chars), kind, value))
        return found


def joined(texts: Sequence[str]) -> Iterator[Joined]:
    """All of `texts`, in groups of about `MAX_CHARS` characters."""
    group: list[str] = []
    n_chars = 0
    for text in texts:
        if group and n_chars + len(text) > MAX_CHARS:
            yield _one(group)
            group, n_chars = [], 0
        group.append(text)
        n_chars += len(text) + len(_BORDER)
    if group:
        yield _one(group)


def _one(texts: Sequence[str]) -> Joined:
    starts = accumulate((len(text) + len(_BORDER) for text in texts[:-1]), initial=len(_BORDER))
    return Joined(texts, _BORDER.join(["", *texts, ""]), list(starts))
