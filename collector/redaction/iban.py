"""International bank account numbers: known country, its length, and the remainder of 97."""

import re
from collections.abc import Iterator
from typing import Final

from collector.redaction.checksums import iban_mod_97
from collector.redaction.detector import Detector
from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.regexes import LEFT

# Source: SWIFT IBAN Registry, release 99.
_LENGTHS: Final = {
    **{"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29},
    **{"BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29},
    **{"ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28},
    **{"HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20},
    **{"LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19},
    **{"MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29},
    **{"PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24},
    **{"SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20},
    **{"YE": 30},
}
_COUNTRY = "|".join(_LENGTHS)
_SPACES = re.compile(r"[  -]")


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    if start and text[start - 1].isalnum():
        return
    length = _LENGTHS[text[start : start + 2].upper()]
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


IBAN = Detector(
    prefilter={Kind.IBAN: rf"{LEFT}(?i:{_COUNTRY})[0-9]{{2}}(?:[ \-]|[^\x00-\x7f]|\\u00a0)?[0-9A-Za-z]{{4}}"},
    anchor=rf"(?i:{_COUNTRY})[0-9]{{2}}[ \x{{a0}}\-]?[0-9A-Za-z]{{4}}",
    judge=_judge,
)
