"""Which texts hold digits that could be a number of a person, by arithmetic on the bytes of a whole column.

An expression that counts digits and separators in many ways has thousands of states, and pyarrow builds them anew at
every call. Here the places of digits are found by comparing bytes, and everything after works on the few of them.

A run is a stretch of digits, a chain is runs with separators between them, such as `4111 1111 1111 1111`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from collector.redaction.byte_column import Bools, ByteColumn, Bytes, Ints
from collector.redaction.kinds import Kind

MIN_DIGITS: Final = 4
"""No number has fewer; 1.2.3.4 has four."""
MIN_NAMED_DIGITS: Final = 7
"""What a chain needs to be a number when a word beside it says so."""
_MIN_GROUPED_DIGITS: Final = 9
_MAX_BACKSLASHES: Final = 16
_MAX_GAP: Final = 4
_MAX_WIDE_GAP: Final = 9
_MIN_FRACTION_DIGITS: Final = 6
_ESCAPE_DIGITS: Final = 4

_LETTER: Final = np.array([chr(b).isalpha() and b < 128 for b in range(256)])
_SEPARATOR: Final = np.array([chr(b) in " .-()/+\\" or b >= 128 for b in range(256)])


@dataclass(frozen=True, slots=True)
class Chains:
    """One entry a chain. `row`: whose text; `n_digits`, `n_runs`, `n_points` (single points between runs) in it.

    `first_run`: length of its first run; `head`: its first two digits as a number, -1 if there is only one; `lead`: the
    byte before it.
    """

    row: Ints
    n_digits: Ints
    n_runs: Ints
    n_points: Ints
    first_run: Ints
    head: Ints
    lead: Bytes


@dataclass(frozen=True, slots=True)
class Runs:
    """Where the stretches of digits start and end, and the text that each belongs to."""

    starts: Ints
    ends: Ints
    row: Ints


def runs_of(column: ByteColumn) -> Runs:
    data = column.data
    if not len(data):
        none = np.zeros(0, np.int64)
        return Runs(none, none, none)
    is_digit = (data - np.uint8(ord("0"))) < np.uint8(10)
    edges = np.flatnonzero(is_digit[1:] != is_digit[:-1]) + 1
    if is_digit[0]:
        edges = np.insert(edges, 0, 0)
    if is_digit[-1]:
        edges = np.append(edges, len(data))
    starts = edges[0::2]
    # Texts are long and runs many: cheaper than a search for each run.
    row = np.repeat(np.arange(len(column)), np.diff(np.searchsorted(starts, column.offsets)))
    return Runs(starts, edges[1::2], row)


def with_many_digits(column: ByteColumn, runs: Runs) -> Bools:
    """The texts with `MIN_DIGITS` digits or more, wherever they stand; others hold no number of a person."""
    n_digits = np.bincount(runs.row, runs.ends - runs.starts, len(column))
    hits: Bools = n_digits >= MIN_DIGITS
    return hits | touching(column)


def with_escaped_gaps(column: ByteColumn, runs: Runs) -> Ints:
    """The texts in which a wide space or hyphen, written as an escape such as \\u00a0 or \\u2011, follows a digit.

    The digits of the escape are runs themselves; within JSON in JSON there are more backslashes.
    """
    if not len(runs.ends):
        return runs.row
    last = len(column.data) - 1
    at, row = np.minimum(runs.ends, last), runs.row
    kept = column.data[at] == ord("\\")
    at, row = at[kept], row[kept]
    for _ in range(_MAX_BACKSLASHES):
        at = np.minimum(at + (column.data[at] == ord("\\")), last)
    after = [column.data[np.minimum(at + n, last)] for n in range(4)]
    latin = (after[1] == ord("0")) & (after[2] == ord("0")) & ((after[3] | 0x20) == ord("a"))
    wide = (after[1] == ord("2")) & (after[2] == ord("0"))
    escaped: Ints = row[(after[0] == ord("u")) & (latin | wide)]
    return escaped


def behind_escapes(column: ByteColumn, runs: Runs) -> Ints:
    """The texts in which an escape such as \\u00a0 or \\u2019 stands right before a number.

    The last digits of the escape and the number are one run, in which no rule would know the number.
    """
    long = runs.ends - runs.starts > MIN_NAMED_DIGITS
    starts, lengths, row = runs.starts[long], (runs.ends - runs.starts)[long], runs.row[long]
    first = column.offsets[row]
    found = np.zeros(len(starts), bool)
    for n_inside in range(1, _ESCAPE_DIGITS + 1):  # so many of its digits are in the run
        at = starts - 1 - (_ESCAPE_DIGITS - n_inside)
        is_escape = (column.data[at] == ord("u")) & (column.data[at - 1] == ord("\\")) & (at > first)
        found |= is_escape & (lengths - n_inside >= MIN_NAMED_DIGITS)
    return row[found]


def of_rows(runs: Runs, chosen: Bools) -> Runs:
    """Those of `runs` that stand in the texts `chosen`."""
    kept = chosen[runs.row]
    return Runs(runs.starts[kept], runs.ends[kept], runs.row[kept])


def chains_of(column: ByteColumn, runs: Runs) -> Chains:
    """The chains of digits in `column`. Runs after a letter are left out.

    Two texts that touch with digits may count as one chain of the first; `touching` tells which.
    """
    data, offsets = column.data, column.offsets
    kept = ~_follows_letter(data, runs.starts, offsets[runs.row])
    starts, ends, row = runs.starts[kept], runs.ends[kept], runs.row[kept]
    if not len(starts):
        none = np.zeros(0, np.int64)
        return Chains(none, none, none, none, none, none, none.astype(np.uint8))
    lengths = ends - starts
    joined = _joined(data, starts, ends, row, lengths)
    first = np.flatnonzero(np.concatenate([[True], ~joined]))
    point = np.concatenate([joined & (starts[1:] - ends[:-1] == 1) & (data[ends[:-1]] == ord(".")), [False]])
    begin = starts[first]
    second = data[np.minimum(begin + 1, len(data) - 1)].astype(np.int64) - ord("0")
    head = (data[begin].astype(np.int64) - ord("0")) * 10 + second
    return Chains(
        row=row[first],
        n_digits=np.add.reduceat(lengths, first),
        n_runs=np.diff(np.append(first, len(starts))),
        n_points=np.add.reduceat(point.astype(np.int64), first),
        first_run=lengths[first],
        head=np.where(lengths[first] > 1, head, -1),
        lead=np.where(begin > offsets[row[first]], data[np.maximum(begin - 1, 0)], 0).astype(np.uint8),
    )


def rows_with_numbers(chains: Chains, kinds: Collection[str], n_rows: int) -> Bools:
    """The rows that hold a chain which could be of one of `kinds` by its form alone."""
    hits = np.zeros(n_rows, bool)
    for chosen in _rules(chains, kinds):
        hits[chains.row[chosen]] = True
    return hits


def rows_with_digits(chains: Chains, n_rows: int) -> Bools:
    """The rows in which a word beside a chain could make it a number."""
    hits = np.zeros(n_rows, bool)
    hits[chains.row[(chains.n_digits >= MIN_NAMED_DIGITS) & ~_is_date(chains)]] = True
    return hits


def _rules(chains: Chains, kinds: Collection[str]) -> list[Bools]:
    n_digits = chains.n_digits
    single = (chains.n_runs == 1) & (chains.lead != ord("."))  # after a point it is a fraction
    grouped = (chains.n_runs > 1) & (n_digits >= _MIN_GROUPED_DIGITS) & ~_is_date(chains)
    digit = chains.head // 10
    rules: list[Bools] = []
    if Kind.CARD in kinds:
        # Unix times begin with 1, in every unit; of the cards, only old ones of JCB do.
        known = ((digit >= 2) & (digit != 7) & (digit != 9)) | np.isin(chains.head, (6, 18))
        # 12 digits after a hyphen are the end of a UUID.
        enough = (n_digits >= 13) | ((n_digits == 12) & (chains.lead != ord("-")))
        rules += [single & enough & known, grouped & (n_digits >= 12)]
    if Kind.PHONE in kinds:
        led = (chains.lead == ord("+")) | (chains.lead == ord("("))
        rules += [led & (n_digits >= MIN_NAMED_DIGITS), grouped]
    if Kind.DE_STEUER_ID in kinds:
        rules.append(single & (n_digits == 11))
    if Kind.FR_NIR in kinds:
        rules.append(single & (n_digits == 15))
    if Kind.IP in kinds:
        rules.append(chains.n_points >= 3)
    if not _GROUPED.isdisjoint(kinds):
        rules.append(grouped)
    return rules


_GROUPED: Final = frozenset({Kind.US_SSN, Kind.DE_STEUER_ID, Kind.FR_NIR, Kind.IN_AADHAAR, Kind.BR_CPF})


def _is_date(chains: Chains) -> Bools:
    """2026-11-21, alone or with an hour after it."""
    years = (chains.head == 19) | (chains.head == 20)
    dated: Bools = (chains.first_run == 4) & years & (chains.n_digits <= 10)
    return dated & (chains.n_runs >= 3) & (chains.n_runs <= 4)


def _follows_letter(data: Bytes, starts: Ints, first: Ints) -> Bools:
    """Which runs come right after a letter of their text that is no escape such as `\\n` or `\\u00e9`."""
    after: Bools = (starts > first) & _LETTER[data[np.maximum(starts - 1, 0)]]
    doubtful = np.flatnonzero(after)
    at, first = starts[doubtful], first[doubtful]
    for back in range(2, 7):
        after[doubtful] &= ~((at - back >= first) & (data[np.maximum(at - back, 0)] == ord("\\")))
    return after


def _joined(data: Bytes, starts: Ints, ends: Ints, row: Ints, lengths: Ints) -> Bools:
    """Whether each run but the first belongs to the chain of the one before it."""
    gap = starts[1:] - ends[:-1]
    separator = data[ends[:-1]]
    fraction = (separator == ord(".")) & (lengths[1:] >= _MIN_FRACTION_DIGITS)
    wide = (separator >= 128) & (gap <= _MAX_WIDE_GAP)  # a no-break space is two or three bytes
    near = ((gap <= _MAX_GAP) | wide) & _SEPARATOR[separator] & _SEPARATOR[data[starts[1:] - 1]]
    inside = data[np.minimum(ends[:-1] + 1, starts[1:] - 1)], data[np.maximum(starts[1:] - 2, ends[:-1])]
    near &= _SEPARATOR[inside[0]] & _SEPARATOR[inside[1]]
    joined: Bools = near & (row[1:] == row[:-1]) & ~fraction
    return joined


def touching(column: ByteColumn) -> Bools:
    """Which texts end with a digit right before one that begins with a digit, in the memory of the column."""
    data, offsets = column.data, column.offsets
    hits = np.zeros(len(column), bool)
    inner = np.flatnonzero((offsets[1:-1] > 0) & (offsets[1:-1] < len(data)))
    cuts = offsets[1:-1][inner]
    if not len(cuts):
        return hits
    digits = [(data[at] - np.uint8(ord("0"))) < np.uint8(10) for at in (cuts - 1, cuts)]
    both = cuts[digits[0] & digits[1]]
    for side in (both - 1, both):
        hits[column.row(side)] = True
    return hits
