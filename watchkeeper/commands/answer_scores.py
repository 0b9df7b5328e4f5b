"""Scores of answers, computed here: what a gate can ask for."""

from collections.abc import Callable, Iterator, Sequence

from evaluators import grounding, safety
from watchkeeper.commands.answers import Answer

Measure = Callable[[Answer], float | None]
"""None where there is nothing to read."""


def _groundedness(answer: Answer) -> float | None:
    found = grounding.ground(answer.output or "", answer.contexts)
    return None if found is None else found.value


def _refusal(answer: Answer) -> float | None:
    return safety.refusal(answer.output).value if answer.output and answer.output.strip() else None


def _pii(answer: Answer) -> float | None:
    return safety.pii(answer.output).value if answer.output and answer.output.strip() else None


def _injection(answer: Answer) -> float | None:
    prompt, contexts = answer.prompt or "", answer.contexts
    return safety.injection(prompt, contexts).value if prompt.strip() or contexts else None


MEASURES: dict[str, Measure] = {
    "groundedness": _groundedness,
    "refusal": _refusal,
    "pii": _pii,
    "injection": _injection,
    "score": lambda answer: answer.score,
}
"""By name; `score` is the column of the file."""


def values_of(name: str, rows: Sequence[Answer]) -> Iterator[float]:
    return (value for row in rows if (value := MEASURES[name](row)) is not None)
