"""One measured habit of a text, with its words for people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluators.features.reading import Reading

Kind = Literal["length", "count", "share", "flag"]
Measure = Callable[[Reading], float]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`length` and `count` are compared as log(1 + x), so that one huge text does not outweigh a thousand others;
    `share` is in [0, 1]; `flag` is 0 or 1. `more` and `less` continue the sentence "Answers changed: ...".
    """

    name: str
    title: str
    kind: Kind
    more: str
    less: str
    measure: Measure

    @property
    def is_logarithmic(self) -> bool:
        return self.kind in ("length", "count")


def length(name: str, title: str, more: str, less: str, measure: Measure) -> Behaviour:
    return Behaviour(name, title, "length", more, less, measure)


def count(name: str, title: str, things: str, measure: Measure) -> Behaviour:
    """How many `things` an answer has."""
    return Behaviour(name, title, "count", f"more {things}", f"fewer {things}", measure)


def share(name: str, title: str, more: str, less: str, measure: Measure) -> Behaviour:
    return Behaviour(name, title, "share", more, less, measure)


def flag(name: str, title: str, habit: str, measure: Measure) -> Behaviour:
    """Whether an answer has the `habit`."""
    return Behaviour(name, title, "flag", f"{habit} more often", f"{habit} less often", measure)
