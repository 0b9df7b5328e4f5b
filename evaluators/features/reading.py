"""What every behaviour looks at, worked out once per answer."""

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from evaluators.features import phrases
from evaluators.features.characters import WORDS, WORDS_OF_ANY_SCRIPT, Characters, characters_of
from evaluators.features.json_parts import JsonParts, parts_of
from evaluators.features.lines import Lines, sort_lines

READ_CHARS = 20_000
"""Style shows in the first pages; a text of 100 kB costs no more than one of this many characters."""

_ENGLISH_SHARE = 0.08
"""A text with fewer function words of English than this is searched for phrases of other languages, too."""
_OPENER_CHARS = 60
_CLOSING_CHARS = 400
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_OTHER_SENTENCE_ENDS = "。！？।۔؟｡"


class ToolCall(NamedTuple):
    """A tool that an answer calls; `arguments` is JSON, in the letters of the model where they are known."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One answer, taken apart. Counts speak of `head`; only `n_chars`, `closing` and `json` look beyond."""

    n_chars: int
    head: str
    lower: str
    opener: str
    """The beginning of `lower`, less quotation marks and the like."""
    closing: str
    """The end of the text, in lower case."""
    words: Sequence[str]
    counts: Counter[str]
    is_english: bool
    n_sentences: int
    n_paragraphs: int
    lines: Lines
    code: str
    """The lines of code, fenced or not."""
    characters: Characters
    json: JsonParts
    tool_calls: Sequence[ToolCall]
    tool_json: Sequence[JsonParts]
    """What the arguments of each tool call look like."""

    def count(self, characters: str) -> int:
        """Occurrences of any of these characters."""
        return self.characters.count(characters)

    def share(self, characters: str) -> float:
        """Share of the characters."""
        return self.characters.count(characters) / max(len(self.head), 1)

    def per_word(self, total: float) -> float:
        return min(total / max(len(self.words), 1), 1.0)

    def word_share(self, vocabulary: AbstractSet[str]) -> float:
        """Share of the words that stand in `vocabulary`."""
        return self.n_words_in(vocabulary) / max(len(self.words), 1)

    def n_words_in(self, vocabulary: AbstractSet[str]) -> int:
        return _n_in(self.counts, vocabulary)

    def mentions(self, english: Sequence[str], elsewhere: Sequence[str]) -> int:
        """How many of these phrases occur."""
        return self._n_of(self.lower, english, elsewhere)

    def closes_with(self, english: Sequence[str], elsewhere: Sequence[str]) -> bool:
        return self._n_of(self.closing, english, elsewhere) > 0

    def opens_with(self, english: tuple[str, ...], elsewhere: tuple[str, ...] = ()) -> bool:
        return self.opener.startswith(english) or (not self.is_english and self.opener.startswith(elsewhere))

    def _n_of(self, text: str, english: Sequence[str], elsewhere: Sequence[str]) -> int:
        n = sum(phrase in text for phrase in english)
        return n if self.is_english else n + sum(phrase in text for phrase in elsewhere)


def read(text: str, tool_calls: Sequence[ToolCall] = ()) -> Reading:
    """Any text can be read: empty ones, lone surrogates and 100 kB of one character included."""
    head = text[:READ_CHARS]
    lower = head.lower().replace("’", "'")
    characters = characters_of(head)
    words = (WORDS if characters.is_spaced else WORDS_OF_ANY_SCRIPT).findall(lower)
    counts = Counter(words)
    lines = sort_lines(head)
    n_sentences = len(_SENTENCE_END.findall(head)) + characters.count(_OTHER_SENTENCE_ENDS)
    return Reading(
        n_chars=len(text),
        head=head,
        lower=lower,
        opener=lower[:_OPENER_CHARS].lstrip(" \n\t\"'*#¡¿“„«「"),
        closing=text[-_CLOSING_CHARS:].lower().replace("’", "'"),
        words=words,
        counts=counts,
        is_english=_n_in(counts, phrases.ENGLISH_STOP_WORDS) > _ENGLISH_SHARE * len(words),
        n_sentences=max(n_sentences, 1 if words else 0),
        n_paragraphs=sum(1 for block in head.split("\n\n") if block and not block.isspace()),
        lines=lines,
        code="\n".join(lines.code),
        characters=characters,
        json=parts_of(text),
        tool_calls=tool_calls,
        tool_json=[parts_of(call.arguments) for call in tool_calls],
    )


def _n_in(counts: Counter[str], vocabulary: AbstractSet[str]) -> int:
    # Looking up the smaller side is what keeps this cheap for one-word answers and for long ones.
    return sum(counts[word] for word in counts.keys() & vocabulary)
