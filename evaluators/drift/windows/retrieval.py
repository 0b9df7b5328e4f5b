"""What was retrieved for a call, as numbers in which a changed index, ranker or retriever shows.

Everything is label-blind: which row belongs to which side is known to nothing here, so a permutation test on these
columns keeps its level.
"""

import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.topics import DIMENSIONS, topic

Floats = NDArray[np.float64]

TITLES: Mapping[str, str] = {
    "top_score": "Score of the best document",
    "score_gap": "Gap between the best and the second score",
    "mean_score": "Mean score",
    "n_documents": "Documents retrieved",
    "blank_share": "Documents without content, share",
    "duplicate_share": "Documents retrieved twice, share",
    "content_letters": "Length of a document",
    "topic_cosine": "Question and best document on one topic",
}
NAMES: tuple[str, ...] = tuple(TITLES)

MAX_SCORE = 1e6
"""Scores beyond it are as good as it: cosines end at 1, BM25 in the tens."""
OWN_COLUMNS = 64
"""So many of the commonest documents have a column of their own; the rest share as many."""

_SCORE_KEYS = ("score", "relevance_score", "similarity")


class Document(NamedTuple):
    """One retrieved document; None and "" are unknown."""

    id: str | None
    score: float | None
    content: str


def documents_of(contexts: Sequence[Any] | None) -> list[Document] | None:
    """What `Call.contexts` holds, best first; None for a call that retrieved nothing that anyone told of.

    A bare text is content where it has a space, and an id otherwise. A distance counts as a negative score.
    """
    return None if contexts is None else [_document(context) for context in contexts]


def retrieved_parts(
    column: Sequence[Sequence[Any] | None], prompt_topics: Floats | None
) -> tuple[Floats, list[list[str]]]:
    """`Rows.retrieval` and `Rows.documents` of calls with these contexts; None for a call that tells of none.

    Args:
        prompt_topics: `evaluators.topics` of the prompts, one row a call; None: unknown.
    """
    found = [documents_of(contexts) for contexts in column]
    topics = [None] * len(found) if prompt_topics is None else list(prompt_topics)
    rows = [retrieval_row(documents, about) for documents, about in zip(found, topics, strict=True)]
    ids = [document_ids(documents or ()) for documents in found]
    return np.array(rows, dtype=np.float64).reshape(-1, len(NAMES)), ids


def retrieval_row(documents: Sequence[Document] | None, prompt_topic: NDArray[Any] | None = None) -> list[float]:
    """The rank features of one call in the order of NAMES; NaN for what the call does not tell.

    Args:
        documents: best first.
        prompt_topic: `evaluators.topics.topic` of the question.
    """
    if documents is None:
        return [math.nan] * len(NAMES)
    scores = sorted((d.score for d in documents if d.score is not None), reverse=True)
    ids, contents = document_ids(documents), [d.content for d in documents if d.content]
    return [
        scores[0] if scores else math.nan,
        scores[0] - scores[1] if len(scores) > 1 else math.nan,
        sum(scores) / len(scores) if scores else math.nan,
        math.log1p(len(documents)),
        1 - len(contents) / len(documents) if documents else math.nan,
        1 - len(set(ids)) / len(ids) if ids else math.nan,
        math.log1p(sum(map(len, contents)) / len(contents)) if contents else math.nan,
        _cosine(prompt_topic, contents[0] if contents else ""),
    ]


def document_ids(documents: Sequence[Document]) -> list[str]:
    """What tells the documents apart, best first: the id or, for want of one, the content."""
    named = [d.id or (f"content:{_place(d.content):08x}" if d.content else "") for d in documents]
    return [name for name in named if name]


def rank_columns(retrieval: Floats) -> Floats:
    """Columns for a test: no NaN, and one more for each feature that some rows have and others lack.

    What a row lacks becomes the mean of all that have it, so that it speaks for neither side.

    Args:
        retrieval: rows of NAMES of both sides, shape (n + m, len(NAMES)).
    Returns:
        Shape (n + m, k), k <= 2 len(NAMES): features that no row has are left out.
    """
    has = np.isfinite(retrieval)
    known = has.any(axis=0)
    has, values = has[:, known], retrieval[:, known]
    means = np.where(has, values, 0).sum(axis=0) / np.maximum(has.sum(axis=0), 1)
    # Features of one source are lacking together; a column for each would count the same fact several times.
    lacking = np.unique(has[:, ~has.all(axis=0)], axis=1)
    return np.concatenate((np.where(has, values, means), lacking), axis=1)


def document_columns(documents: Sequence[Sequence[str]]) -> Floats:
    """Columns for a test of which documents were retrieved: chi-square on the common ones, hashed for the rest.

    A document of one row says nothing about two sides and is left out, but how much of a row is such documents is a
    column: an index that was built anew with other ids, or cut up anew, moves it.

    Args:
        documents: ids for each row of both sides.
    Returns:
        Shape (n + m, k), k <= 1 + 2 OWN_COLUMNS; columns that are all 0 are left out.
    """
    seen = Counter(name for row in documents for name in set(row))
    ranked = [name for name, n in sorted(seen.items(), key=lambda item: (-item[1], item[0])) if n > 1]
    columns = {name: i for i, name in enumerate(ranked[:OWN_COLUMNS])}
    rows = np.zeros((len(documents), 1 + 2 * OWN_COLUMNS))
    for row, names in zip(rows, documents, strict=True):
        distinct = set(names)
        for name in sorted(distinct):
            if name in columns:
                row[columns[name]] = 1
            elif seen[name] > 1:
                # A rare document weighs as much as a common one once each column is divided by its spread; among
                # those that share a column, the weight does it. The sign lets strangers cancel out on average.
                place = _place(name)
                sign = 1 if place >> 31 else -1
                row[OWN_COLUMNS + place % OWN_COLUMNS] += sign / math.sqrt(seen[name])
        row[-1] = sum(seen[name] == 1 for name in distinct) / max(len(distinct), 1)
    return rows[:, rows.any(axis=0)]


def retrieval_columns(retrieval: Floats | None, documents: Sequence[Sequence[str]] | None) -> list[Floats]:
    """The blocks of columns over the rows of both sides in which anything varies.

    They are tested apart and then added up: in one sum over all columns, a hundred documents would outvote the ranks.
    """
    blocks = [] if retrieval is None else [rank_columns(retrieval)]
    if documents is not None:
        blocks.append(document_columns(documents))
    return [block for block in blocks if block.size and np.ptp(block, axis=0).any()]


def _document(context: Any) -> Document:
    if isinstance(context, str):
        return Document(None, None, context) if " " in context else Document(context or None, None, "")
    if not isinstance(context, Mapping):
        return Document(str(context), None, "")
    score = next((found for key in _SCORE_KEYS if (found := _number(context.get(key))) is not None), None)
    if score is None and (distance := _number(context.get("distance"))) is not None:
        score = -distance
    name = context.get("id")
    return Document(None if name is None else str(name), score, str(context.get("content") or ""))


def _number(value: Any) -> float | None:
    try:
        number = math.nan if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(number, -MAX_SCORE), MAX_SCORE) if math.isfinite(number) else None


def _cosine(prompt_topic: NDArray[Any] | None, content: str) -> float:
    if prompt_topic is None or len(prompt_topic) != DIMENSIONS or not content or not np.any(prompt_topic):
        return math.nan
    other = topic(content)
    return float(np.asarray(prompt_topic, dtype=np.float64) @ other) if other.any() else math.nan


def _place(name: str) -> int:
    return zlib.crc32(name.encode(errors="surrogatepass"))
