"""Where it changed: the same comparison within each topic or segment."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.comparison import Cluster
from evaluators.drift.windows.battery import MIN_ROWS
from evaluators.drift.windows.both import unexplained
from evaluators.drift.windows.clusters import cluster, typical
from evaluators.drift.windows.permutation import DriftTest, permutation_test
from evaluators.drift.windows.prompts import principal
from evaluators.drift.windows.rows import Rows
from evaluators.drift.windows.statistics import of_rows
from evaluators.topics import typical_words

Floats = NDArray[np.float64]

_NEW_SHARE_BEFORE = 0.02
_NEW_TIMES = 4.0
_MIN_NEW = 5
_MAX_PERMUTATIONS = 1_999


def breakdown(
    reference: Rows,
    current: Rows,
    prompts_before: Sequence[str] | None,
    prompts_after: Sequence[str] | None,
    *,
    rng: np.random.Generator,
) -> list[Cluster]:
    """The parts of the traffic, the one whose answers moved most surely first: segments where rows have them, else
    topics of the prompts, named by their typical words; none without either.

    Args:
        prompts_before, prompts_after: the texts, one a row.
    """
    n = len(reference)
    answers = unexplained(reference, current, rng=rng)
    if reference.segments is not None and current.segments is not None:
        segments = [str(name) for name in (*reference.segments, *current.segments)]
        distinct, labels = np.unique(segments, return_inverse=True)
        return _parts(labels, {i: [str(name)] for i, name in enumerate(distinct.tolist())}, answers, n, rng)
    if prompts_before is None or prompts_after is None or reference.topics is None or current.topics is None:
        return []
    labels = cluster(principal(np.concatenate((reference.topics, current.topics))), rng=rng)
    words = [typical_words(text) for text in (*prompts_before, *prompts_after)]
    names = {}
    for label in np.unique(labels).tolist():
        inside = labels == label
        names[label] = typical([words[i] for i in np.flatnonzero(inside)], [words[i] for i in np.flatnonzero(~inside)])
    # Groups that have the same words are one topic to whoever reads of it.
    first = {tuple(sorted(found)): label for label, found in reversed(names.items())}
    labels = np.array([first[tuple(sorted(names[label]))] for label in labels.tolist()])
    topics = {label: names[label] for label in first.values()}
    return _parts(labels, topics, answers, n, rng)


def _parts(
    labels: NDArray[np.int64], names: dict[int, list[str]], answers: Floats, n_reference: int, rng: np.random.Generator
) -> list[Cluster]:
    found = []
    n_current = len(labels) - n_reference
    for label, name in names.items():
        inside = labels == label
        n, m = int(inside[:n_reference].sum()), int(inside[n_reference:].sum())
        test = _test(answers[inside], n, m, rng)
        before, after = n / n_reference, m / n_current
        found.append(
            Cluster(
                words=name,
                share_before=before,
                share_after=after,
                n_before=n,
                n_after=m,
                is_new=m >= _MIN_NEW and before <= _NEW_SHARE_BEFORE and after >= _NEW_TIMES * before,
                statistic=None if test is None else test.statistic,
                p_value=None if test is None else test.p_value,
            )
        )
    return sorted(found, key=_contribution)


def _contribution(part: Cluster) -> tuple[float, float, float]:
    p_value = 1.0 if part.p_value is None else part.p_value
    return p_value, -(part.statistic or 0.0), -abs(part.share_after - part.share_before)


def _test(rows: Floats, n: int, m: int, rng: np.random.Generator) -> DriftTest | None:
    if min(n, m) < MIN_ROWS or (rows == rows[0]).all():
        return None
    return permutation_test(of_rows(rows, rng), n, max_permutations=_MAX_PERMUTATIONS, rng=rng)
