"""The seam between finding candidates fast and judging them exactly."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from collector.redaction.match import Match

Judge = Callable[[str, int, int], Iterator[Match]]
"""(text, start, end of a candidate) to what is found there; it may reach beyond the candidate by a bounded length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """
    Args:
        kinds: what it can find.
        prefilter: per kind, an RE2 expression on bytes that matches every text with a find, escaped or not, and few
            others. Kinds that are digits only have none: `digit_chains` looks for them.
        needs_digits: nothing is found in a text with less than `digit_chains.MIN_DIGITS` digits.
        min_length: characters of the shortest candidate.
        needs: a text without any of these (small letters; texts are compared in small letters) holds no candidate;
            empty: any may.
        gate: the same as an expression that is quick to search.
        anchor: its matches are the candidates. It looks at each character a bounded number of times: it starts at a
            digit or a literal, and what repeats without a bound is possessive.
        judge: decides about one candidate in time linear in its length.
    """

    kinds: frozenset[str]
    prefilter: Mapping[str, str]
    needs_digits: bool = False
    min_length: int
    needs: tuple[str, ...] = ()
    gate: re.Pattern[str] | None = None
    anchor: re.Pattern[str]
    judge: Judge

    def matches(self, text: str, lowered: str) -> Iterator[Match]:
        """The finds in `text`; some may overlap."""
        if self.needs and not any(need in lowered for need in self.needs):
            return
        if self.gate and not self.gate.search(text):
            return
        for candidate in self.anchor.finditer(text):
            yield from self.judge(text, candidate.start(), candidate.end())
