"""What a text is about, in 256 numbers that need no model: words hashed to places.

A model such as MiniLM sees paraphrases that this does not, and costs fifty times as much. What is asked of it here is
modest: tell whether two windows of prompts ask about the same things, and predict what depends on the topic.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from evaluators.features.phrases import ENGLISH_STOP_WORDS, OTHER_STOP_WORDS

VERSION = "1"
"""Rises whenever a number may come out differently: vectors of two versions are never compared."""
DIMENSIONS = 256
READ_CHARS = 4_000

_WORD = re.compile(r"[^\W\d_]{2,}|\d+")
_STOP_WORDS = ENGLISH_STOP_WORDS | OTHER_STOP_WORDS
_STEM = 7
"""Words are cut to so many letters: endings differ, the topic does not."""


def typical_words(text: str) -> list[str]:
    """The words of the beginning of `text` that may tell its topic, in lower case."""
    return [word for word in _WORD.findall(text[:READ_CHARS].lower()) if word not in _STOP_WORDS]


def topic(text: str) -> NDArray[np.float32]:
    """A vector of length 1; of length 0 for a text without words. Any text will do."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for stem, n in Counter(_stem(word) for word in typical_words(text)).items():
        # The sign lets words that share a place cancel out on average (Weinberger et al. 2009).
        place = zlib.crc32(stem.encode(errors="surrogatepass"))
        vector[place % DIMENSIONS] += (1 + math.log(n)) * (1 if place >> 31 else -1)
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def topic_rows(texts: Iterable[str]) -> NDArray[np.float64]:
    """One row per text, shape (n, DIMENSIONS)."""
    return np.array([topic(text) for text in texts], dtype=np.float64).reshape(-1, DIMENSIONS)


def _stem(word: str) -> str:
    # One number is like another: which one it is says nothing about the topic.
    return "0" if word[0].isdigit() else word[:_STEM]
