"""Cards, phone numbers and the national numbers that are digits only: all of them are found in runs of digit groups.

Arithmetic on all groups of a text (`digit_groups`) says where a number could stand; what is left is judged one by one.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np

from collector.redaction import checksums
from collector.redaction.byte_column import Ints
from collector.redaction.digit_groups import Groups, alone, codes_among, groups_of, matching
from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.nearby import says
from collector.redaction.number_run import NumberRun
from collector.redaction.phone_runs import phones_of
from collector.redaction.places import Places
from collector.redaction.texts import Joined

# First digits of the card networks, with the lengths of their numbers. Source: ISO/IEC 7812 ranges as published by the
# networks; Maestro's 12 and 13 digits only with its own prefixes.
_CARDS: Final = (
    (re.compile(r"4"), frozenset({13, 16, 19})),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), frozenset({16})),
    (re.compile(r"3[47]"), frozenset({15})),
    (re.compile(r"30[0-5]|309|36|3[89]"), frozenset({14, 16, 19})),
    (re.compile(r"6011|64[4-9]|65|62|60|81|82"), frozenset({16, 17, 18, 19})),
    (re.compile(r"35"), frozenset({16, 17, 18, 19})),
    (re.compile(r"2131|1800"), frozenset({15})),
    (re.compile(r"50(?:18|20|38)|5[6-8]|6304|6390|67(?:59|6[1-3])|0604"), frozenset({12, 13, 14, 15, 16, 17, 18, 19})),
    (re.compile(r"220[0-4]"), frozenset({16, 17, 18, 19})),
)


def is_card(digits: str) -> bool:
    known = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _CARDS)
    return known and len(set(digits)) > 1 and checksums.luhn(digits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A way to write a number: lengths of its groups, what stands between them, whether a word must name it.

    `alone`: no further group of digits may follow or precede with the same gap, it would be a longer number.
    """

    kind: Kind
    lengths: tuple[int, ...]
    gaps: str = " \u00a0\u202f-"
    check: Callable[[str], bool]
    worded: bool = False
    alone: bool = True


def _shapes() -> tuple[_Shape, ...]:
    cards = [(4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1), (4, 4, 4, 4), (4, 4, 4, 1), (4, 6, 5), (4, 6, 4)]
    spaced = " \u00a0\u202f"
    return (
        *(_Shape(kind=Kind.CARD, lengths=(n,), check=is_card, alone=False) for n in range(12, 20)),
        *(_Shape(kind=Kind.CARD, lengths=lengths, check=is_card, alone=False) for lengths in cards),
        _Shape(kind=Kind.US_SSN, lengths=(3, 2, 4), gaps="-", check=checksums.ssn),
        _Shape(kind=Kind.US_SSN, lengths=(3, 2, 4), gaps=" .", check=checksums.ssn, worded=True),
        _Shape(kind=Kind.US_SSN, lengths=(9,), check=checksums.ssn, worded=True),
        _Shape(kind=Kind.UK_NHS, lengths=(3, 3, 4), check=checksums.nhs, worded=True),
        _Shape(kind=Kind.UK_NHS, lengths=(10,), check=checksums.nhs, worded=True),
        _Shape(kind=Kind.DE_STEUER_ID, lengths=(11,), check=checksums.steuer_id),
        _Shape(kind=Kind.DE_STEUER_ID, lengths=(2, 3, 3, 3), gaps=spaced, check=checksums.steuer_id),
        _Shape(kind=Kind.FR_NIR, lengths=(15,), check=checksums.nir),
        _Shape(kind=Kind.FR_NIR, lengths=(13, 2), gaps=spaced, check=checksums.nir),
        _Shape(kind=Kind.FR_NIR, lengths=(1, 2, 2, 2, 3, 3, 2), gaps=spaced, check=checksums.nir),
        _Shape(kind=Kind.NL_BSN, lengths=(9,), check=checksums.bsn, worded=True),
        _Shape(kind=Kind.NL_BSN, lengths=(4, 2, 3), gaps=" .", check=checksums.bsn, worded=True),
        _Shape(kind=Kind.NL_BSN, lengths=(3, 3, 3), gaps=" .", check=checksums.bsn, worded=True),
        _Shape(kind=Kind.PL_PESEL, lengths=(11,), check=checksums.pesel, worded=True),
        _Shape(kind=Kind.IN_AADHAAR, lengths=(12,), check=_aadhaar, worded=True),
        _Shape(kind=Kind.IN_AADHAAR, lengths=(4, 4, 4), check=_aadhaar),
        _Shape(kind=Kind.BR_CPF, lengths=(11,), check=checksums.cpf, worded=True),
        _Shape(kind=Kind.BR_CPF, lengths=(3, 3, 3, 2), gaps=".-", check=checksums.cpf),
        _Shape(kind=Kind.CA_SIN, lengths=(9,), check=_sin, worded=True),
        _Shape(kind=Kind.CA_SIN, lengths=(3, 3, 3), check=_sin, worded=True),
    )


def _aadhaar(digits: str) -> bool:
    return digits[0] not in "01" and checksums.verhoeff(digits)


def _sin(digits: str) -> bool:
    return digits[0] not in "08" and checksums.luhn(digits)


_SHAPES: Final = _shapes()
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@cache
def _card_lengths() -> Ints:
    """By the first four digits of a number, the lengths that a card beginning so may have: a bit for each."""
    heads = (f"{head:04d}" for head in range(10_000))
    known = ([lengths for prefix, lengths in _CARDS if prefix.match(head)] for head in heads)
    return np.array([sum(1 << n for n in frozenset().union(*lengths)) for lengths in known], np.int64)


def _fits(run: NumberRun, first: int, shape: _Shape) -> str | None:
    """The digits, if the groups from `first` on, whose lengths are those of `shape`, stand alone and pass its check."""
    last = first + len(shape.lengths) - 1
    gaps = [run.gap(g) for g in range(first + 1, last + 1)]
    if any(len(gap) != 1 or gap not in shape.gaps for gap in gaps):
        return None
    if not _stands_alone(run, first, last, set(gaps), shape):
        return None
    digits = run.digits(first, last)
    if not shape.check(digits) or (shape.worded and not says(shape.kind, run.text, run.groups[first][0])):
        return None
    return digits


def _stands_alone(run: NumberRun, first: int, last: int, gaps: set[str], shape: _Shape) -> bool:
    if shape.kind is Kind.CARD and len(shape.lengths) == 1 and shape.lengths[0] >= 13:
        # Long enough to be told from the group of a UUID: only a fraction or a letter makes it something else.
        before, after = run.before(first), run.after(last)
        return not (
            before.isalnum() or before == "." or after[:1].isalnum() or (after[:1] == "." and after[1:].isdigit())
        )
    if not run.starts_apart(first) or not run.ends_apart(last):
        return False
    if not shape.alone or not gaps:
        return True
    follows = last + 1 < len(run.groups) and run.gap(last + 1) in gaps
    return not follows and not (first and run.gap(first) in gaps)


KINDS: Final = frozenset({*(shape.kind for shape in _SHAPES), Kind.PHONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The detector of the kinds that are digits only."""

    shapes: tuple[_Shape, ...]
    phone_regions: tuple[str, ...] | None
    """None: phone numbers are not looked for."""
    kinds: frozenset[str] = KINDS
    prefilter: Mapping[str, str] = field(default_factory=dict)
    needs_digits: bool = False

    def matches(self, many: Joined, places: Places) -> Iterator[Match]:
        text = many.text
        groups = groups_of(text)
        if not len(groups):
            return
        is_uuid = _uuid_test(text, groups)
        for shape, firsts in _candidates(groups, self.shapes):
            places.take(len(firsts))
            for first in firsts.tolist():
                run = _around(text, groups, first, first + len(shape.lengths))
                place = int(groups.is_joined[first])
                if not is_uuid(first) and (digits := _fits(run, place, shape)):
                    last = place + len(shape.lengths) - 1
                    yield Match(run.groups[place][0], run.groups[last][1], shape.kind, digits)
        if self.phone_regions is not None:
            yield from phones_of(text, groups, self.phone_regions, places, is_uuid)


def numbers(kinds: Collection[str], phone_regions: tuple[str, ...]) -> Numbers:
    """The detector of those of `kinds` that are digits only."""
    shapes = tuple(shape for shape in _SHAPES if shape.kind in kinds)
    return Numbers(shapes=shapes, phone_regions=phone_regions if Kind.PHONE in kinds else None)


def _candidates(groups: Groups, shapes: Iterable[_Shape]) -> Iterator[tuple[_Shape, Ints]]:
    """The groups at which each of `shapes` could begin, by lengths, separators and Luhn's check digit."""
    begins: dict[int, Ints] = {}
    for shape in shapes:
        length, n_digits = shape.lengths[0], sum(shape.lengths)
        if length not in begins:
            begins[length] = np.flatnonzero(groups.lengths == length)
        if not len(begins[length]):
            continue
        firsts = matching(groups, shape.lengths, codes_among(shape.gaps), begins[length])
        if shape.alone:
            firsts = alone(groups, firsts, len(shape.lengths))
        if shape.kind in _WITH_LUHN and len(firsts):
            firsts = firsts[groups.passes_luhn(firsts, n_digits)]
        if shape.kind is Kind.CARD and len(firsts):
            firsts = firsts[_card_lengths()[groups.heads(firsts)] >> n_digits & 1 == 1]
        yield shape, firsts


_WITH_LUHN: Final = frozenset({Kind.CARD, Kind.CA_SIN})


def _around(text: str, groups: Groups, first: int, end: int) -> NumberRun:
    """The groups from `first` to before `end`, with those beside them that belong to the same run."""
    begin = first - int(groups.is_joined[first])
    end += int(end < len(groups) and groups.is_joined[end])
    spans = groups.spans(begin, end)
    return NumberRun(text, spans[0][0], spans[-1][1], spans)


def _uuid_test(text: str, groups: Groups) -> Callable[[int], bool]:
    """Whether the run of a group is one of a UUID, or of the digits in one."""

    @cache
    def is_uuid(run: int) -> bool:
        first = groups.run_starts[run]
        end = groups.run_starts[run + 1] if run + 1 < len(groups.run_starts) else len(groups)
        start, stop = int(groups.starts[first]), int(groups.ends[end - 1])
        if start and text[start - 1].isalnum():
            return _UUID.search(text, max(0, start - 36), stop + 36) is not None
        return stop - start == _UUID_CHARS and _UUID.fullmatch(text, start, stop) is not None

    return lambda group: is_uuid(int(groups.run_of[group]))


_UUID_CHARS: Final = 36
