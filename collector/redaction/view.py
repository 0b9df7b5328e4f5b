"""A text with its escapes undone that knows where each of its characters came from.

A find is made in the readable text and cut out of the text as it was sent: all around it stays as it was.
"""

import re
from bisect import bisect_right
from typing import Final, NamedTuple

_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[\"\\/bfnrt])"
)
_SIMPLE: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class View(NamedTuple):
    """`text` stands in `parent.text` from `base` on, or in the cell itself if there is no parent.

    `places[i]` is where a stretch of `text` begins, `sources[i]` where it begins in the parent (counted from `base`);
    within a stretch both run in step. Empty: no escape was undone.
    """

    text: str
    parent: "View | None" = None
    base: int = 0
    places: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()

    def origin(self, place: int) -> int:
        """Where character `place` of `text` (or its end) stands in the cell."""
        if self.places:
            i = bisect_right(self.places, place) - 1
            place = self.sources[i] + place - self.places[i]
        place += self.base
        return self.parent.origin(place) if self.parent else place


def part(view: View, start: int, end: int) -> View:
    """`view.text[start:end]` with the JSON escapes undone."""
    return _undone(view, start, view.text[start:end])


def undone(view: View) -> View:
    """`view` without escapes, those of JSON within JSON (`\\\\u0040`) included: for texts that are not whole JSON."""
    for _ in range(4):
        if "\\" not in view.text:
            break
        simpler = _undone(view, 0, view.text)
        if simpler.text == view.text:
            break
        view = simpler
    return view


def _undone(parent: View, base: int, text: str) -> View:
    if "\\" not in text:
        return View(text, parent, base)
    pieces: list[str] = []
    places, sources = [0], [0]
    place = source = 0
    for found in _ESCAPE.finditer(text):
        start, end = found.span()
        if start > source:
            pieces.append(text[source:start])
            place += start - source
        places.append(place)
        sources.append(start)
        pieces.append(_char(found.group()))
        place, source = place + 1, end
        places.append(place)
        sources.append(end)
    pieces.append(text[source:])
    return View("".join(pieces), parent, base, tuple(places), tuple(sources))


def _char(escape: str) -> str:
    if escape[1] != "u":
        return _SIMPLE.get(escape[1], escape[1])
    if len(escape) > 6:
        high, low = int(escape[2:6], 16), int(escape[8:], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    # Half a character, as cutting by UTF-16 length leaves it: no table can hold it.
    return _SURROGATE.sub("\ufffd", chr(int(escape[2:], 16)))
