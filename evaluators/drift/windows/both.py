"""Both sides of a comparison in one, and what of it every row has."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.windows.permutation import Strata
from evaluators.drift.windows.prompts import Prompts, adjusted, prompts_of
from evaluators.drift.windows.retrieval import rank_columns
from evaluators.drift.windows.rows import Rows
from evaluators.drift.windows.statistics import one_hot, stacked

Floats = NDArray[np.float64]

MAX_SEGMENTS = 20
MIN_PAIRS = 10
MIN_PAIRED_SHARE = 0.8
"""Of the rows of each side, to compare prompt by prompt: the others say nothing then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The parts of `Rows`, the `n` rows of the reference first. None is what not every row has; `notes` say so."""

    n: int
    answers: Floats
    prompts: Floats | None
    pairs: Strata | None
    """One number for all answers to the same prompt, where most prompts stand on both sides."""
    topics: Floats | None
    embeddings: Floats | None
    scores: Floats | None
    """NaN where a row has none."""
    retrieval: Floats | None
    """NaN where a call does not tell."""
    documents: Sequence[Sequence[str]] | None
    segments: NDArray[np.int64] | None
    notes: Sequence[str]

    def asked(self, rng: np.random.Generator) -> Prompts | None:
        """What was asked: prompts and segments; None where nothing of them varies.

        Answers to the same prompt are compared among themselves, and nothing has to be known about it.
        """
        if self.pairs is not None:
            return Prompts(np.empty((len(self.pairs), 0)), self.pairs)
        segments = None if self.segments is None else one_hot(self.segments)
        return prompts_of(self.prompts, self.topics, segments, rng=rng)

    def given(self, asked: Prompts | None, rng: np.random.Generator) -> Prompts | None:
        """All that the model was given: what was asked, and how well documents for it were found."""
        if self.retrieval is None:
            return asked
        ranks = rank_columns(self.retrieval)
        return prompts_of(None, None, ranks, rng=rng) if asked is None else asked.with_columns(ranks)


def both(reference: Rows, current: Rows) -> Both:
    """
    Raises:
        ValueError: if a behaviour is not finite or the sides have different columns.
    """
    notes: list[str] = []
    return Both(
        n=len(reference),
        answers=stacked(reference.behaviours, current.behaviours),
        prompts=_complete("prompts", reference, current, notes),
        pairs=_pairs(reference, current, notes),
        topics=_complete("topics", reference, current, notes),
        embeddings=_complete("embeddings", reference, current, notes),
        scores=_joined("scores", reference, current, notes),
        retrieval=_joined("retrieval", reference, current, notes),
        documents=None
        if reference.documents is None or current.documents is None
        else [*reference.documents, *current.documents],
        segments=_segments(reference, current),
        notes=notes,
    )


def unexplained(reference: Rows, current: Rows, *, rng: np.random.Generator) -> Floats:
    """The behaviours of both sides with what prompts, segments and retrieval explain taken out."""
    sides = both(reference, current)
    given = sides.given(sides.asked(rng), rng)
    return sides.answers if given is None else adjusted(sides.answers, given)


def _pairs(reference: Rows, current: Rows, notes: list[str]) -> Strata | None:
    """A number for each prompt; None where too few stand on both sides.

    Rows change sides only within a prompt, so it makes no difference to the level that both sides were looked at.
    """
    if reference.questions is None or current.questions is None:
        return None
    shared = {*reference.questions} & {*current.questions}
    shares = [
        sum(question in shared for question in side) / len(side) for side in (reference.questions, current.questions)
    ]
    if len(shared) < MIN_PAIRS or min(shares) < MIN_PAIRED_SHARE:
        return None
    notes.append(f"Answers are compared prompt by prompt: {len(shared)} prompts stand on both sides")
    return np.unique([*reference.questions, *current.questions], return_inverse=True)[1]


def _segments(reference: Rows, current: Rows) -> NDArray[np.int64] | None:
    """A number for the segment of each row; those beyond the most frequent ones share one."""
    if reference.segments is None or current.segments is None:
        return None
    frequent = [name for name, _ in Counter([*reference.segments, *current.segments]).most_common(MAX_SEGMENTS)]
    places = {name: place for place, name in enumerate(frequent)}
    return np.array([places.get(name, MAX_SEGMENTS) for name in (*reference.segments, *current.segments)])


def _joined(part: str, reference: Rows, current: Rows, notes: list[str]) -> Floats | None:
    """That part of both sides; None, with a note, where only one has it."""
    before, after = getattr(reference, part), getattr(current, part)
    if before is None or after is None:
        if (before is None) != (after is None):
            notes.append(f"{part.capitalize()} are left out: only one side has them")
        return None
    return np.concatenate((before, after), dtype=np.float64)


def _complete(part: str, reference: Rows, current: Rows, notes: list[str]) -> Floats | None:
    """The same, and None, with a note, where a row lacks it."""
    rows = _joined(part, reference, current, notes)
    n_missing = 0 if rows is None else int((~np.isfinite(rows).all(axis=1)).sum())
    if n_missing:
        notes.append(f"{part.capitalize()} are left out: {n_missing} answers have none")
        return None
    return rows
