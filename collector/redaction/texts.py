"""Many texts as one: each search takes some microseconds however short the text is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from collector.redaction.beginnings import Pairs
from collector.redaction.match import Match

MAX_CHARS: Final = 2**20
"""Of the texts that are searched as one, but for a single longer one: the columns of a search take 30 bytes each."""

_BETWEEN: Final = "\n" + "\0" * 62 + "\n"
"""No word, number or line of one text reaches over this to those of another."""


@dataclass(frozen=True)
class Joined:
    """`texts[i]` stands in `text` from `starts[i]` on."""

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
        """`matches` in `text` by the text that they stand in, with their places there."""
        found: list[list[Match]] = [[] for _ in self.texts]
        i = 0
        for start, end, kind, value in sorted(matches, key=lambda match: match.start):
            while i + 1 < len(self.starts) and start >= self.starts[i + 1]:
                i += 1
            base = self.starts[i]
            found[i].append(Match(start - base, min(end - base, len(self.texts[i])), kind, value))
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
        n_chars += len(text) + len(_BETWEEN)
    if group:
        yield _one(group)


def _one(texts: Sequence[str]) -> Joined:
    starts = accumulate((len(text) + len(_BETWEEN) for text in texts[:-1]), initial=0)
    return Joined(texts, _BETWEEN.join(texts), list(starts))
