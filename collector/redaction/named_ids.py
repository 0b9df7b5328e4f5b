"""National numbers with letters in them: their shape is rare enough to be searched without a word nearby."""

import re
from collections.abc import Iterator

from collector.redaction.checksums import codice_fiscale, dni, nir
from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.regexes import RIGHT

_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]")
_DNI = re.compile(r"(?:[0-9]{8}|[XYZ][ \-]?[0-9]{7})[ \-]?[A-HJ-NP-TV-Z]")
_CODICE = re.compile(r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", re.IGNORECASE | re.ASCII)
_NIR_CORSICA = re.compile(r"[123478] ?[0-9]{2} ?[0-9]{2} ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", re.IGNORECASE)

_NINO_UNUSED = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
_SPELLING = re.compile(r"[ \-]")
_FORMS = ((_NIR_CORSICA, 0), (_CODICE, 6), (_NINO, 3), (_NINO, 2), (_DNI, 2), (_DNI, 1), (_DNI, 0))
"""The forms, and how many characters stand before their first digit (or that of the rest, where one leads)."""


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    for form, n_before in _FORMS:
        found = form.match(text, start - n_before) if start >= n_before else None
        if found is None or _is_joined(text, *found.span()):
            continue
        number = _SPELLING.sub("", found.group()).upper()
        if kind := _kind_of(number):
            yield Match(*found.span(), kind, number)
            return


def _is_joined(text: str, start: int, end: int) -> bool:
    return (start > 0 and text[start - 1].isalnum()) or text[end : end + 1].isalnum()


def _kind_of(number: str) -> Kind | None:
    if len(number) == 16:
        return Kind.IT_CODICE_FISCALE if codice_fiscale(number) else None
    if len(number) == 15:
        return Kind.FR_NIR if nir(number) else None
    if number[:2].isalpha():
        return Kind.UK_NINO if number[:2] not in _NINO_UNUSED else None
    return Kind.ES_DNI if dni(number) else None


NAMED_IDS = Anchored(
    needs_digits=True,
    kinds=frozenset({Kind.UK_NINO, Kind.ES_DNI, Kind.IT_CODICE_FISCALE, Kind.FR_NIR}),
    prefilter={
        Kind.UK_NINO: r"[A-Z] ?[0-9][0-9] ?[0-9][0-9] ?[0-9][0-9] ?[A-D]",
        Kind.ES_DNI: rf"[0-9]{{7}}[ \-]?[A-HJ-NP-TV-Z]{RIGHT}",
        Kind.IT_CODICE_FISCALE: r"[A-Za-z]{3}[0-9][0-9][A-Za-z][0-9][0-9][A-Za-z][0-9]{3}[A-Za-z]",
        Kind.FR_NIR: r"[0-9] ?2[ABab] ?[0-9]{3} ?[0-9]{3}",
    },
    # The first digit of every form, and what the forms have after it.
    anchor=re.compile(
        r"[0-9](?<![0-9]{2})(?=[0-9]{6,7}[ \-]?[A-Z]|[0-9] ?[0-9]{2} ?[0-9]{2} ?[A-D]"
        r"|[0-9](?i:[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z])| ?[0-9]{2} ?[0-9]{2} ?2[ABab])"
    ),
    judge=_judge,
)
