"""What the prompts of both sides are about: by a small language model where it is installed, else by their words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray

from evaluators.embed import Embedder, Vector, missing_packages
from evaluators.topics import topic_rows

Floats = NDArray[np.float64]

MAX_EMBEDDED = 4_000
"""Some 50 to 100 texts a second: more distinct prompts than this take minutes."""
_CACHE_SIZE = 50_000


def about(before: Sequence[str], after: Sequence[str]) -> tuple[Floats, Floats, str | None]:
    """A vector for each prompt of both sides, and a note where they come from words alone.

    Words do not see that two prompts mean the same: of a change of topics, more is then taken for one of the model.
    """
    if missing := missing_packages():
        return topic_rows(before), topic_rows(after), _note(f"{missing[0]} is not installed (watchkeeper[embeddings])")
    if len({*before, *after}) > MAX_EMBEDDED:
        return topic_rows(before), topic_rows(after), _note(f"there are more than {MAX_EMBEDDED:,} of them")
    vectors = _embedder().embed([*before, *after])
    rows = np.array(vectors, dtype=np.float64)
    return rows[: len(before)], rows[len(before) :], None


def _note(why: str) -> str:
    return f"Prompts are compared by their words, because {why}; a column `prompt_embedding` is better"


@cache
def _embedder() -> Embedder:
    """Of this process: a text that is compared again costs nothing."""
    from evaluators.encoder import Encoder

    encoder = Encoder()

    def encode(batches: Sequence[Sequence[str]]) -> list[list[Vector | None]]:
        with _threads_left_alone():
            return [list(encoder.encode(batch)) for batch in batches]

    return Embedder(encode, cache_size=_CACHE_SIZE)


@contextmanager
def _threads_left_alone() -> Iterator[None]:
    """The encoder takes one thread; whoever calls this as a library has set how many torch has."""
    import torch

    n_threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
