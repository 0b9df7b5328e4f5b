"""The runs of digit groups that could hold a phone number, by arithmetic on all of a text at once."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from collector.redaction.byte_column import Bools, Ints
from collector.redaction.digit_groups import Groups
from collector.redaction.match import Match
from collector.redaction.nearby import REACH, says_phone
from collector.redaction.number_run import NumberRun
from collector.redaction.phone import MIN_DIGITS, phones_in
from collector.redaction.places import Places

MAX_RUN_GROUPS: Final = 60
"""A longer run of groups with nothing but separators between is a table: only numbers with + are looked for."""
_LEAD_REACH: Final = 4
_WORD_LETTERS: Final = 3
"""Of the shortest word that calls a number a phone number."""


def phones_of(
    text: str, groups: Groups, regions: tuple[str, ...], places: Places, is_uuid: Callable[[int], bool]
) -> Iterator[Match]:
    """The phone numbers in `text`. `is_uuid`: whether the run of a group is part of a UUID."""
    ends = np.append(groups.run_starts[1:], len(groups))
    n_digits = np.add.reduceat(groups.lengths, groups.run_starts)
    is_table = ends - groups.run_starts > MAX_RUN_GROUPS
    may_be = (n_digits >= MIN_DIGITS) & ~is_table
    written_so, worded = _written_as_phones(groups, ends), _beside_letters(groups, ends)
    for run in np.flatnonzero(may_be & (written_so | worded)).tolist():
        first, end = int(groups.run_starts[run]), int(ends[run])
        places.take()
        if not written_so[run] and not says_phone(text, int(groups.starts[first]), int(groups.ends[end - 1])):
            continue
        places.take(end - first)
        if not is_uuid(first):
            yield from phones_in(_run(text, groups, first, end), regions, range(end - first))
    for run in np.flatnonzero(is_table).tolist():
        first, end = int(groups.run_starts[run]), int(ends[run])
        led = np.flatnonzero(_with_plus(groups, first, end)) + 1
        places.take(len(led))
        if len(led) and not is_uuid(first):
            yield from phones_in(_run(text, groups, first, end), regions, led.tolist())


def _run(text: str, groups: Groups, first: int, end: int) -> NumberRun:
    spans = groups.spans(first, end)
    return NumberRun(text, spans[0][0], spans[-1][1], spans)


def _counts(of: Bools) -> Ints:
    """How many characters before each place are among `of`, shape (n_chars + 1,)."""
    return np.concatenate(([0], np.cumsum(of, dtype=np.int32)))


def _with_plus(groups: Groups, first: int, end: int) -> Bools:
    """Whether a + stands before each group of one run but the first."""
    begin, stop = int(groups.starts[first]), int(groups.ends[end - 1])
    n_plus = _counts(groups.codes[begin:stop] == ord("+"))
    found: Bools = n_plus[groups.starts[first + 1 : end] - begin] > n_plus[groups.ends[first : end - 1] - begin]
    return found


def _written_as_phones(groups: Groups, ends: Ints) -> Bools:
    """Which runs have what tells a phone number without a word beside it: + or a bracket, a trunk prefix, or the groups
    of American numbers."""
    begins, stops = groups.starts[groups.run_starts], groups.ends[ends - 1]
    n_leads = _counts((groups.codes == ord("+")) | (groups.codes == ord("(")))
    is_led = n_leads[stops] > n_leads[np.maximum(begins - _LEAD_REACH, 0)]
    has_trunk = (groups.codes[groups.starts] == ord("0")) & (groups.lengths > 1)
    previous = np.where(groups.is_joined, np.roll(groups.lengths, 1), 0)
    is_american = (groups.lengths == 4) & ((previous == 3) | (previous == 6))
    told: Bools = np.logical_or.reduceat(has_trunk | is_american, groups.run_starts)
    return is_led | told


def _beside_letters(groups: Groups, ends: Ints) -> Bools:
    """Which runs have enough letters before or after them for a word."""
    begins, stops = groups.starts[groups.run_starts], groups.ends[ends - 1]
    n_letters = _counts(((groups.codes | 0x20) - np.uint32(ord("a"))) < 26)
    before = n_letters[begins] - n_letters[np.maximum(np.append(0, stops[:-1]), begins - REACH)]
    after = n_letters[np.minimum(np.append(begins[1:], len(groups.codes)), stops + REACH)] - n_letters[stops]
    beside: Bools = (before >= _WORD_LETTERS) | (after >= _WORD_LETTERS)
    return beside
