"""What a caller gives to compare, checked and thinned to exchangeable units."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from evaluators.drift.sessions import one_per_session
from evaluators.drift.windows.retrieval import retrieved_parts
from evaluators.drift.windows.rows import Rows
from evaluators.features import feature_rows
from evaluators.topics import topic_rows

Floats = NDArray[np.float64]
COLUMNS = ("output", "prompt", "session", "segment", "score", "retrieved", "prompt_embedding", "output_embedding")


@runtime_checkable
class Frame(Protocol):
    """A table such as a pandas or polars frame; neither needs to be installed."""

    @property
    def columns(self) -> Iterable[Any]: ...
    def __getitem__(self, column: str, /) -> Iterable[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One side: `rows` of the units that are compared, and their texts; `positions` are those in what was given."""

    rows: Rows
    positions: Sequence[int]
    outputs: Sequence[str] | None
    prompts: Sequence[str] | None
    notes: Sequence[str]


def sample(side: str, given: Any, *, rng: np.random.Generator) -> Sample:
    """One random call of each session, of those that have an answer.

    Args:
        side: what to call it in errors.
        given: answers as texts, rows of numbers in the shape (n, k), or a frame or mapping with the column `output`
            and any other of COLUMNS.
    Raises:
        TypeError: if a value is of another kind than its column.
        ValueError: if there is no column `output`, columns differ in length, or a number is not finite.
    """
    if isinstance(given, str) or not isinstance(given, Iterable | Frame):
        what = "one text" if isinstance(given, str) else type(given).__name__
        raise TypeError(f"{side} is {what}; give a sequence of answers or a frame with the column `output`")
    if isinstance(given, np.ndarray) and given.ndim != 1:
        return _of_numbers(side, given)
    columns = _columns(side, given)
    outputs = columns["output"]
    has_answer = [i for i, output in enumerate(outputs) if not is_missing(output)]
    n_without = len(outputs) - len(has_answer)
    notes = [f"{side}: {n_without} rows without an answer are left out"] if n_without else []
    sessions = _sessions(columns.get("session"), has_answer)
    kept = [has_answer[i] for i in one_per_session(sessions, rng=rng).tolist()]
    chosen = {name: [values[i] for i in kept] for name, values in columns.items()}
    texts = _texts(side, "output", chosen["output"])
    prompts = _prompts(side, chosen.get("prompt"), notes)
    retrieval, documents = _retrieved(side, chosen.get("retrieved"), prompts)
    rows = Rows(
        behaviours=feature_rows(texts),
        prompts=None if prompts is None else feature_rows(prompts),
        questions=prompts,
        topics=_vectors(side, "prompt_embedding", chosen.get("prompt_embedding")),
        embeddings=_vectors(side, "output_embedding", chosen.get("output_embedding")),
        scores=_scores(side, chosen.get("score")),
        retrieval=retrieval,
        documents=documents,
        segments=[None if is_missing(s) else str(s) for s in chosen["segment"]] if "segment" in chosen else None,
    )
    return Sample(rows=rows, positions=kept, outputs=texts, prompts=prompts, notes=notes)


def is_missing(value: Any) -> bool:
    """None, NaN, and pandas' NaT and NA, which are not equal to themselves or will not say."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _of_numbers(side: str, given: NDArray[Any]) -> Sample:
    if given.ndim != 2 or given.dtype.kind not in "fiub":
        raise TypeError(f"{side} must be texts or rows of numbers in the shape (n, k), got {given.dtype} {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError(f"{side} holds NaN or infinite numbers; leave out such rows")
    rows = Rows(behaviours=given.astype(np.float64), names=tuple(f"column {i}" for i in range(given.shape[1])))
    return Sample(rows=rows, positions=range(len(given)), outputs=None, prompts=None, notes=())


def _columns(side: str, given: Any) -> dict[str, list[Any]]:
    if not isinstance(given, Frame | Mapping):
        return {"output": list(given)}
    names = [str(name) for name in (given if isinstance(given, Mapping) else given.columns)]
    if "output" not in names:
        raise ValueError(f"{side} needs a column `output` with the answers; it has {', '.join(names) or 'none'}")
    columns = {name: list(given[name]) for name in COLUMNS if name in names}
    for name, values in columns.items():
        if len(values) != len(columns["output"]):
            raise ValueError(f"{side}: `{name}` has {len(values)} rows and `output` {len(columns['output'])}")
    return columns


def _sessions(given: Sequence[Any] | None, kept: Sequence[int]) -> list[Hashable | None]:
    return [None if given is None or is_missing(given[i]) else given[i] for i in kept]


def _texts(side: str, column: str, values: Sequence[Any]) -> list[str]:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{side}: {_WHAT[column]} must be a text, got {type(value).__name__}")
    return list(values)


_WHAT = {"output": "an answer", "prompt": "a prompt"}


def _prompts(side: str, given: Sequence[Any] | None, notes: list[str]) -> list[str] | None:
    if given is None:
        return None
    n_missing = sum(map(is_missing, given))
    if n_missing == len(given):
        return None
    if n_missing:
        notes.append(f"{side}: {n_missing} of {len(given)} prompts are missing and count as empty")
    return _texts(side, "prompt", ["" if is_missing(prompt) else prompt for prompt in given])


def _vectors(side: str, column: str, given: Sequence[Any] | None) -> Floats | None:
    """One vector a row; a missing one is a row of NaN."""
    if given is None:
        return None
    present = [np.asarray(v, dtype=np.float64) for v in given if not (np.ndim(v) == 0 and is_missing(v))]
    widths = {vector.shape for vector in present}
    if len(widths) > 1 or any(len(shape) != 1 for shape in widths):
        raise ValueError(f"{side}: `{column}` must hold vectors of one length, got {sorted(map(str, widths))}")
    if not present:
        return None
    rows = np.full((len(given), len(present[0])), np.nan)
    rows[[not (np.ndim(v) == 0 and is_missing(v)) for v in given]] = present
    return rows


def _retrieved(
    side: str, given: Sequence[Any] | None, prompts: Sequence[str] | None
) -> tuple[Floats | None, list[list[str]] | None]:
    """Rank features and ids of the documents of each row; a row may have none."""
    if given is None:
        return None, None
    for value in given:
        if isinstance(value, str | Mapping) or not (isinstance(value, Iterable) or is_missing(value)):
            raise TypeError(f"{side}: `retrieved` must hold a list of documents a row, got {type(value).__name__}")
    found = [list(value) if isinstance(value, Iterable) else None for value in given]
    return retrieved_parts(found, None if prompts is None else topic_rows(prompts))


def _scores(side: str, given: Sequence[Any] | None) -> Floats | None:
    if given is None:
        return None
    try:
        scores = np.array([np.nan if is_missing(score) else float(score) for score in given])
    except (TypeError, ValueError) as error:
        raise TypeError(f"{side}: a score must be a number: {error}") from error
    if np.isinf(scores).any():
        raise ValueError(f"{side}: a score is infinite; leave it empty where there is none")
    return scores
