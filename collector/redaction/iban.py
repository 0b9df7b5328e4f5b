"""International bank account numbers: known country, its length, and the remainder of 97."""

import re
from collections.abc import Iterator
from typing import Final

from collector.redaction.checksums import iban_mod_97
from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.regexes import GAP, LEFT

# Source: SWIFT IBAN Registry, release 99.
_LENGTHS: Final = {
    entry[:2]: int(entry[2:])
    for entry in re.findall(
        r"\S+",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
        "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
        "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
        "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
        "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30",
    )
}
_SPACES = re.compile(r"[ \u00a0\u202f-]")


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    start -= len("GB")
    if start and text[start - 1].isalnum():
        return
    length = _LENGTHS.get(text[start : start + 2].upper())
    if length is None:
        return
    window = text[start : start + length + length // 2]
    taken, stop = [], 0
    for place, char in enumerate(window):
        if char.isascii() and char.isalnum():
            taken.append(char)
            if len(taken) == length:
                stop = place + 1
                break
        elif not _SPACES.match(char):
            return
    iban = "".join(taken).upper()
    if len(taken) == length and not text[start + stop : start + stop + 1].isalnum() and iban_mod_97(iban):
        yield Match(start, start + stop, Kind.IBAN, iban)


# Hex digits could begin like a small country; of those pairs only the ones that are countries are looked at.
_FIRST_SMALL = "(?:[g-z][a-z]|[a-f][g-z]|ad|ae|ba|be|de|ee)"

IBAN = Anchored(
    needs_digits=True,
    kinds=frozenset({Kind.IBAN}),
    prefilter={Kind.IBAN: rf"[A-Z][A-Z][0-9][0-9]{GAP}?[0-9A-Za-z]|{LEFT}{_FIRST_SMALL}[0-9][0-9]{GAP}?[0-9a-z]{{4}}"},
    anchor=re.compile(r"[0-9](?<=[A-Za-z]{2}[0-9])[0-9][ \u00a0-]?[0-9A-Za-z]{4}"),
    judge=_judge,
)
