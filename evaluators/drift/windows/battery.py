"""All tests of a window against its reference for which there is something to compare."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.comparison import WindowTest
from evaluators.drift.windows.clusters import cluster
from evaluators.drift.windows.permutation import GUARANTEE, Statistic, Strata, permutation_test
from evaluators.drift.windows.prompts import Overlap, Prompts, adjusted, overlap, principal, prompts_of
from evaluators.drift.windows.retrieval import rank_columns, retrieval_statistics
from evaluators.drift.windows.rows import Rows
from evaluators.drift.windows.statistics import of_habits, of_points, of_rows, of_shares, one_hot, stacked

Floats = NDArray[np.float64]

MIN_ROWS = 10
"""Fewer rows a side find next to nothing, and an interval from them says nothing."""

MAX_SEGMENTS = 20
_GIVEN_PROMPTS = "; if the questions changed, as far as prompts explain answers linearly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What the tests found. `reference` and `current` are the behaviours: with what prompts explain taken out where the
    prompts of both sides are enough alike for that, else as they are. `overlap` None: there are no prompts, or none
    that differ."""

    tests: Mapping[str, WindowTest]
    reference: Floats
    current: Floats
    overlap: Overlap | None
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Question:
    """What one test asks, of rows of which the first `n` are the reference's."""

    name: str
    statistics: Sequence[Statistic]
    n: int
    guarantee: str = GUARANTEE
    strata: Strata | None = None

    @property
    def can_differ(self) -> bool:
        return any(statistic.columns.shape[1] for statistic in self.statistics)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What answers may depend on, of both sides together; None where not every row has it."""

    prompts: Floats | None
    topics: Floats | None
    embeddings: Floats | None
    retrieval: Floats | None
    """NaN where a call does not tell."""
    documents: Sequence[Sequence[str]] | None
    segments: NDArray[np.int64] | None


def tested(reference: Rows, current: Rows, *, max_permutations: int, rng: np.random.Generator) -> Tested:
    """Ask whatever can be asked. All that is fitted is fitted to both sides together, blind to the side.

    Raises:
        ValueError: if a behaviour is not finite or the sides have different columns.
    """
    n, notes = len(reference), list[str]()
    answers = stacked(reference.behaviours, current.behaviours)
    parts = _parts(reference, current, notes)
    prompts = _prompts(parts, rng)
    left = answers if prompts is None else adjusted(answers, prompts)
    questions = [
        *_of_answers(answers, left, parts.embeddings, prompts, n, rng),
        *_of_inputs(parts, n, rng),
        *_of_scores(reference, current, prompts, notes),
    ]
    found = {}
    for question in questions:
        if question.can_differ:
            test = permutation_test(
                question.statistics, question.n, strata=question.strata, max_permutations=max_permutations, rng=rng
            )
            found[question.name] = WindowTest(
                name=question.name,
                statistic=test.statistic,
                p_value=test.p_value,
                n_reference=question.n,
                n_current=len(question.statistics[0].columns) - question.n,
                guarantee=question.guarantee,
            )
    alike = None if prompts is None else overlap(prompts, n, rng=rng)
    shown = left if alike is None or alike.is_enough else answers
    return Tested(tests=found, reference=shown[:n], current=shown[n:], overlap=alike, notes=notes)


def _of_answers(
    answers: Floats, left: Floats, embeddings: Floats | None, prompts: Prompts | None, n: int, rng: np.random.Generator
) -> Iterator[_Question]:
    """Do answers differ, and do they by more than their prompts explain?"""
    points = [] if embeddings is None else of_points(embeddings, rng)
    yield _Question("output", [*of_rows(answers, rng), *points], n)
    if prompts is not None:
        strata = prompts.strata
        points = [] if embeddings is None else of_points(adjusted(embeddings, prompts), rng, strata)
        yield _Question("model", [*of_rows(left, rng, strata), *points], n, GUARANTEE + _GIVEN_PROMPTS, strata)


def _of_inputs(parts: _Parts, n: int, rng: np.random.Generator) -> Iterator[_Question]:
    """Do users ask other things, and is something else retrieved?"""
    statistics = [] if parts.prompts is None else of_habits(parts.prompts)
    if parts.topics is not None and (directions := principal(parts.topics)).shape[1]:
        statistics += [*of_points(directions, rng), *of_shares(cluster(directions, rng=rng))]
    if parts.segments is not None:
        statistics += of_shares(parts.segments)
    yield _Question("input", statistics, n)
    yield _Question("retrieval", retrieval_statistics(parts.retrieval, parts.documents), n)


def _of_scores(reference: Rows, current: Rows, prompts: Prompts | None, notes: list[str]) -> Iterator[_Question]:
    """Did scores drop, by more than harder questions explain? Asked of the rows that have one, in one direction."""
    if reference.scores is None or current.scores is None:
        return
    scores = np.concatenate((reference.scores, current.scores))
    has_one = np.isfinite(scores)
    n, m = int(has_one[: len(reference)].sum()), int(has_one[len(reference) :].sum())
    if missing := int((~has_one).sum()):
        notes.append(f"{missing} answers without a score are left out of the test of quality")
    if min(n, m) < MIN_ROWS:
        notes.append(f"Quality was not tested: {n} and {m} scores, {MIN_ROWS} on each side are needed")
        return
    rows = scores[has_one, None]
    strata = None
    if prompts is not None:
        strata = prompts.strata[has_one]
        rows = adjusted(rows, Prompts(prompts.columns[has_one] - prompts.columns[has_one].mean(axis=0), strata))
    if rows.std() > 1e-9 * max(1.0, float(np.abs(rows).max())):
        guarantee = GUARANTEE + ("" if prompts is None else _GIVEN_PROMPTS)
        yield _Question("quality", [Statistic(rows.mean() - rows, "sum")], n, guarantee, strata)


def unexplained(reference: Rows, current: Rows, *, rng: np.random.Generator) -> Floats:
    """The behaviours of both sides with what prompts, segments and retrieval explain taken out."""
    answers = stacked(reference.behaviours, current.behaviours)
    prompts = _prompts(_parts(reference, current, []), rng)
    return answers if prompts is None else adjusted(answers, prompts)


def _parts(reference: Rows, current: Rows, notes: list[str]) -> _Parts:
    return _Parts(
        prompts=_both("prompts", reference, current, notes),
        topics=_both("topics", reference, current, notes),
        embeddings=_both("embeddings", reference, current, notes),
        retrieval=_ranks(reference, current, notes),
        documents=_documents(reference, current),
        segments=_segments(reference, current),
    )


def _prompts(parts: _Parts, rng: np.random.Generator) -> Prompts | None:
    segments = None if parts.segments is None else one_hot(parts.segments)
    ranks = None if parts.retrieval is None else rank_columns(parts.retrieval)
    others = [rows for rows in (ranks, segments) if rows is not None]
    return prompts_of(parts.prompts, parts.topics, np.hstack(others) if others else None, rng=rng)


def _segments(reference: Rows, current: Rows) -> NDArray[np.int64] | None:
    """A number for the segment of each row; those beyond the most frequent ones share one."""
    if reference.segments is None or current.segments is None:
        return None
    frequent = [name for name, _ in Counter([*reference.segments, *current.segments]).most_common(MAX_SEGMENTS)]
    places = {name: place for place, name in enumerate(frequent)}
    return np.array([places.get(name, MAX_SEGMENTS) for name in (*reference.segments, *current.segments)])


def _ranks(reference: Rows, current: Rows, notes: list[str]) -> Floats | None:
    if reference.retrieval is None or current.retrieval is None:
        if (reference.retrieval is None) != (current.retrieval is None):
            notes.append("Retrieval is left out: only one side has it")
        return None
    return np.concatenate((reference.retrieval, current.retrieval))


def _documents(reference: Rows, current: Rows) -> Sequence[Sequence[str]] | None:
    if reference.documents is None or current.documents is None:
        return None
    return [*reference.documents, *current.documents]


def _both(part: str, reference: Rows, current: Rows, notes: list[str]) -> Floats | None:
    """That part of both sides; None, with a note, where not every row has it."""
    before, after = getattr(reference, part), getattr(current, part)
    if before is None or after is None:
        if (before is None) != (after is None):
            notes.append(f"{part.capitalize()} are left out: only one side has them")
        return None
    rows = np.concatenate((before, after)).astype(np.float64)
    n_missing = int((~np.isfinite(rows).all(axis=1)).sum())
    if n_missing:
        notes.append(f"{part.capitalize()} are left out: {n_missing} answers have none")
        return None
    return rows
