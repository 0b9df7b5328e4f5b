"""Words that say what a number is. A bare number whose check digit many others pass counts only beside one of them."""

import re
from collections.abc import Collection
from typing import Final

from collector.redaction.kinds import Kind

REACH: Final = 50
"""Characters before a number in which its word must stand. The key of a JSON value stands before it, too."""

WORDS: Final[dict[Kind, str]] = {
    Kind.US_SSN: r"ssn|social[ _-]?security",
    Kind.UK_NHS: r"nhs",
    Kind.DE_STEUER_ID: r"steuer[ _-]?(?:id|nummer|identifikationsnummer)|idnr|tin",
    Kind.NL_BSN: r"bsn|burgerservicenummer|sofi[ -]?nummer",
    Kind.PL_PESEL: r"pesel",
    Kind.IN_AADHAAR: r"aadhaar|aadhar|adhaar|uidai",
    Kind.BR_CPF: r"cpf",
    Kind.CA_SIN: r"social[ _-]?insurance|sin[ _-]?(?:number|no)",
}
"""RE2 and Python; they are matched without regard to case, between characters that are no letters."""

PHONE_WORDS: Final = (
    r"(?:tele|cell|smart)?phones?|mobile|tel|cell|telefon[oe]?|tel.{1,6}fono|t.{1,6}l.{1,6}phone|handy|celular|m.{1,6}vil"
    r"|whats ?app|fax|dial|ring|sms|answering at|call (?:me|us)"
    r"|(?:call|phone|text|reach|contact)(?: (?:me|us|him|her|them|you))?(?: back)? (?:at|on)"
)

PHONE_WORDS_AFTER: Final = r"office|mobile|fax|cell|home|work|desk"

_BEFORE: Final = {kind: re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE) for kind, words in WORDS.items()}
# Between the word and the number stand no digits, and no more than a few short words: "my mobile number is now".
_PHONE_BEFORE: Final = re.compile(
    rf"(?<![a-z])(?:{PHONE_WORDS})(?:[ _-]?(?:number|num|nr|no))?(?![a-z])"
    r"[^0-9A-Za-z]*(?:[A-Za-z']{1,6}[^0-9A-Za-z]+){0,4}$",
    re.IGNORECASE,
)
_STEMS: Final = (
    *("phone", "mobile", "tel", "cell", "handy", "celular", "vil", "app", "fax", "dial", "ring", "sms", "answering"),
    *("call", "text", "reach", "contact", "office", "home", "work", "desk"),
)
"""One of them is in each of these words: to look for all of them takes less time than to try the expressions."""
_AFTER_A_LETTER: Final = re.compile(r"[^0-9A-Za-z]*+[A-Za-z]")
"""Of a text backwards: most numbers stand after numbers."""
_PLACE_BEFORE: Final = re.compile(r"(?<![a-z])(?:office|home|work|desk): {0,3}$", re.IGNORECASE)
_PHONE_AFTER: Final = re.compile(rf"[ \t-]{{0,3}}\(?(?:{PHONE_WORDS_AFTER})\b", re.IGNORECASE)


def words_of(kinds: Collection[str]) -> str:
    """RE2 on bytes for the words of `kinds`; empty if they need none."""
    words = [words for kind, words in WORDS.items() if kind in kinds]
    if Kind.PHONE in kinds:
        words += [PHONE_WORDS, PHONE_WORDS_AFTER]
    return f"(?i:{'|'.join(words)})" if words else ""


def says(kind: Kind, text: str, start: int) -> bool:
    """Whether a word for `kind` stands before `start`."""
    return kind in _BEFORE and _BEFORE[kind].search(text, max(0, start - REACH), start) is not None


def says_phone(text: str, start: int, end: int) -> bool:
    """Whether the words around `text[start:end]` call it a phone number."""
    return phone_word_leads(text, start) or phone_word_follows(text, end)


def phone_word_leads(text: str, start: int) -> bool:
    lead = text[max(0, start - REACH) : start]
    if _AFTER_A_LETTER.match(lead[::-1]) is None:
        return False
    lowered = lead.lower()
    if not any(stem in lowered for stem in _STEMS):
        return False
    return (_PHONE_BEFORE.search(lead) or _PLACE_BEFORE.search(lead)) is not None


def phone_word_follows(text: str, end: int) -> bool:
    return _PHONE_AFTER.match(text, end) is not None
