"""National numbers with letters in them: their shape is rare enough to be searched without a word nearby."""

import re
from collections.abc import Iterator

from collector.redaction.checksums import codice_fiscale, dni, nir
from collector.redaction.detector import Detector
from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.regexes import LEFT, RIGHT

_NINO = r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
_DNI = r"(?:[0-9]{8}|[XYZ][ \-]?[0-9]{7})[ \-]?[A-HJ-NP-TV-Z]"
_CODICE = r"(?i:[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z])"
_NIR_CORSICA = r"[123478] ?[0-9]{2} ?[0-9]{2} ?2[ABab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}"

_NINO_UNUSED = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
_SPELLING = re.compile(r"[ \-]")


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    if (start and text[start - 1].isalnum()) or text[end : end + 1].isalnum():
        return
    number = _SPELLING.sub("", text[start:end])
    if kind := _kind_of(number):
        yield Match(start, end, kind, number.upper())


def _kind_of(number: str) -> Kind | None:
    if len(number) == 16:
        return Kind.IT_CODICE_FISCALE if codice_fiscale(number.upper()) else None
    if len(number) == 15:
        return Kind.FR_NIR if nir(number) else None
    if number[:2].isalpha():
        return Kind.UK_NINO if number[:2] not in _NINO_UNUSED else None
    return Kind.ES_DNI if dni(number) else None


NAMED_IDS = Detector(
    prefilter={
        Kind.UK_NINO: rf"{LEFT}{_NINO}{RIGHT}",
        Kind.ES_DNI: rf"{LEFT}{_DNI}{RIGHT}",
        Kind.IT_CODICE_FISCALE: rf"{LEFT}{_CODICE}{RIGHT}",
        Kind.FR_NIR: rf"{LEFT}{_NIR_CORSICA}{RIGHT}",
    },
    anchor=f"{_CODICE}|{_NIR_CORSICA}|{_NINO}|{_DNI}",
    judge=_judge,
)
