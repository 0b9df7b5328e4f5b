"""The seam between finding candidates fast and judging them exactly."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from collector.redaction.match import Match
from collector.redaction.places import Places

Judge = Callable[[str, int, int], Iterator[Match]]
"""(text, start, end of a candidate) to what is found there; it may reach beyond the candidate by a bounded length."""


class Detector(Protocol):
    """Finds some kinds in a text of many texts (`texts.Joined`)."""

    @property
    def kinds(self) -> frozenset[str]:
        """What it can find."""

    @property
    def prefilter(self) -> Mapping[str, str]:
        """Per kind, an RE2 expression on bytes that matches every text with a find, escaped or not, and few others.
        Kinds that are digits only have none: `digit_chains` looks for them."""

    @property
    def needs_digits(self) -> bool:
        """Whether nothing is found in a text with less than `digit_chains.MIN_DIGITS` digits."""

    def matches(self, text: str, lowered: str, places: Places) -> Iterator[Match]:
        """The finds in `text`; some may overlap. `lowered` has a small letter in the place of each letter.

        Raises:
            TooLarge: if these are too many places.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """A detector of what a regular expression can point to.

    Python looks at every character for an expression that may begin with one of many, which takes a hundred times as
    long as a search for literals: `hint` is one of these.

    Args:
        needs: a text without any of these (small letters; texts are compared in small letters) holds no candidate;
            empty: any may.
        hint: matches in small letters wherever a candidate begins, and hardly elsewhere; each of its alternatives
            begins with a literal. None: `anchor` begins with one itself.
        reach: characters before a hint where its candidate may begin.
        anchor: its matches are the candidates. It looks at each character a bounded number of times: what repeats
            without a bound is possessive.
        judge: decides about one candidate in time linear in its length.
    """

    kinds: frozenset[str]
    prefilter: Mapping[str, str]
    needs_digits: bool = False
    needs: tuple[str, ...] = ()
    hint: re.Pattern[str] | None = None
    reach: int = 0
    anchor: re.Pattern[str]
    judge: Judge

    def matches(self, text: str, lowered: str, places: Places) -> Iterator[Match]:
        if self.needs and not any(need in lowered for need in self.needs):
            return
        for start, end in self._candidates(text, lowered, places):
            yield from self.judge(text, start, end)

    def _candidates(self, text: str, lowered: str, places: Places) -> Iterator[tuple[int, int]]:
        if self.hint is None:
            for found in self.anchor.finditer(text):
                places.take()
                yield found.span()
            return
        end = after = 0
        while (hint := self.hint.search(lowered, after)) is not None:
            places.take()
            after = hint.start() + 1
            for start in range(max(end, hint.start() - self.reach), after):
                if (candidate := self.anchor.match(text, start)) is not None:
                    end = candidate.end()
                    after = max(after, end)
                    yield start, end
                    break
