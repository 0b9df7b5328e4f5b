"""The groups of digits of a text as columns, and which stand in one run, such as `4111-1111-1111-1111 12/29`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from collector.redaction.byte_column import Bools, Ints
from collector.redaction.number_run import BETWEEN

_MAX_GAP: Final = 4
_LAST_CODE: Final = max(map(ord, BETWEEN)) + 1
"""Characters above are no separators, and all the same here."""
_IS_BETWEEN: Final = np.isin(np.arange(_LAST_CODE + 1), [ord(char) for char in BETWEEN])
_DOUBLED: Final = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.int8)


def codes_among(chars: str) -> Bools:
    """Which codes of a gap are one of `chars`, for `Groups.gap`."""
    return np.isin(np.arange(_LAST_CODE + 1), [ord(char) for char in chars])


@dataclass(frozen=True)
class Groups:
    """One entry a group, shape (n_groups,): group `i` is `text[starts[i]:ends[i]]`."""

    codes: npt.NDArray[np.uint32]
    """Of the characters of the text."""
    starts: Ints
    ends: Ints
    is_joined: Bools
    """Whether one to four separators stand between it and the group before, and nothing else."""
    gap: Ints
    """The code of a separator that stands there alone; 0 for none or several."""

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def lengths(self) -> Ints:
        return self.ends - self.starts

    @cached_property
    def run_starts(self) -> Ints:
        """The first group of each run."""
        return np.flatnonzero(~self.is_joined)

    @cached_property
    def run_of(self) -> Ints:
        """The run of each group."""
        return np.cumsum(~self.is_joined) - 1

    @cached_property
    def _first_digit(self) -> Ints:
        """The place of each group's first digit among all digits."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def _digits(self) -> npt.NDArray[np.int8]:
        is_digit = (self.codes - np.uint32(ord("0"))) < 10
        return (self.codes[is_digit] - np.uint32(ord("0"))).astype(np.int8)

    @cached_property
    def _luhn_sums(self) -> tuple[Ints, Ints]:
        """Sums of the digits before each place, with every second one doubled: those in odd places, those in even."""
        odd = np.arange(len(self._digits)) % 2 == 1
        both = (np.where(odd == side, _DOUBLED[self._digits], self._digits) for side in (True, False))
        sums = [np.concatenate(([0], np.cumsum(digits, dtype=np.int64))) for digits in both]
        return sums[0], sums[1]

    def passes_luhn(self, first: Ints, n_digits: int) -> Bools:
        """Whether the `n_digits` digits from each of the groups `first` on have Luhn's check digit."""
        begin = self._first_digit[first]
        end = begin + n_digits
        odd, even = (sums[end] - sums[begin] for sums in self._luhn_sums)
        passes: Bools = np.where(end % 2 == 0, even, odd) % 10 == 0  # the last digit counts once
        return passes

    def heads(self, first: Ints) -> Ints:
        """The first four digits from each of the groups `first` on, as a number; there are as many."""
        begin = self._first_digit[first]
        head = np.zeros(len(first), np.int64)
        for place in range(4):
            head = head * 10 + self._digits[begin + place]
        return head

    def spans(self, first: int, end: int) -> tuple[tuple[int, int], ...]:
        """Where the groups from `first` to before `end` stand."""
        return tuple(zip(self.starts[first:end].tolist(), self.ends[first:end].tolist(), strict=True))


def groups_of(text: str) -> Groups:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    is_digit = (codes - np.uint32(ord("0"))) < 10
    edges = np.flatnonzero(np.diff(is_digit, prepend=False, append=False))
    starts, ends = edges[0::2], edges[1::2]
    gaps = starts[1:] - ends[:-1]
    # Of a short gap, all characters are looked at; where it is shorter than four, the last one again.
    near = gaps <= _MAX_GAP
    between = np.minimum(codes, _LAST_CODE)
    for place in range(_MAX_GAP):
        at = ends[:-1] + np.minimum(place, gaps - 1)
        near &= _IS_BETWEEN[between[at]]
    single = np.where(near & (gaps == 1), between[ends[:-1]], 0).astype(np.int64)
    none = np.zeros(min(len(starts), 1), bool)
    return Groups(codes, starts, ends, np.concatenate((none, near)), np.concatenate((none.astype(np.int64), single)))


def matching(groups: Groups, lengths: Sequence[int], gaps: Bools, begins: Ints) -> Ints:
    """Those of the groups `begins` from which on the groups have `lengths`, with single separators of `gaps` between.

    Args:
        begins: groups of the first length, ascending.
    """
    found = begins[begins + len(lengths) <= len(groups)]
    for place, length in enumerate(lengths[1:], start=1):
        at = found + place
        found = found[(groups.lengths[at] == length) & gaps[groups.gap[at]]]
    return found


def alone(groups: Groups, first: Ints, n_groups: int) -> Ints:
    """Those of `first` without a group before or after them that the separator of their first two groups joins."""
    if n_groups == 1:
        return first
    gap = groups.gap[first + 1]
    after = np.minimum(first + n_groups, len(groups) - 1)
    follows = (first + n_groups < len(groups)) & (groups.gap[after] == gap)
    found: Ints = first[~follows & (groups.gap[first] != gap)]
    return found
