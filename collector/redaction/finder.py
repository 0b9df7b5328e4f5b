"""All finds in many texts at once: RE2 marks the candidates, the detectors judge them, overlaps become one find."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.redaction.assignments import ASSIGNMENT, USERINFO
from collector.redaction.detector import Detector
from collector.redaction.email import EMAIL
from collector.redaction.iban import IBAN
from collector.redaction.ip import IPV4, IPV6
from collector.redaction.kinds import Kind, label_of
from collector.redaction.match import Match
from collector.redaction.named_ids import NAMED_IDS
from collector.redaction.numbers import numbers
from collector.redaction.policy import Pattern, Policy
from collector.redaction.provider_keys import PROVIDER
from collector.redaction.regexes import ESCAPED_ASCII
from collector.redaction.tokens import PRIVATE_KEY, TOKEN

_MARK: Final = "\ufdd0"  # a noncharacter: in no text that means anything
_STAND_IN: Final = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """What finds the kinds of one policy.

    Args:
        prefilter: RE2; a text that it does not match holds nothing. It may be read with JSON escapes in it.
        detectors: those of the policy's kinds and patterns.
        priority: name of kind or pattern to its place; the lowest names a find of several kinds.
        token: matches what redaction writes, which is never touched again.
    """

    prefilter: str
    detectors: tuple[Detector, ...]
    priority: dict[str, int]
    token: re.Pattern[str]

    def may_hold(self, texts: pa.Array) -> npt.NDArray[np.bool_]:
        """Which of `texts` could hold a find; nulls hold none."""
        return np.asarray(pc.match_substring_regex(texts, self.prefilter).fill_null(False))

    def is_token(self, text: str) -> bool:
        return self.token.fullmatch(text) is not None

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """The finds in each text, from left to right, none overlapping."""
        clean = [text.replace(_MARK, _STAND_IN) for text in texts]  # one character for one: places stay
        column = pa.array(clean, pa.large_string())
        found: list[list[Match]] = [[] for _ in texts]
        for detector in self.detectors:
            marked = pc.replace_substring_regex(column, f"({detector.anchor})", rf"{_MARK}\1{_MARK}")
            rows = np.flatnonzero(pc.match_substring(marked, _MARK))
            for row, text in zip(rows.tolist(), marked.take(rows).to_pylist(), strict=True):
                for start, end in _marked(text):
                    found[row].extend(m for m in detector.judge(clean[row], start, end) if m.kind in self.priority)
        return [self._resolved(text, matches) for text, matches in zip(texts, found, strict=True)]

    def _resolved(self, text: str, matches: list[Match]) -> list[Match]:
        """`matches` without overlaps: what overlaps becomes one find of the best kind, so that no half is left over."""
        if not matches:
            return []
        tokens = [m.span() for m in self.token.finditer(text)]
        matches = [m for m in matches if m.end > m.start and not any(s <= m.start and m.end <= e for s, e in tokens)]
        spans = [(m.start, m.end, m) for m in matches] + [(s, e, None) for s, e in tokens]
        spans.sort(key=lambda span: (span[0], -span[1]))
        resolved = []
        for cluster in _clusters(spans):
            members = [m for _, _, m in cluster if m is not None]
            if members:
                start, end = cluster[0][0], max(e for _, e, _ in cluster)
                best = min(members, key=lambda m: (self.priority[m.kind], m.start - m.end, m.start))
                whole = (best.start, best.end) == (start, end)
                resolved.append(best if whole else Match(start, end, best.kind, text[start:end]))
        return resolved


_Span = tuple[int, int, Match | None]


def _clusters(spans: Sequence[_Span]) -> Iterator[list[_Span]]:
    """Groups of `spans`, which are sorted by start, that overlap in a chain."""
    cluster: list[_Span] = []
    end = -1
    for span in spans:
        if cluster and span[0] >= end:
            yield cluster
            cluster = []
        cluster.append(span)
        end = max(end, span[1]) if len(cluster) > 1 else span[1]
    if cluster:
        yield cluster


def _marked(text: str) -> Iterator[tuple[int, int]]:
    """Where the marked stretches of `text` stand in the text without marks."""
    place = 0
    for i, piece in enumerate(text.split(_MARK)):
        if i % 2:
            yield place, place + len(piece)
        place += len(piece)


def _own(pattern: Pattern) -> Detector:
    def judge(text: str, start: int, end: int) -> Iterator[Match]:
        yield Match(start, end, pattern.name, text[start:end])

    return Detector(prefilter={pattern.name: f"(?:{pattern.regex})"}, anchor=pattern.regex, judge=judge)


@lru_cache(maxsize=256)
def finder_of(policy: Policy) -> Finder:
    """The finder for the kinds and patterns of `policy`; one is made per policy."""
    built_in = (
        *(PRIVATE_KEY, TOKEN, PROVIDER, ASSIGNMENT, USERINFO, EMAIL, IBAN, NAMED_IDS, IPV4, IPV6),
        numbers(policy.kinds, policy.phone_regions),
    )
    own = tuple(_own(pattern) for pattern in policy.patterns)
    # An operator's pattern is the most particular thing known about a text: it comes first.
    names = [pattern.name for pattern in policy.patterns] + [kind for kind in Kind if kind in policy.kinds]
    priority = {name: place for place, name in enumerate(names)}
    chosen = [d for d in (*own, *built_in) if not priority.keys().isdisjoint(d.prefilter)]
    prefilters = [regex for d in chosen for kind, regex in d.prefilter.items() if kind in priority]
    labels = "|".join(label_of(name) for name in dict.fromkeys([*names, *Kind]))
    return Finder(
        prefilter="|".join([*prefilters, ESCAPED_ASCII]),
        detectors=tuple(chosen),
        priority=priority,
        token=re.compile(rf"\[(?:{labels})(?::[0-9a-f]{{12}})?\]"),
    )
