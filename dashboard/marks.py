"""Marks of scores on a text: from offsets in code points to pieces that need no offsets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from collector.call import Message
from collector.score import Score


class Mark(NamedTuple):
    """Code points of the answer, end exclusive; `evaluator` and `kind` say what about them."""

    start: int
    end: int
    evaluator: str
    kind: str


class Segment(NamedTuple):
    """A piece of a text; without `marks` it is plain."""

    text: str
    marks: tuple[Mark, ...] = ()


def marks_of(scores: Iterable[Score]) -> list[Mark]:
    return [
        Mark(int(mark["start"]), int(mark["end"]), score.evaluator, str(mark.get("kind") or ""))
        for score in scores
        for mark in score.marks
    ]


def segments(text: str, marks: Sequence[Mark], *, offset: int = 0) -> list[Segment]:
    """`text` in pieces that join to it again. `offset` is its place in what the marks speak of.

    Marks may overlap, and what reaches outside the text is left out: an answer may have been cut after it was scored.
    """
    inside = [
        mark._replace(start=max(mark.start - offset, 0), end=min(mark.end - offset, len(text)))
        for mark in marks
        if mark.start - offset < len(text) and mark.end - offset > 0 and mark.start < mark.end
    ]
    cuts = sorted({0, len(text)} | {edge for mark in inside for edge in (mark.start, mark.end)})
    return [
        Segment(text[start:end], tuple(mark for mark in inside if mark.start <= start and end <= mark.end))
        for start, end in pairwise(cuts)
    ]


def placed_parts(messages: Sequence[Message]) -> Iterator[tuple[Message, list[tuple[Mapping[str, Any], int]]]]:
    """Each message with its parts and their places in `Call.output_text`, which the marks of scores count in."""
    offset = 0
    for message in messages:
        placed = []
        for part in message.get("parts") or ():
            placed.append((part, offset))
            if part.get("type") == "text":
                offset += len(str(part.get("content") or ""))
        yield message, placed
        offset += 1  # the line break between messages
