"""Cards, phone numbers and the national numbers that are digits only: all of them are found in runs of digit groups."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from collector.redaction import checksums
from collector.redaction.detector import Detector
from collector.redaction.kinds import Kind
from collector.redaction.match import Match
from collector.redaction.nearby import says
from collector.redaction.number_run import ANCHOR, MIN_DIGITS, NumberRun
from collector.redaction.phone import phones_in

_HYPHENS_AND_SPACES: Final = re.compile(r"[ \u00a0\u2007\u2009\u202f]|[-\u2010\u2011\u2013]")

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
    gaps: str = r"[ \u00a0\u202f-]"
    check: Callable[[str], bool]
    worded: bool = False
    alone: bool = True


def _shapes() -> tuple[_Shape, ...]:
    cards = [(4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1), (4, 4, 4, 4), (4, 4, 4, 1), (4, 6, 5), (4, 6, 4)]
    spaced = r"[ \u00a0\u202f]"
    return (
        *(_Shape(kind=Kind.CARD, lengths=(n,), check=is_card, alone=False) for n in range(12, 20)),
        *(_Shape(kind=Kind.CARD, lengths=lengths, check=is_card, alone=False) for lengths in cards),
        _Shape(kind=Kind.US_SSN, lengths=(3, 2, 4), gaps="-", check=checksums.ssn),
        _Shape(kind=Kind.US_SSN, lengths=(3, 2, 4), gaps=r"[ .]", check=checksums.ssn, worded=True),
        _Shape(kind=Kind.US_SSN, lengths=(9,), check=checksums.ssn, worded=True),
        _Shape(kind=Kind.UK_NHS, lengths=(3, 3, 4), check=checksums.nhs, worded=True),
        _Shape(kind=Kind.UK_NHS, lengths=(10,), check=checksums.nhs, worded=True),
        _Shape(kind=Kind.DE_STEUER_ID, lengths=(11,), check=checksums.steuer_id),
        _Shape(kind=Kind.DE_STEUER_ID, lengths=(2, 3, 3, 3), gaps=spaced, check=checksums.steuer_id),
        _Shape(kind=Kind.FR_NIR, lengths=(15,), check=checksums.nir),
        _Shape(kind=Kind.FR_NIR, lengths=(13, 2), gaps=spaced, check=checksums.nir),
        _Shape(kind=Kind.FR_NIR, lengths=(1, 2, 2, 2, 3, 3, 2), gaps=spaced, check=checksums.nir),
        _Shape(kind=Kind.NL_BSN, lengths=(9,), check=checksums.bsn, worded=True),
        _Shape(kind=Kind.NL_BSN, lengths=(4, 2, 3), gaps=r"[ .]", check=checksums.bsn, worded=True),
        _Shape(kind=Kind.NL_BSN, lengths=(3, 3, 3), gaps=r"[ .]", check=checksums.bsn, worded=True),
        _Shape(kind=Kind.PL_PESEL, lengths=(11,), check=checksums.pesel, worded=True),
        _Shape(kind=Kind.IN_AADHAAR, lengths=(12,), check=_aadhaar, worded=True),
        _Shape(kind=Kind.IN_AADHAAR, lengths=(4, 4, 4), check=_aadhaar),
        _Shape(kind=Kind.BR_CPF, lengths=(11,), check=checksums.cpf, worded=True),
        _Shape(kind=Kind.BR_CPF, lengths=(3, 3, 3, 2), gaps=r"[.-]", check=checksums.cpf),
        _Shape(kind=Kind.CA_SIN, lengths=(9,), check=_sin, worded=True),
        _Shape(kind=Kind.CA_SIN, lengths=(3, 3, 3), check=_sin, worded=True),
    )


def _aadhaar(digits: str) -> bool:
    return digits[0] not in "01" and checksums.verhoeff(digits)


def _sin(digits: str) -> bool:
    return digits[0] not in "08" and checksums.luhn(digits)


_SHAPES: Final = _shapes()
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def _shapes_by_first_length(kinds: Collection[str]) -> Mapping[int, tuple[_Shape, ...]]:
    chosen = [shape for shape in _SHAPES if shape.kind in kinds]
    firsts = {shape.lengths[0] for shape in chosen}
    return {
        first: tuple(sorted((s for s in chosen if s.lengths[0] == first), key=lambda s: -sum(s.lengths)))
        for first in firsts
    }


def _fits(run: NumberRun, first: int, shape: _Shape) -> str | None:
    """The digits, if the groups from `first` on, whose lengths are those of `shape`, stand alone and pass its check."""
    last = first + len(shape.lengths) - 1
    gaps = [run.gap(g) for g in range(first + 1, last + 1)]
    if any(len(gap) != 1 or not re.match(shape.gaps, gap) for gap in gaps):
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


def _shaped(run: NumberRun, shapes: Mapping[int, tuple[_Shape, ...]]) -> Iterator[Match]:
    lengths = tuple(end - start for start, end in run.groups)
    for first, length in enumerate(lengths):
        for shape in shapes.get(length, ()):
            written_so = lengths[first : first + len(shape.lengths)] == shape.lengths
            if written_so and (digits := _fits(run, first, shape)):
                last = first + len(shape.lengths) - 1
                yield Match(run.groups[first][0], run.groups[last][1], shape.kind, digits)


KINDS: Final = frozenset({*(shape.kind for shape in _SHAPES), Kind.PHONE})


def numbers(kinds: Collection[str], phone_regions: tuple[str, ...]) -> Detector:
    """The detector of those of `kinds` that are digits only."""
    shapes = _shapes_by_first_length(kinds)

    def judge(text: str, start: int, end: int) -> Iterator[Match]:
        if end - start < MIN_DIGITS:
            return
        if start and text[start - 1].isalnum() and _UUID.search(text, max(0, start - 36), end + 36):
            return
        if _UUID.fullmatch(text[start:end]):
            return
        run = NumberRun.at(text, start, end)
        yield from _shaped(run, shapes)
        if Kind.PHONE in kinds:
            yield from phones_in(run, phone_regions)

    return Detector(min_length=MIN_DIGITS, kinds=KINDS, prefilter={}, anchor=ANCHOR, judge=judge)
