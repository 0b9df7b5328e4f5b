"""What can be found: the kinds, and the groups by which an operator names several at once."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Best first: where two kinds overlap, the earlier one names the whole."""

    PRIVATE_KEY = "private_key"
    BEARER_TOKEN = "bearer_token"
    API_KEY = "api_key"
    PASSWORD = "password"
    EMAIL = "email"
    IBAN = "iban"
    CARD = "card"
    US_SSN = "us_ssn"
    UK_NINO = "uk_nino"
    UK_NHS = "uk_nhs"
    DE_STEUER_ID = "de_steuer_id"
    FR_NIR = "fr_nir"
    ES_DNI = "es_dni"
    IT_CODICE_FISCALE = "it_codice_fiscale"
    NL_BSN = "nl_bsn"
    PL_PESEL = "pl_pesel"
    IN_AADHAAR = "in_aadhaar"
    BR_CPF = "br_cpf"
    CA_SIN = "ca_sin"
    IP = "ip"
    PHONE = "phone"


SECRETS: Final = frozenset({Kind.PRIVATE_KEY, Kind.BEARER_TOKEN, Kind.API_KEY, Kind.PASSWORD})
NATIONAL_IDS: Final = frozenset(
    {
        Kind.US_SSN,
        Kind.UK_NINO,
        Kind.UK_NHS,
        Kind.DE_STEUER_ID,
        Kind.FR_NIR,
        Kind.ES_DNI,
        Kind.IT_CODICE_FISCALE,
        Kind.NL_BSN,
        Kind.PL_PESEL,
        Kind.IN_AADHAAR,
        Kind.BR_CPF,
        Kind.CA_SIN,
    }
)
ALL: Final = frozenset(Kind)

GROUPS: Final[dict[str, frozenset[Kind]]] = {
    "all": ALL,
    "secrets": SECRETS,
    "national_ids": NATIONAL_IDS,
    "personal": ALL - SECRETS - {Kind.CARD},
}
"""Names that stand for several kinds in the configuration."""

PRIORITY: Final[dict[str, int]] = {kind: place for place, kind in enumerate(Kind)}


def label_of(kind: str) -> str:
    """How a kind is written in a redacted text: `[EMAIL]`, `[EMAIL:3f2a9c0d41be]`."""
    return kind.upper()
