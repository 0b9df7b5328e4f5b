"""All finds of a policy in a text: the detectors' candidates, judged, and what overlaps made one find."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.redaction.assignments import ASSIGNMENT, USERINFO
from collector.redaction.byte_column import Bools, ByteColumn, portions
from collector.redaction.detector import Detector
from collector.redaction.digit_chains import (
    behind_escapes,
    chains_of,
    of_rows,
    rows_with_digits,
    rows_with_numbers,
    runs_of,
    touching,
    with_escaped_gaps,
    with_many_digits,
)
from collector.redaction.email import EMAIL
from collector.redaction.iban import IBAN
from collector.redaction.ip import IPV4, IPV6
from collector.redaction.kinds import Kind, label_of
from collector.redaction.match import Match
from collector.redaction.named_ids import NAMED_IDS
from collector.redaction.nearby import words_of
from collector.redaction.numbers import KINDS as NUMERIC_KINDS
from collector.redaction.numbers import numbers
from collector.redaction.own_patterns import OwnPatterns
from collector.redaction.places import Places
from collector.redaction.policy import Policy
from collector.redaction.provider_keys import PROVIDER
from collector.redaction.regexes import ESCAPED_ASCII
from collector.redaction.texts import Joined, joined
from collector.redaction.tokens import PRIVATE_KEY, TOKEN

_AROUND: Final = 4096
_EDGE: Final = 512
"""A window around a token, and how much of it at an end that is none of the text only tells what stands before."""
_PORTION_BYTES: Final = 2**20
"""Of texts whose digits are looked at at once: what the columns of more take is in no cache of the processor."""
_TELLING: Final = re.compile(r"[0-9@%=]|://|-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """What finds the kinds of one policy.

    Args:
        prefilter: RE2 on bytes, for every text; a text may have JSON escapes in it.
        prefilter_of_numbers: the same for texts with several digits. Both in one would have more states than RE2 keeps.
        numeric: those of the policy's kinds that are digits only.
        words: RE2 on bytes; beside one of these, more numbers count.
        detectors: those of the policy's kinds.
        own: the operator's patterns.
        priority: name of kind or pattern to its place; the lowest names a find of several kinds.
        token: matches what redaction writes, which is never touched again.
    """

    prefilter: str
    prefilter_of_numbers: str
    numeric: frozenset[str]
    words: str
    detectors: tuple[Detector, ...]
    own: OwnPatterns
    priority: dict[str, int]
    token: re.Pattern[str]

    def may_hold(self, texts: pa.Array) -> npt.NDArray[np.bool_]:
        """Which of `texts` could hold a find; nulls hold none."""
        hits = self._matching(texts, self.prefilter)
        if self.numeric or self.prefilter_of_numbers:
            for start, end in portions(texts, _PORTION_BYTES):
                self._look_at_numbers(texts.slice(start, end - start), hits[start:end])
        if self.own:
            hits |= np.asarray(self.own.may_hold(texts).fill_null(False))
        hits &= np.asarray(texts.is_valid())
        return hits

    def _look_at_numbers(self, texts: pa.Array, hits: Bools) -> None:
        """Add to `hits` the texts with numbers that could be somebody's."""
        column = ByteColumn.of(texts)
        runs = runs_of(column)
        many = with_many_digits(column, runs)
        self._look(texts, hits, many, self.prefilter_of_numbers)
        if self.numeric:
            chains = chains_of(column, of_rows(runs, many))
            hits |= rows_with_numbers(chains, self.numeric, len(texts)) | touching(column)
            hits[with_escaped_gaps(column, runs)] = True
            hits[behind_escapes(column, runs)] = True
            self._look(texts, hits, rows_with_digits(chains, len(texts)), self.words)

    def _look(self, texts: pa.Array, hits: Bools, chosen: Bools, regex: str) -> None:
        """Add to `hits` those of the texts `chosen` that match `regex`."""
        rows = np.flatnonzero(chosen & ~hits)
        if regex and len(rows):
            hits[rows] = self._matching(texts.take(rows), regex)

    def _matching(self, texts: pa.Array, regex: str) -> npt.NDArray[np.bool_]:
        # On bytes an expression compiles to a fraction of what it needs for UTF-8.
        kind = pa.large_binary() if pa.types.is_large_string(texts.type) else pa.binary()
        hits = pc.match_substring_regex(texts.cast(kind), regex)
        return np.array(hits.fill_null(False), bool)

    def is_worth_a_look(self, text: str) -> bool:
        """Whether a text without escapes could hold a find: nothing built in does without one of these."""
        return bool(self.own) or _TELLING.search(text) is not None

    def is_token(self, text: str) -> bool:
        return self.token.fullmatch(text) is not None

    def find_again(self, texts: Sequence[str], places: Places) -> list[list[Match]]:
        """As `find`, in texts in which all finds were replaced: what they leave beside them may be finds now."""
        windows = [(i, window) for i, text in enumerate(texts) for window in self._near_tokens(text)]
        found: list[list[Match]] = [[] for _ in texts]
        pieces = [texts[i][start:end] for i, (start, end) in windows]
        for (i, (start, end)), matches in zip(windows, self.find(pieces, places), strict=True):
            # Where a window was cut out, half a number looks like a whole one.
            first, last = (edge if 0 < edge < len(texts[i]) else None for edge in (start, end))
            found[i] += [
                Match(m.start + start, m.end + start, m.kind, m.value)
                for m in matches
                if (first is None or m.start >= _EDGE) and (last is None or m.end + start <= last - _EDGE)
            ]
        return found

    def _near_tokens(self, text: str) -> list[tuple[int, int]]:
        """The stretches of `text` around what redaction wrote."""
        windows: list[tuple[int, int]] = []
        for token in self.token.finditer(text):
            start, end = max(0, token.start() - _AROUND), min(len(text), token.end() + _AROUND)
            if windows and start <= windows[-1][1]:
                windows[-1] = windows[-1][0], end
            else:
                windows.append((start, end))
        return windows

    def find(self, texts: Sequence[str], places: Places | None = None) -> list[list[Match]]:
        """The finds in each text, from left to right, none overlapping.

        Raises:
            TooLarge: if more than `places` would have to be looked at.
        """
        places = places or Places()
        found = [matches for many in joined(texts) for matches in many.split(self._built_in(many, places))]
        if self.own:
            for matches, more in zip(found, self.own.find(texts), strict=True):
                places.take(len(more))
                matches.extend(more)
        return [self._resolved(text, matches) for text, matches in zip(texts, found, strict=True)]

    def _built_in(self, many: Joined, places: Places) -> list[Match]:
        matches = chain.from_iterable(detector.matches(many, places) for detector in self.detectors)
        return [match for match in matches if match.kind in self.priority]

    def _resolved(self, text: str, matches: list[Match]) -> list[Match]:
        """`matches` without overlaps: what overlaps becomes one find of the best kind, so that no half is left over."""
        if not matches:
            return []
        tokens = [m.span() for m in self.token.finditer(text)]
        matches = [m for m in matches if not _is_within(m, tokens)]
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


def _is_within(match: Match, tokens: Sequence[tuple[int, int]]) -> bool:
    """Whether `match` lies in one of `tokens`, which are sorted and do not overlap."""
    before = bisect_right(tokens, match.start, key=lambda token: token[0]) - 1
    return before >= 0 and match.end <= tokens[before][1]


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


@lru_cache(maxsize=256)
def finder_of(policy: Policy) -> Finder:
    """The finder for the kinds and patterns of `policy`; one is made per policy."""
    built_in = (
        *(PRIVATE_KEY, TOKEN, PROVIDER, ASSIGNMENT, USERINFO, EMAIL, IBAN, NAMED_IDS, IPV4, IPV6),
        numbers(policy.kinds, policy.phone_regions),
    )
    # An operator's pattern is the most particular thing known about a text: it comes first.
    names = [pattern.name for pattern in policy.patterns] + [kind for kind in Kind if kind in policy.kinds]
    priority = {name: place for place, name in enumerate(names)}
    chosen = [d for d in built_in if not d.kinds.isdisjoint(priority)]
    regexes = {
        numbers_only: dict.fromkeys(
            regex
            for detector in chosen
            if detector.needs_digits is numbers_only
            for kind, regex in detector.prefilter.items()
            if kind in priority
        )
        for numbers_only in (False, True)
    }
    numeric = policy.kinds & (NUMERIC_KINDS | {Kind.IP})
    labels = "|".join(label_of(name) for name in dict.fromkeys([*names, *Kind]))
    return Finder(
        prefilter="|".join([*regexes[False], ESCAPED_ASCII]),
        prefilter_of_numbers="|".join(regexes[True]),
        numeric=numeric,
        words=words_of(policy.kinds),
        detectors=tuple(chosen),
        own=OwnPatterns(policy.patterns),
        priority=priority,
        token=re.compile(rf"\[(?:{labels})(?::[0-9a-f]{{12}})?\]"),
    )
