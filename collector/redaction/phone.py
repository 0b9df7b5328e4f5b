"""Phone numbers by the numbering plans of the phonenumbers library.

Its tables are read directly: `parse` and `is_valid_number` take 40 us together, too much for every number in a prompt.
A test holds both to the same answers.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.nearby import phone_word_follows, says_phone
from collector.redaction.number_run import NumberRun

MIN_DIGITS, MAX_DIGITS = 7, 15
MAX_COUNTRY_CODE_DIGITS = 3
_MAX_GROUPS = 8
_MIN_FRACTION_DIGITS = 6
_TYPES = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan"),
    "voicemail",
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?\d|1[0-2])[-./ ][0-3]?\d(?!\d)|[0-3]?\d[-./ ][0-3]?\d[-./ ](?:19|20)\d\d(?!\d)"
)
_DATE_WITH_SLASHES = re.compile(r"\d{1,2}/\d{1,2}/\d")
_NORTH_AMERICAN = re.compile(r"(?:\+?1[ .-]{1,2})?\(?[2-9]\d\d\)?[ .-]{0,2}[2-9]\d\d[ .-]\d{4}")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbering plan of one region; numbers without country code and trunk prefix."""

    country_code: int
    trunk: str
    valid: re.Pattern[str]
    lengths: frozenset[int]


@cache
def _plan(region: str) -> _Plan | None:
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.country_code is None:
        return None
    described: list[PhoneNumberDesc] = [d for name in _TYPES if (d := getattr(metadata, name)) is not None]
    patterns = [d.national_number_pattern for d in described if d.national_number_pattern]
    lengths = {n for d in described for n in d.possible_length if n > 0}
    valid = "|".join(dict.fromkeys(patterns)) or r"(?!)"
    return _Plan(metadata.country_code, metadata.national_prefix or "", re.compile(valid), frozenset(lengths))


def is_valid(national: str, region: str) -> bool:
    """Whether `national` (digits after country code and trunk prefix) is a number of `region`."""
    plan = _plan(region)
    return plan is not None and len(national) in plan.lengths and plan.valid.fullmatch(national) is not None


def international(digits: str) -> bool:
    """Whether country code and length of `digits` (without +) fit a numbering plan."""
    for n in (1, 2, 3):
        for region in COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:n] or 0), ()):
            plan = _plan(region)
            national = digits[n:]
            if plan is None:
                continue
            spoken = national.removeprefix(plan.trunk) if plan.trunk else national
            if len(national) in plan.lengths or len(spoken) in plan.lengths:
                return True
    return False


@cache
def _trunks(regions: tuple[str, ...]) -> tuple[str, ...]:
    """The trunk prefixes of `regions`, the longest first, the empty one last."""
    plans = [plan for region in regions if (plan := _plan(region))]
    return tuple(sorted({plan.trunk for plan in plans} | {""}, key=lambda trunk: (-len(trunk), trunk)))


@cache
def _nationals(regions: tuple[str, ...], trunk: str | None, length: int) -> re.Pattern[str] | None:
    """One expression, a group a region, for the numbers of `length` digits after `trunk` (None: whatever the trunk)."""
    plans = [(region, plan) for region in regions if (plan := _plan(region)) and length in plan.lengths]
    parts = [f"(?P<{region}>{plan.valid.pattern})" for region, plan in plans if trunk in (None, plan.trunk)]
    return re.compile("|".join(parts)) if parts else None


def _with_country(digits: str, regions: tuple[str, ...], *, need_trunk: bool) -> str | None:
    """`digits` of a national format as +country code and number, if they are a number of one of `regions`."""
    readings: list[tuple[str | None, int]] = [(t, len(t)) for t in _trunks(regions) if digits.startswith(t)]
    for trunk, n_dropped in readings if need_trunk else [*readings, (None, 0)]:
        pattern = _nationals(regions, trunk, len(digits) - n_dropped)
        found = pattern.fullmatch(digits, n_dropped) if pattern else None
        plan = _plan(found.lastgroup) if found and found.lastgroup else None
        if plan:
            return f"+{plan.country_code}{digits[n_dropped:]}"
    return None


def phones_in(run: NumberRun, regions: tuple[str, ...], firsts: Iterable[int]) -> Iterator[Match]:
    """The phone numbers that begin at the groups `firsts` of `run`, from the left, the longest first."""
    after = 0
    for first in firsts:
        if first >= after and (found := _phone_at(run, first, regions)):
            last, match = found
            yield match
            after = last + 1


def _phone_at(run: NumberRun, first: int, regions: tuple[str, ...]) -> tuple[int, Match] | None:
    lead = run.lead(first)
    plus = "+" in lead
    # In sums, a + stands before a space and a bracket opens far from where it closes.
    if lead.endswith(" ") and (first + 1 >= len(run.groups) or run.length(first) > MAX_COUNTRY_CODE_DIGITS):
        return None
    bracket = "(" in lead and first + 1 < len(run.groups) and ")" in run.gap(first + 1)
    if not _may_start(run, first, lead) or (not plus and not run.starts_apart(first)):
        return None
    start = run.groups[first][0]
    for last in reversed(_ends(run, first)):
        end = run.groups[last][1]
        spelled = run.text[start:end]
        if _DATE.search(spelled) or _DATE_WITH_SLASHES.search(spelled):
            continue
        digits = _digits(run, first, last, spelled)
        # The word is next to the number: only the first group of a run can have one before it, the last one after it.
        beside = first == 0 or last == len(run.groups) - 1
        number = _international(digits, plus=plus, apart=last > first)
        if number is None and not plus:
            number = _national(digits, spelled, regions, apart=last > first, bracket=bracket, worded=False)
            if number is None and beside and says_phone(run.text, start - len(lead), end):
                number = _national(digits, spelled, regions, apart=last > first, bracket=bracket, worded=True)
        if number:
            return last, Match(start - len(lead), end + run.extension(last), Kind.PHONE, number)
    return None


def _international(digits: str, *, plus: bool, apart: bool) -> str | None:
    """The number behind + or 00, if its country code and length fit."""
    if plus:
        return f"+{digits}" if international(digits) else None
    return f"+{digits[2:]}" if digits.startswith("00") and apart and international(digits[2:]) else None


def _may_start(run: NumberRun, first: int, lead: str) -> bool:
    """Whether a number can begin at group `first`, decided cheaply: most groups of most runs cannot."""
    start = run.groups[first][0]
    near_an_end = first == 0 or first + _MAX_GROUPS >= len(run.groups)
    return bool(lead) or run.text[start] in "01" or run.length(first) == len("201") or near_an_end


def _ends(run: NumberRun, first: int) -> list[int]:
    """The groups at which a number that begins at `first` can end."""
    n_digits, ends = 0, []
    for last in range(first, min(first + _MAX_GROUPS, len(run.groups))):
        n_digits += run.length(last)
        if n_digits > MAX_DIGITS + len("000") or (last > first and _is_break(run, last)):
            break
        whole = last == first or run.length(last) > 1  # the last digit alone is a fraction or a footnote
        apart = run.ends_apart(last) or phone_word_follows(run.text, run.groups[last][1])
        if n_digits >= MIN_DIGITS and apart and whole:
            ends.append(last)
    return ends


def _is_break(run: NumberRun, group: int) -> bool:
    """Whether another number begins at `group`, or it is the fraction of one."""
    gap = run.gap(group)
    return "+" in gap or (gap == "." and run.length(group) >= _MIN_FRACTION_DIGITS)


def _digits(run: NumberRun, first: int, last: int, spelled: str) -> str:
    """The digits to dial; the (0) of `+44 (0)20` is for callers from inside."""
    digits = run.digits(first, last)
    place = spelled.find("(0)")
    n_before = sum(c.isdigit() for c in spelled[:place]) if place > 0 else 0
    return digits[:n_before] + digits[n_before + 1 :] if place > 0 else digits


def _national(
    digits: str, spelled: str, regions: tuple[str, ...], *, apart: bool, bracket: bool, worded: bool
) -> str | None:
    """The number in a national format, as +country code and digits where its country is known, else its digits."""
    if len(digits) > MAX_DIGITS:
        return None
    trunk = spelled[0] == "0" and spelled[1].isdigit()
    trunk_or_bracket = apart and (trunk or bracket) and len(digits) >= 9
    north_american = _NORTH_AMERICAN.fullmatch(spelled) is not None
    if not (trunk_or_bracket or north_american or worded):
        return None
    need_trunk = not (north_american or bracket or worded)
    known = _with_country(digits, regions, need_trunk=need_trunk)
    return known or (digits if worded or north_american else None)
