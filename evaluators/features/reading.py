"""What every behaviour looks at, worked out once per text."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

READ_CHARS = 20_000
"""Style shows in the first pages; a text of 100 kB costs no more than one of this many characters."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？]")
_NUMBERED = re.compile(r"\(?\d{1,3}[.)](?:\s|$)")
_LETTERED = re.compile(r"\(?[a-zA-Z][.)](?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One text, taken apart. Counts speak of `head`; only `n_chars` speaks of all of the text."""

    text: str
    n_chars: int
    head: str
    lower: str
    words: Sequence[str]
    counts: Counter[str]
    n_sentences: int
    n_paragraphs: int
    line_kinds: Counter[str]
    lead: str
    """Kind of the first line that is not blank; "" where there is none."""
    n_indented: int
    ascii_counts: Sequence[int]
    """How often each of the 128 ASCII characters stands in `head`."""

    def count(self, characters: str) -> int:
        """Occurrences of any of these ASCII characters."""
        return sum(self.ascii_counts[ord(c)] for c in characters)

    def share(self, characters: str) -> float:
        return self.count(characters) / max(len(self.head), 1)

    def word_share(self, vocabulary: frozenset[str]) -> float:
        """Share of the words that stand in `vocabulary`."""
        # Looking up the smaller side is what keeps this cheap for one-word answers and for long ones.
        shared = self.counts.keys() & vocabulary
        return sum(self.counts[word] for word in shared) / max(len(self.words), 1)

    def mentions(self, phrases: Sequence[str]) -> int:
        """How many of these phrases occur."""
        return sum(phrase in self.lower for phrase in phrases)


def read(text: str) -> Reading:
    """Any text can be read: empty ones, lone surrogates and 100 kB of one character included."""
    head = text[:READ_CHARS]
    lower = head.lower().replace("’", "'")
    words = _WORD.findall(lower)
    ascii_bytes = head.encode("ascii", "ignore")
    ascii_counts = np.bincount(np.frombuffer(ascii_bytes, dtype=np.uint8), minlength=128).tolist()
    lines = [line for line in head.splitlines() if line and not line.isspace()]
    kinds = list(_line_kinds(lines))
    return Reading(
        text=text,
        n_chars=len(text),
        head=head,
        lower=lower,
        words=words,
        counts=Counter(words),
        n_sentences=max(len(_SENTENCE_END.findall(head)), 1 if words else 0),
        n_paragraphs=sum(1 for block in head.split("\n\n") if block and not block.isspace()),
        line_kinds=Counter(kinds),
        lead=kinds[0] if kinds else "",
        n_indented=sum(line[0] in " \t" for line in lines),
        ascii_counts=ascii_counts,
    )


def _line_kinds(lines: Sequence[str]) -> Iterator[str]:
    in_fence = False
    for line in lines:
        if line.lstrip().startswith("```"):
            in_fence = not in_fence
            yield "fence"
        else:
            yield "code" if in_fence else _line_kind(line)


def _line_kind(indented: str) -> str:
    line = indented.strip()
    first = line[0]
    if first in "-*+•–" and line[1:2] in ("", " ", "\t"):
        return "bullet"
    if first == "#":
        # Markdown takes up to three spaces; deeper in, it is a comment in code without a fence.
        return "code" if indented.startswith("    ") else "header"
    if first == "|":
        return "table"
    if (first.isdigit() or first == "(") and _NUMBERED.match(line):
        return "numbered"
    if line[1:2] in (")", ".") or first == "(":
        return "lettered" if _LETTERED.match(line) else "text"
    if len(line) <= 80 and line[-1] == ":":
        return "lead"
    return "text"
