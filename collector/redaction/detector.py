"""The seam between finding candidates fast and judging them exactly."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from collector.redaction.beginnings import Beginnings
from collector.redaction.match import Match
from collector.redaction.places import Places
from collector.redaction.texts import Joined

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

    def matches(self, many: Joined, places: Places) -> Iterator[Match]:
        """The finds in `many.text`; some may overlap.

        Raises:
            TooLarge: if these are too many places.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """A detector of what a regular expression can point to.

    Python looks at every character for an expression that may begin with one of many. Such a one is tried only where
    `beginnings` and `hint` allow it.

    Args:
        beginnings: with what a candidate begins. None: `anchor` is quick to search.
        hint: matches in small letters where a candidate begins; the quicker it is done with what is none, the better.
        reach: characters before a hint where its candidate may begin; with it, hints are searched without `beginnings`.
        anchor: its matches are the candidates. It looks at each character a bounded number of times: what repeats
            without a bound is possessive.
        judge: decides about one candidate in time linear in its length.
    """

    kinds: frozenset[str]
    prefilter: Mapping[str, str]
    needs_digits: bool = False
    beginnings: Beginnings | None = None
    hint: re.Pattern[str] | None = None
    reach: int = 0
    anchor: re.Pattern[str]
    judge: Judge

    def matches(self, many: Joined, places: Places) -> Iterator[Match]:
        for start, end in self._candidates(many):
            places.take()
            yield from self.judge(many.text, start, end)

    def _candidates(self, many: Joined) -> Iterator[tuple[int, int]]:
        if self.hint is None:
            yield from (found.span() for found in self.anchor.finditer(many.text))
            return
        end = 0
        for place in self._may_begin(many, self.hint):
            if place < end or (self.beginnings is not None and not self.hint.match(many.lowered, place)):
                continue
            for start in range(max(end, place - self.reach), place + 1):
                if (candidate := self.anchor.match(many.text, start)) is not None:
                    end = candidate.end()
                    yield start, end
                    break

    def _may_begin(self, many: Joined, hint: re.Pattern[str]) -> Iterable[int]:
        if self.beginnings is None:
            return (found.start() for found in hint.finditer(many.lowered))
        places: list[int] = self.beginnings.places(many.pairs).tolist()
        return places
