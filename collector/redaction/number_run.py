"""A run of digit groups, such as `+41 (0)96 471 07 95` or `4111-1111-1111-1111 12/29`."""

import re
from dataclasses import dataclass
from typing import Final

# Spaces of all widths and hyphens of all kinds: people paste numbers from documents.
BETWEEN: Final = " \u00a0\u2007\u2009\u202f./()-\u2010\u2011\u2012\u2013\u2014\u2015\u2212+"

_LEAD = re.compile(r"(?:\(?\+ ?\(?|\()$")
_EXTENSION = re.compile(r" ?(?:x|ext\.?|#) ?[0-9]{1,6}(?![0-9A-Za-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NumberRun:
    """`groups` are the places of the digit groups of `text[start:end]`."""

    text: str
    start: int
    end: int
    groups: tuple[tuple[int, int], ...]

    def length(self, group: int) -> int:
        start, end = self.groups[group]
        return end - start

    def digits(self, first: int, last: int) -> str:
        if first == last:
            return self.text[slice(*self.groups[first])]
        return "".join([self.text[start:end] for start, end in self.groups[first : last + 1]])

    def gap(self, group: int) -> str:
        """What stands between `group` and the one before it in this run; empty for the first."""
        return self.text[self.groups[group - 1][1] : self.groups[group][0]] if group else ""

    def lead(self, group: int) -> str:
        """The + and brackets right before `group`."""
        before = self.gap(group) if group else self.text[max(0, self.start - 4) : self.start]
        found = _LEAD.search(before) if before[-1:] in ("+", "(", " ") else None
        return found.group() if found else ""

    def before(self, group: int) -> str:
        """The character before `group` and its lead."""
        place = self.groups[group][0] - len(self.lead(group))
        return self.text[place - 1 : place] if place else ""

    def after(self, group: int) -> str:
        """Up to two characters after `group`."""
        return self.text[self.groups[group][1] : self.groups[group][1] + 2]

    def starts_apart(self, group: int) -> bool:
        """Whether `group` can begin a number: nothing is joined to it on the left."""
        before = self.before(group)
        return not before.isalnum() and before not in _JOINING

    def ends_apart(self, group: int) -> bool:
        """Whether `group` can end a number."""
        if self.extension(group):
            return True
        after = self.after(group)
        return not after[:1].isalnum() and not (after[:1] in _JOINING and after[1:].isalnum())

    def extension(self, group: int) -> int:
        """Length of an extension such as " x123" after `group`."""
        end = self.groups[group][1]
        if self.text[end : end + 1] not in (" ", "x", "X", "e", "E", "#"):
            return 0
        found = _EXTENSION.match(self.text, end)
        return found.end() - found.start() if found else 0


_JOINING = frozenset(".-/\u2010\u2011")
"""What ties two groups into one number, or a group to a word; a space does not."""
