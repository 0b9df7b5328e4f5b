"""Compare two sets of answers: the library's front door."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from evaluators.drift.decide import Comparison, decide
from evaluators.drift.windows import one_per_session
from evaluators.features import feature_rows


@runtime_checkable
class Frame(Protocol):
    """A table such as a pandas or polars frame; neither needs to be installed."""

    @property
    def columns(self) -> Iterable[Any]: ...
    def __getitem__(self, column: str, /) -> Iterable[Any]: ...


def compare(
    reference: Sequence[str] | Frame, current: Sequence[str] | Frame, *, alpha: float = 0.05, seed: int = 0
) -> Comparison:
    """Whether the model behind `current` behaves as it did in `reference`.

    Args:
        reference: answers from before, as texts or as a frame with the column `output` and, where calls belong to
            conversations, `session`: one random call of each is then compared. Missing answers are left out.
        current: answers from now, in either form.
        alpha: share of false alarms among comparisons in which nothing changed.
        seed: of the permutations and of the choice within sessions; the same seed gives the same result.
    Raises:
        TypeError: if an answer is not a text.
        ValueError: if a frame has no column `output`, or alpha is not between 0.0001 and 1.
    """
    rng = np.random.default_rng(seed)
    return decide(
        feature_rows(_units("reference", reference, rng)),
        feature_rows(_units("current", current, rng)),
        alpha=alpha,
        rng=rng,
    )


def _units(side: str, given: Sequence[str] | Frame, rng: np.random.Generator) -> list[str]:
    outputs, sessions = _columns(side, given)
    present = [(o, s) for o, s in zip(outputs, sessions, strict=True) if not _is_missing(o)]
    for output, _ in present:
        if not isinstance(output, str):
            raise TypeError(f"{side}: an answer must be a text, got {type(output).__name__}")
    kept = one_per_session([session for _, session in present], rng=rng)
    return [present[position][0] for position in kept.tolist()]


def _columns(side: str, given: Sequence[str] | Frame) -> tuple[list[Any], list[Hashable | None]]:
    if isinstance(given, str):
        raise TypeError(f"{side} is one text; give a sequence of answers")
    if not isinstance(given, Frame):
        outputs: list[Any] = list(given)
        return outputs, [None] * len(outputs)
    names = [str(column) for column in given.columns]
    if "output" not in names:
        raise ValueError(f"{side} needs a column `output` with the answers; it has {', '.join(names) or 'none'}")
    outputs = list(given["output"])
    if "session" not in names:
        return outputs, [None] * len(outputs)
    return outputs, [None if _is_missing(session) else session for session in given["session"]]


def _is_missing(value: Any) -> bool:
    """None, NaN, and pandas' NaT and NA, which are not equal to themselves or will not say."""
    if value is None or type(value).__name__ == "NAType":
        return True
    return bool(value != value)
