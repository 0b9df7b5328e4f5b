"""Compare two sets of answers: the library's front door."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.drift import explain
from evaluators.drift.about import about
from evaluators.drift.comparison import Cluster, Comparison, PromptPair
from evaluators.drift.decide import decide
from evaluators.drift.pairs import nearest_pairs, square_distances, standardised
from evaluators.drift.sample import Frame, Sample, sample
from evaluators.drift.windows.breakdown import breakdown

_N_PAIRS = 5
_MAX_PAIRED = 1_000
"""Rows of a side among which pairs are looked for."""
_MAX_CLUSTERS = 10

Given = Sequence[str] | NDArray[Any] | Frame | Mapping[str, Sequence[Any]]


def compare(reference: Given, current: Given, *, alpha: float = 0.05, seed: int = 0) -> Comparison:
    """What is different in `current`: the model, the questions, the scores, or nothing.

    Args:
        reference: calls from before: answers as texts, or a frame (pandas, polars, a mapping of columns) with the
            column `output` and optionally `prompt`, without which a change of questions cannot be told from one of the
            model; `session`, of which one random call is compared; `segment`, such as a route; `score`, the higher the
            better; `retrieved`, the documents of each call, best first, as ids or as mappings with `id`, `score` and
            `content`; `prompt_embedding` and `output_embedding`. Or rows of numbers, shape (n, k).
        current: calls from now, in any of these forms.
        alpha: largest share of false alarms among comparisons in which nothing changed.
        seed: of the permutations and of the choice within sessions; the same seed gives the same result.
    Raises:
        TypeError: if an answer or prompt is not a text, or a score no number.
        ValueError: if a frame has no column `output`, columns differ in length, a number is infinite, or alpha is not
            between decide.MIN_ALPHA and 1.
    """
    rng = np.random.default_rng(seed)
    before, after = _with_topics(sample("reference", reference, rng=rng), sample("current", current, rng=rng))
    comparison = decide(before.rows, after.rows, alpha=alpha, rng=rng)
    notes = (*before.notes, *after.notes, *comparison.notes)
    if comparison.verdict in ("no_change", "not_enough_data"):
        return replace(comparison, notes=notes)
    clusters = _where(before, after, rng)
    asked = comparison.tests.get("input")
    return replace(
        comparison,
        explanation=comparison.explanation
        + (explain.topics(clusters) if asked is not None and asked.p_value <= alpha else ""),
        notes=notes,
        clusters=clusters,
        pairs=_pairs(before, after, rng),
    )


def _with_topics(before: Sample, after: Sample) -> tuple[Sample, Sample]:
    """Both with what their prompts are about, as far as it was not given."""
    if before.prompts is None or after.prompts is None or not (before.prompts and after.prompts):
        return before, after
    if before.rows.topics is not None and after.rows.topics is not None:
        return before, after
    old, new, note = about(before.prompts, after.prompts)
    notes = after.notes if note is None else (*after.notes, note)
    return (
        replace(before, rows=replace(before.rows, topics=old)),
        replace(after, rows=replace(after.rows, topics=new), notes=notes),
    )


def _where(before: Sample, after: Sample, rng: np.random.Generator) -> Sequence[Cluster]:
    """By segment if there are any, else by topic."""
    found = breakdown(before.rows, after.rows, before.prompts, after.prompts, rng=rng)
    return found[:_MAX_CLUSTERS]


def _pairs(before: Sample, after: Sample, rng: np.random.Generator) -> Sequence[PromptPair]:
    """Answers to the same or the nearest prompts."""
    if before.prompts is None or after.prompts is None or before.outputs is None or after.outputs is None:
        return ()
    old_topics, new_topics = before.rows.topics, after.rows.topics
    if old_topics is None or new_topics is None:
        return ()
    sides = [_some(len(side.rows), rng) for side in (before, after)]
    places = nearest_pairs(
        old_topics[sides[0]],
        new_topics[sides[1]],
        answer_distance=square_distances(
            *standardised(before.rows.behaviours[sides[0]], after.rows.behaviours[sides[1]])
        ),
        n_pairs=_N_PAIRS,
    )
    found = []
    for i, j in places:
        old, new = int(sides[0][i]), int(sides[1][j])
        found.append(
            PromptPair(
                row_before=before.positions[old],
                row_after=after.positions[new],
                prompt_before=before.prompts[old],
                prompt_after=after.prompts[new],
                before=before.outputs[old],
                after=after.outputs[new],
            )
        )
    return found


def _some(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.arange(n) if n <= _MAX_PAIRED else np.sort(rng.choice(n, _MAX_PAIRED, replace=False))
