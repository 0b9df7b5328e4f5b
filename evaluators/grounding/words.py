"""The words, numbers and names of a text, in a form in which an answer and its source can be compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["word", "number", "name"]

# Scripts without spaces are compared character by character: coarse, but not blind.
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+(?:['’][^\W\d_]+)*")
_SUFFIXES = (("ies", "y"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("es", ""), ("s", ""))
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the and or but if then than so as of at by for from in into on onto to with without about over under
        between through during before after above below up down out off again further once here there when where why
        how all any both each few more most other some such no nor not only own same too very can will just should now
        is are was were be been being have has had having do does did doing would could may might must shall i me my we
        our you your he him his she her it its they them their this that these those what which who whom whose also
        however therefore because while although though since until upon s t re ve ll d m don didn doesn isn wasn aren
        weren won""",
    )
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token that can be true or false of a source. `key` is what is compared."""

    start: int
    end: int
    kind: Kind
    key: str


def tokens(text: str, start: int, end: int) -> Iterator[Token]:
    """What one sentence of `text` states: its content words, numbers and names; function words state nothing.

    A capital makes a name, except on the first word, which has one anyway. The numbers of a list state nothing.
    """
    is_shouted = text[start:end].isupper()
    found = (match for match in _TOKEN.finditer(text, start, end) if not _is_list_number(text, match))
    for i, match in enumerate(found):
        word = match[0]
        lower = word.lower().replace("’", "'")
        if word[0].isdigit():
            yield Token(match.start(), match.end(), "number", number(word))
        elif lower in _NUMBER_WORDS:
            yield Token(match.start(), match.end(), "number", _NUMBER_WORDS[lower])
        elif lower.partition("'")[0] not in _STOP_WORDS:  # "didn't" is as empty as "did"
            is_name = word[0].isupper() and not is_shouted and (i > 0 or (len(word) > 1 and word.isupper()))
            yield Token(match.start(), match.end(), "name" if is_name else "word", stem(lower))


def _is_list_number(text: str, match: re.Match[str]) -> bool:
    """Whether this is the 2 of a line that begins with "2. " or "2) "."""
    line_start = text.rfind("\n", 0, match.start()) + 1
    return (
        match[0].isdecimal()
        and len(match[0]) <= 3
        and not text[line_start : match.start()].strip()
        and text[match.end() : match.end() + 1] in (".", ")")
        and text[match.end() + 1 : match.end() + 2].isspace()
    )


def words_between(text: str, start: int, end: int) -> int:
    return sum(1 for _ in _TOKEN.finditer(text, start, end))


def number(digits: str) -> str:
    """One spelling for 1,000 and 1000, for 2.50 and 2.5, for 07 and 7."""
    plain = digits.replace(",", "")
    if plain.count(".") == 1:
        plain = plain.rstrip("0").rstrip(".")
    return plain.lstrip("0") or "0"


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A lower-case word without its commonest English endings. Both sides lose the same, so crude is enough."""
    word = word.removesuffix("'s")
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word[: -len(suffix)] + replacement
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 else word
