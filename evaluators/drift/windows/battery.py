"""All tests of a window against its reference for which there is something to compare."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.comparison import WindowTest
from evaluators.drift.windows.both import Both, both
from evaluators.drift.windows.clusters import cluster
from evaluators.drift.windows.permutation import GUARANTEE, Statistic, Strata, permutation_test
from evaluators.drift.windows.prompts import Overlap, Prompts, adjusted, overlap, principal
from evaluators.drift.windows.retrieval import retrieval_columns
from evaluators.drift.windows.rows import Rows
from evaluators.drift.windows.statistics import of_habits, of_points, of_rows, of_shares

Floats = NDArray[np.float64]

MIN_ROWS = 10
"""Fewer rows a side find next to nothing, and an interval from them says nothing."""

_GIVEN = "; if the questions changed, as far as answers are a linear function of the prompt within strata of like ones"


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
    strata: Strata | None = None

    @property
    def can_differ(self) -> bool:
        return any(statistic.columns.shape[1] for statistic in self.statistics)

    def answered(self, *, max_permutations: int, rng: np.random.Generator) -> WindowTest:
        found = permutation_test(
            self.statistics, self.n, strata=self.strata, max_permutations=max_permutations, rng=rng
        )
        return WindowTest(
            name=self.name,
            statistic=found.statistic,
            p_value=found.p_value,
            n_reference=self.n,
            n_current=len(self.statistics[0].columns) - self.n,
            guarantee=GUARANTEE if self.strata is None else GUARANTEE + _GIVEN,
        )


def tested(reference: Rows, current: Rows, *, max_permutations: int, rng: np.random.Generator) -> Tested:
    """Ask whatever can be asked. All that is fitted is fitted to both sides together, blind to the side.

    Raises:
        ValueError: if a behaviour is not finite or the sides have different columns.
    """
    sides = both(reference, current)
    asked = sides.asked(rng)
    given = sides.given(asked, rng)
    left = sides.answers if given is None else adjusted(sides.answers, given)
    notes = list(sides.notes)
    questions = [
        *_of_answers(sides, left, given, rng),
        _of_prompts(sides, rng),
        _of_retrieval(sides, asked),
        *_of_scores(sides, given, notes),
    ]
    tests = {
        question.name: question.answered(max_permutations=max_permutations, rng=rng)
        for question in questions
        if question.can_differ
    }
    alike = None if given is None else overlap(given, sides.n, rng=rng)
    shown = left if alike is None or alike.is_enough else sides.answers
    return Tested(tests=tests, reference=shown[: sides.n], current=shown[sides.n :], overlap=alike, notes=notes)


def _of_answers(sides: Both, left: Floats, given: Prompts | None, rng: np.random.Generator) -> Iterator[_Question]:
    """Do answers differ, and do they by more than what they answer explains?"""
    embeddings = sides.embeddings
    points = [] if embeddings is None else of_points(embeddings, rng)
    yield _Question("output", [*of_rows(sides.answers, rng), *points], sides.n)
    if given is not None:
        points = [] if embeddings is None else of_points(adjusted(embeddings, given), rng, given.strata)
        yield _Question("model", [*of_rows(left, rng, given.strata), *points], sides.n, given.strata)


def _of_prompts(sides: Both, rng: np.random.Generator) -> _Question:
    """Do users ask other things?"""
    statistics = [] if sides.prompts is None else of_habits(sides.prompts)
    if sides.topics is not None and (directions := principal(sides.topics)).shape[1]:
        statistics += [*of_points(directions, rng), *of_shares(cluster(directions, rng=rng))]
    if sides.segments is not None:
        statistics += of_shares(sides.segments)
    return _Question("input", statistics, sides.n)


def _of_retrieval(sides: Both, asked: Prompts | None) -> _Question:
    """Is something else found for the same questions?"""
    columns = retrieval_columns(sides.retrieval, sides.documents)
    strata = None if asked is None else asked.strata
    statistics = [
        statistic
        for block in columns
        for statistic in of_habits(block if asked is None else adjusted(block, asked), strata)
    ]
    return _Question("retrieval", statistics, sides.n, strata)


def _of_scores(sides: Both, given: Prompts | None, notes: list[str]) -> Iterator[_Question]:
    """Did scores drop, by more than harder questions explain? Asked of the rows that have one, in one direction."""
    if sides.scores is None:
        return
    has_one = np.isfinite(sides.scores)
    n, m = int(has_one[: sides.n].sum()), int(has_one[sides.n :].sum())
    if missing := int((~has_one).sum()):
        notes.append(f"{missing} answers without a score are left out of the test of quality")
    if min(n, m) < MIN_ROWS:
        notes.append(f"Quality was not tested: {n} and {m} scores, {MIN_ROWS} on each side are needed")
        return
    rows = sides.scores[has_one, None]
    given = None if given is None else given.take(has_one)
    if given is not None:
        rows = adjusted(rows, given)
    if rows.std() > 1e-9 * max(1.0, float(np.abs(rows).max())):
        strata = None if given is None else given.strata
        yield _Question("quality", [Statistic(rows.mean() - rows, "sum")], n, strata)
