"""What is searched, for what, and what is not: from the values that redaction itself works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.redaction.cells import MAX_JSON_DEPTH
from collector.redaction.documents import MAX_NUMBER_DIGITS, MIN_NUMBER_DIGITS
from collector.redaction.kinds import Kind, label_of
from collector.redaction.nearby import REACH, WORDS
from collector.redaction.phone_runs import MAX_RUN_GROUPS
from collector.redaction.policy import Mode, Policy, Role
from collector.redaction.provider_keys import PROVIDER_KEYS

HOW_FOUND: Final[dict[Kind, str]] = {
    Kind.PRIVATE_KEY: "PEM and PGP blocks, also with the end cut off",
    Kind.BEARER_TOKEN: "after Bearer or Authorization, JSON web tokens, values of authorization and cookie keys",
    Kind.API_KEY: f"keys of {', '.join(PROVIDER_KEYS)}; values of keys and assignments named api_key, secret, ...",
    Kind.PASSWORD: "values of keys and assignments named password, passwd, passphrase, pwd; user:password@ of URLs",
    Kind.EMAIL: "with @ or %40",
    Kind.IBAN: "country, length and remainder of 97",
    Kind.CARD: "12 to 19 digits of a known network, Luhn",
    Kind.US_SSN: "123-45-6789 with an issued area",
    Kind.UK_NINO: "prefix and suffix letters; it has no check digit",
    Kind.UK_NHS: "10 digits, modulus 11",
    Kind.DE_STEUER_ID: "11 digits, digit rule and check digit",
    Kind.FR_NIR: "15 digits, month and remainder of 97",
    Kind.ES_DNI: "DNI and NIE with their check letter",
    Kind.IT_CODICE_FISCALE: "16 characters with their check letter",
    Kind.NL_BSN: "9 digits, eleven test",
    Kind.PL_PESEL: "11 digits, date and check digit",
    Kind.IN_AADHAAR: "12 digits, Verhoeff",
    Kind.BR_CPF: "11 digits, two check digits",
    Kind.CA_SIN: "9 digits, Luhn",
    Kind.IP: "version 4 and 6, but loopback, unspecified addresses, and version numbers after v, version, Name/",
    Kind.PHONE: "with + and country code, in national formats of the chosen countries, or beside a word such as phone",
}

NOT_SEARCHED: Final = (
    "names of people, postal addresses, dates of birth, and whatever else has no form of its own",
    "columns of numbers, times and ids that Watchkeeper itself makes, and binary data",
    "the content of base64 (images, audio, files): it is not decoded",
    f"JSON numbers with fewer than {MIN_NUMBER_DIGITS} or more than {MAX_NUMBER_DIGITS} digits, and fractions",
    f"JSON within JSON strings deeper than {MAX_JSON_DEPTH} levels is read as text with its escapes undone",
    f"phone numbers without + in tables of more than {MAX_RUN_GROUPS} numbers with only spaces or points between",
    "numbers in words, digits of other scripts, and text that was made unreadable on purpose",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCoverage:
    kind: str
    label: str
    how_found: str
    needs_word: str | None
    """Expression for the words of which one must stand before a number without a form of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCoverage:
    table: str
    column: str
    form: str
    action: str
    """dropped, masked, hashed or as sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    mode: str
    kinds: tuple[KindCoverage, ...]
    columns: tuple[ColumnCoverage, ...]
    not_searched: tuple[str, ...]
    word_reach_chars: int = REACH


def coverage(tables: Mapping[str, Mapping[str, Role]], columns: Mapping[str, list[str]], policy: Policy) -> Coverage:
    """What `policy` does with each of `columns` (by table), given the roles that `redact` is called with."""
    built_in = [
        KindCoverage(kind=kind, label=label_of(kind), how_found=HOW_FOUND[kind], needs_word=WORDS.get(kind))
        for kind in Kind
        if kind in policy.kinds
    ]
    own = [
        KindCoverage(kind=p.name, label=label_of(p.name), how_found=p.regex, needs_word=None) for p in policy.patterns
    ]
    return Coverage(
        mode=policy.mode,
        kinds=(*own, *built_in) if policy.mode is not Mode.OFF else (),
        columns=tuple(
            ColumnCoverage(table=table, column=column, form=role.form if role else "", action=action_on(role, policy))
            for table, names in columns.items()
            for column in names
            for role in [tables.get(table, {}).get(column)]
        ),
        not_searched=NOT_SEARCHED,
    )


def action_on(role: Role | None, policy: Policy) -> str:
    """What happens to a find in a column with `role`."""
    if role is None or policy.mode is Mode.OFF:
        return "as sent"
    if policy.mode is Mode.DROP_CONTENT and role.content:
        return "dropped"
    return "hashed" if policy.mode is Mode.HASH or role.form == "identifier" else "masked"
