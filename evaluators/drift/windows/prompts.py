"""What a change of questions does to answers: taken out where it can be, and said where it cannot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.windows.clusters import cluster
from evaluators.drift.windows.permutation import Strata
from evaluators.drift.windows.statistics import centred, standardised

Floats = NDArray[np.float64]

RIDGE = 10.0
"""Of the regression of answers on prompts, in rows."""
MAX_DIRECTIONS = 30
MAX_AUC = 0.85
MIN_EFFECTIVE_SHARE = 0.2
"""A mix of two tasks that turns from 80:20 to 20:80 leaves 0.31, and is told apart well where strata hold the tasks."""
_N_FOLDS = 5
_PROPENSITY_RIDGE = 10.0
_MAX_LOGIT = 6.0


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well the prompts of both sides can be told apart.

    `auc` is that of guessing the side from the prompt, on rows that were not used to learn it; `effective_share` is
    the share of the reference that is left when it is weighted to look like the current prompts (Kish 1965).
    """

    auc: float
    effective_share: float

    @property
    def is_enough(self) -> bool:
        return self.auc <= MAX_AUC and self.effective_share >= MIN_EFFECTIVE_SHARE


@dataclass(frozen=True, slots=True)
class Prompts:
    """What answers may depend on, of both sides together and found blind to the side.

    `columns` has shape (n + m, k), each with mean 0 and spread 1; `strata` are groups of rows with like prompts.
    """

    columns: Floats
    strata: Strata

    def with_columns(self, rows: Floats) -> "Prompts":
        """More to depend on; the strata stay."""
        return Prompts(np.hstack((self.columns, principal(standardised(rows)))), self.strata)

    def take(self, kept: NDArray[np.bool_]) -> "Prompts":
        """The rows that are kept."""
        return Prompts(centred(self.columns[kept]), self.strata[kept])


def prompts_of(
    features: Floats | None, topics: Floats | None, others: Floats | None = None, *, rng: np.random.Generator
) -> Prompts | None:
    """
    Args:
        features: what the prompts look like, shape (n + m, f).
        topics: what they are about, shape (n + m, t).
        others: more columns, such as the segment or what was retrieved.
    Returns:
        None where nothing varies.
    """
    parts = [standardised(rows) for rows in (features, others) if rows is not None]
    if topics is not None:
        parts.append(topics)
    columns = [found for rows in parts if (found := principal(rows)).shape[1]]
    if not columns:
        return None
    # Weighted by how much they vary: of equal weight, thirty directions of noise would hide two tasks.
    points = [_scores(rows, MAX_DIRECTIONS) for rows in parts]
    return Prompts(np.hstack(columns), cluster(np.hstack(points), rng=rng))


def principal(rows: Floats) -> Floats:
    """The directions in which `rows` vary most, each with spread 1.

    No more of them than a tenth of the rows: a regression on ninety columns explains twenty answers whoever gave them.
    """
    return standardised(_scores(rows, max(1, min(MAX_DIRECTIONS, len(rows) // 10))))


def _scores(rows: Floats, n_columns: int) -> Floats:
    """Principal component scores, scaled so that all directions together have variance 1."""
    centred_rows = rows - rows.mean(axis=0)
    variances, directions = np.linalg.eigh(centred_rows.T @ centred_rows / len(rows))
    total = float(variances.sum())
    if total < 1e-12 or not rows.shape[1]:
        return np.empty((len(rows), 0))
    return np.asarray(centred_rows @ directions[:, ::-1][:, :n_columns] / np.sqrt(total))


def adjusted(answers: Floats, prompts: Prompts) -> Floats:
    """Answers with what their prompts explain taken out, around the same mean.

    The regression is fitted on both sides together, blind to which row belongs where: one fitted on the reference
    alone made every comparison of unchanged models an alarm. The mean of each stratum goes, too: what answers to one
    task look like is not linear in the prompt, and rows of it are compared among themselves.

    Args:
        answers: shape (n + m, k).
    """
    columns = prompts.columns
    gram = columns.T @ columns + RIDGE * np.eye(columns.shape[1])
    left = answers - columns @ np.linalg.solve(gram, columns.T @ (answers - answers.mean(axis=0)))
    return np.asarray(centred(left, prompts.strata) + answers.mean(axis=0))


def overlap(prompts: Prompts, n_reference: int, *, rng: np.random.Generator) -> Overlap:
    """How much the prompts of the first `n_reference` rows and of the others have in common."""
    columns = prompts.columns
    n = len(columns)
    is_current = np.arange(n) >= n_reference
    folds = np.empty(n, dtype=np.int64)
    for side in (is_current, ~is_current):  # each fold holds both sides in proportion
        folds[side] = rng.permutation(int(side.sum())) % _N_FOLDS
    logits = np.empty(n)
    for fold in range(_N_FOLDS):
        held_out = folds == fold
        logits[held_out] = _logistic(columns[~held_out], is_current[~held_out], columns[held_out])
    auc = _auc(logits[is_current], logits[~is_current])
    if auc <= 0.5:  # worse than a coin: the same prompts on both sides, each learned from its twin on the other
        return Overlap(auc=auc, effective_share=1.0)
    # Learned from many columns, the odds are too sure of themselves even on rows that were held out.
    certainty = standardised(logits[:, None])
    calibrated = _logistic(certainty, is_current, certainty, ridge=1.0) if certainty.shape[1] else np.zeros(n)
    weights = np.exp(np.clip(calibrated[~is_current], -_MAX_LOGIT, _MAX_LOGIT))
    effective = float(np.square(weights.sum()) / (np.square(weights).sum() * n_reference))
    return Overlap(auc=auc, effective_share=effective)


def _logistic(
    rows: Floats, is_current: NDArray[np.bool_], wanted: Floats, *, ridge: float = _PROPENSITY_RIDGE
) -> Floats:
    """Log odds of being current for the rows `wanted`, from a logistic regression with a ridge, by Newton's steps."""
    design = np.column_stack((np.ones(len(rows)), rows))
    penalty = np.diag([1e-6, *[ridge] * rows.shape[1]])
    coefficients = np.zeros(design.shape[1])
    for _ in range(8):
        p = 1 / (1 + np.exp(-np.clip(design @ coefficients, -30, 30)))
        gradient = design.T @ (is_current - p) - penalty @ coefficients
        curvature = (design * np.maximum(p * (1 - p), 1e-6)[:, None]).T @ design + penalty
        coefficients = coefficients + np.linalg.solve(curvature, gradient)
    return np.asarray(np.column_stack((np.ones(len(wanted)), wanted)) @ coefficients)


def _auc(higher: Floats, lower: Floats) -> float:
    """P(a value of `higher` is above one of `lower`), ties counting half."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left")
    up_to = np.searchsorted(ordered, higher, side="right")
    return float((below + up_to).mean() / (2 * len(lower)))
