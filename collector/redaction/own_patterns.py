"""The operator's own patterns, matched by RE2: whatever is written in them, time is linear in the text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from collector.redaction.match import Match
from collector.redaction.policy import Pattern

_MARK: Final = "\ufdd0"  # a noncharacter: in no text that means anything
_STAND_IN: Final = "\ufffd"

_COMMON_ESCAPES: Final = (("\\n", "\n"), ('\\"', '"'), ("\\t", "\t"), ("\\r", "\r"), ("\\/", "/"))
_OTHER_ESCAPES: Final = r"\\[u\\bf]"


@dataclass(frozen=True, slots=True)
class OwnPatterns:
    patterns: tuple[Pattern, ...]

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def may_hold(self, texts: pa.Array) -> pa.Array:
        """Which of `texts`, with or without JSON escapes in them, could match.

        A pattern may ask for a line break or a word's edge, so it is tried on the text with the common escapes undone;
        a text with others could hold anything.
        """
        plain = texts
        if pc.any(pc.match_substring(texts, "\\")).as_py():
            for escape, char in _COMMON_ESCAPES:
                plain = pc.replace_substring(plain, escape, char)
        hits = pc.or_(pc.match_substring_regex(plain, self._any()), pc.match_substring_regex(texts, _OTHER_ESCAPES))
        return pc.or_(hits, pc.match_substring_regex(texts, self._any()))

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """The matches in each text, pattern by pattern."""
        clean = [text.replace(_MARK, _STAND_IN) for text in texts]  # one character for one: places stay
        column = pa.array(clean, pa.large_string())
        found: list[list[Match]] = [[] for _ in texts]
        for pattern in self.patterns:
            marked = pc.replace_substring_regex(column, f"({pattern.regex})", rf"{_MARK}\1{_MARK}").to_pylist()
            for matches, text, with_marks in zip(found, texts, marked, strict=True):
                places = [(start, end) for start, end in _marked(with_marks) if end > start]
                matches.extend(Match(start, end, pattern.name, text[start:end]) for start, end in places)
        return found

    def _any(self) -> str:
        return "|".join(f"(?:{pattern.regex})" for pattern in self.patterns)


def _marked(text: str) -> Iterator[tuple[int, int]]:
    """Where the marked stretches of `text` stand in the text without marks."""
    place = 0
    for i, piece in enumerate(text.split(_MARK)):
        if i % 2:
            yield place, place + len(piece)
        place += len(piece)
