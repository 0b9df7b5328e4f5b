"""What the stream looks at: scores of one call, fitted on rows that are used for nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.streams.packing import pack, unpack
from evaluators.drift.windows.rows import Rows

Floats = NDArray[np.float64]

MIN_FIT_ROWS = 30
"""With fewer, means and spreads are guesses."""
N_COMPONENTS = 10
N_EDGES = 16
N_BINS = 2 * N_EDGES + 1
_TOPIC_COMPONENTS = 30
_RIDGE = 30.0
_WORTH_PREDICTING = 0.98
_CLIP = 5.0
"""No single prompt or behaviour is taken for further away than this, in standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Turns a row into K small numbers: for each score the bin in which it falls, 0 to N_BINS - 1.

    The scores are what the prompt does not predict of each behaviour (ridge regression), their first principal
    components, the distance from the middle within these components, and the distance from their plane. All of it
    comes from the fit rows alone, so that the other rows of the reference and those of the stream are exchangeable.
    A bin is an edge or what lies between two: a value that many rows share has a bin of its own.
    """

    names: Sequence[str]
    behaviours: NDArray[np.float64]
    """Mean and spread, shape (2, d)."""
    prompts: NDArray[np.float64]
    """Mean and spread of the prompts' behaviours, shape (2, p); p = 0 without prompts."""
    by_prompt: NDArray[np.float64]
    """What they predict of the behaviours, shape (d, p)."""
    topics: NDArray[np.float64]
    """Mean, shape (1, q); q = 0 without topics."""
    by_topic: NDArray[np.float64]
    """Shape (d, q)."""
    plane: NDArray[np.float64]
    """Principal components of the residuals, each of length 1, shape (c, d)."""
    spreads: NDArray[np.float64]
    """Of the residuals along each of them, shape (c,)."""
    edges: NDArray[np.float64]
    """Quantiles of each score, shape (K, N_EDGES), ascending."""

    def bins(self, rows: Rows) -> NDArray[np.int64]:
        """Shape (n, K). A row's bins do not depend on the other rows, not even in the last bit.

        Raises:
            ValueError: if the rows lack what the fit rows had, have other widths, or are not finite.
        """
        self._check(rows)
        found = np.empty((len(rows), len(self.names)), dtype=np.int64)
        for i in range(len(rows)):
            scores = self._scores(rows, i)[:, None]
            found[i] = (self.edges < scores).sum(axis=1) + (self.edges <= scores).sum(axis=1)
        return found

    def _scores(self, rows: Rows, i: int) -> Floats:
        rest = (rows.behaviours[i] - self.behaviours[0]) / self.behaviours[1]
        if rows.prompts is not None and self.prompts.shape[1]:
            rest = rest - self.by_prompt @ _clipped(rows.prompts[i], self.prompts)
        if rows.topics is not None and self.topics.shape[1]:
            rest = rest - self.by_topic @ (rows.topics[i] - self.topics[0])
        return _scores_of(rest, self.plane, self.spreads)

    def _check(self, rows: Rows) -> None:
        for name, wanted in (("behaviours", self.behaviours), ("prompts", self.prompts), ("topics", self.topics)):
            width, given = wanted.shape[1], getattr(rows, name)
            if not width:
                continue
            if given is None or given.shape[1] != width:
                shape = None if given is None else given.shape
                raise ValueError(f"{name} must have {width} columns, as in the rows of the fit, got {shape}")
            if not np.isfinite(given).all():
                raise ValueError(f"{name} must be finite; leave such calls out")

    @classmethod
    def fit(cls, rows: Rows, names: Sequence[str]) -> Self:
        """Args:
            rows: MIN_FIT_ROWS or more of the reference. Never calibrate with them: they fit better than new ones.
            names: of the behaviours.
        Raises:
            ValueError: if there are too few rows, or a value is not finite.
        Source: the design was measured on version changes; see docs/drift.md, "Streams".
        """
        if len(rows) < MIN_FIT_ROWS:
            raise ValueError(f"a fit needs {MIN_FIT_ROWS} rows, got {len(rows)}; wait for more calls")
        for given in (rows.behaviours, rows.prompts, rows.topics):
            if given is not None and not np.isfinite(given).all():
                raise ValueError("the rows of a fit must be finite; leave such calls out")
        behaviours = _mean_and_spread(rows.behaviours)
        rest = (rows.behaviours - behaviours[0]) / behaviours[1]
        prompts, topics, by_prompt, by_topic = _predict(rows, rest)
        if rows.prompts is not None:
            rest = rest - _clipped(rows.prompts, prompts) @ by_prompt.T
        if rows.topics is not None:
            rest = rest - (rows.topics - topics[0]) @ by_topic.T
        plane, spreads = _principal(np.clip(rest, -_CLIP, _CLIP), N_COMPONENTS)
        scores = np.array([_scores_of(row, plane, spreads) for row in rest])
        extra = [f"component {i + 1}" for i in range(len(plane))]
        return cls(
            names=(*names, *extra, "distance within", "distance from plane"),
            behaviours=behaviours,
            prompts=prompts,
            by_prompt=by_prompt,
            topics=topics,
            by_topic=by_topic,
            plane=plane,
            spreads=spreads,
            edges=np.quantile(scores, (np.arange(N_EDGES) + 0.5) / N_EDGES, axis=0, method="inverted_cdf").T.copy(),
        )

    def to_json(self) -> dict[str, Any]:
        return pack(asdict(self))

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        return cls(**unpack(saved))


def _scores_of(rest: Floats, plane: Floats, spreads: Floats) -> Floats:
    near = np.clip(rest, -_CLIP, _CLIP)
    along = plane @ near
    within, beyond = along / spreads, near - along @ plane
    return np.concatenate((rest, within, [np.sqrt(within @ within), np.sqrt(beyond @ beyond)]))


def _mean_and_spread(rows: Floats) -> Floats:
    spread = rows.std(axis=0)
    # What never varied in the fit counts in its own unit once it does.
    return np.array([rows.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)])


def _clipped(rows: Floats, mean_and_spread: Floats) -> Floats:
    return np.asarray(np.clip((rows - mean_and_spread[0]) / mean_and_spread[1], -_CLIP, _CLIP))


def _principal(rows: Floats, n: int) -> tuple[Floats, Floats]:
    """The first n principal directions, shape (n, d), and the spread along each."""
    _, lengths, directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    n = min(n, len(rows) // 3, int((lengths > 1e-9 * max(lengths[0], 1e-300)).sum()))
    return directions[:n].copy(), lengths[:n] / np.sqrt(len(rows))


def _predict(rows: Rows, rest: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Ridge regression of the behaviours on the prompts' behaviours and topics, in the columns that were given.

    What does not predict a behaviour of rows that were left out has weight 0.
    """
    n, d = rest.shape
    prompts, topics = np.zeros((2, 0)), np.zeros((1, 0))
    columns, directions = np.zeros((n, 0)), np.zeros((0, 0))
    if rows.prompts is not None:
        prompts = _mean_and_spread(rows.prompts)
        columns = _clipped(rows.prompts, prompts)
    n_prompt = columns.shape[1]
    if rows.topics is not None:
        topics = rows.topics.mean(axis=0, keepdims=True)
        directions, spreads = _principal(rows.topics, _TOPIC_COMPONENTS)
        directions = directions / spreads[:, None]
        columns = np.hstack((columns, (rows.topics - topics[0]) @ directions.T))
    weights = np.linalg.solve(columns.T @ columns + _RIDGE * np.eye(columns.shape[1]), columns.T)
    leverage = np.einsum("ij,ji->i", columns, weights)
    weights = weights @ rest
    left_out = (rest - columns @ weights) / (1 - leverage)[:, None]
    # A flag that prompts say nothing about stays a flag: its ranks would follow the noise in the weights otherwise.
    weights[:, (left_out**2).sum(axis=0) > _WORTH_PREDICTING * (rest**2).sum(axis=0)] = 0
    by_topic = np.asarray(weights[n_prompt:].T @ directions) if rows.topics is not None else np.zeros((d, 0))
    return prompts, np.asarray(topics), np.ascontiguousarray(weights[:n_prompt].T), by_topic
