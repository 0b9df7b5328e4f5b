"""The seam between finding candidates fast and judging them exactly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from collector.redaction.match import Match

Judge = Callable[[str, int, int], Iterator[Match]]
"""(text, start, end of a candidate) to what is found there; it may reach beyond the candidate by a bounded length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """
    Args:
        prefilter: per kind, an RE2 expression that matches every text with a find, escaped or not, and few others.
        anchor: an RE2 expression whose matches are the candidates.
        judge: decides about one candidate in time linear in its length.
    """

    prefilter: Mapping[str, str]
    anchor: str
    judge: Judge
