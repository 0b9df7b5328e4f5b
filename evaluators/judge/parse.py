"""From what the judge wrote to a verdict, or to none."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from evaluators.judge.rubric import Rubric

MAX_CHARS = 20_000  # no verdict is that long


@dataclass(frozen=True, slots=True)
class Opinion:
    label: str
    reason: str


def parse_opinion(text: str, rubric: Rubric) -> Opinion | None:
    """The one opinion in `text`; None where there is none, or several that differ.

    A judge that quotes a forged verdict from the answer before it gives its own cannot be told from one that fell for
    it, so differing verdicts are no verdict.
    """
    text = text.rpartition("</think>")[2]  # models that think aloud draft verdicts there
    if len(text) > MAX_CHARS:
        return None
    opinions = [opinion for value in _objects(text) if (opinion := _opinion(value, rubric))]
    return opinions[-1] if len({opinion.label for opinion in opinions}) == 1 else None


def _opinion(value: dict[str, object], rubric: Rubric) -> Opinion | None:
    verdict, reason = value.get("verdict"), value.get("reason")
    # Without a schema to hold them, models write 4 for "4".
    if isinstance(verdict, bool) or not isinstance(verdict, str | int) or not isinstance(reason, str):
        return None
    label = str(verdict).strip().lower()
    return Opinion(label, reason.strip()) if label in rubric.scale else None


def _objects(text: str) -> Iterator[dict[str, object]]:
    """The JSON objects in `text` that stand in no other, in order."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
            yield value
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
