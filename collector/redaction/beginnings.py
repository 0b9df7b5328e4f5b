"""Where words of a set begin in a text, by arithmetic on pairs of bytes: an expression takes ten times as long."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from collector.redaction.byte_column import Bools, Bytes, Ints

_N_PAIRS: Final = 2**16


class Beginnings:
    """Words of three characters or more, in small letters; of each the first four are compared.

    Raises:
        ValueError: if a word is shorter.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._first, self._second = np.zeros(_N_PAIRS, bool), np.zeros(_N_PAIRS, bool)
        for word in words:
            if len(word) < 3:
                raise ValueError(f"{word!r} is too short to tell a word by; give three characters or more")
            one, two, three = word[:3].encode("latin-1")
            self._first[one << 8 | two] = True
            fourth = [*word[3:4].encode("latin-1")] or range(256)
            self._second[[three << 8 | last for last in fourth]] = True

    def places(self, pairs: "Pairs") -> Ints:
        """Where one of the words may begin, ascending; elsewhere none does."""
        both: Bools = self._first[pairs.of] & self._second[pairs.of_next]
        return np.flatnonzero(both)


class Pairs:
    """The characters of a text in twos, as numbers below 2**16; one beyond Latin-1 counts as a question mark.

    `of[i]` are characters i and i + 1, `of_next[i]` i + 2 and i + 3.
    """

    def __init__(self, text: str) -> None:
        raw: Bytes = np.frombuffer(text.encode("latin-1", "replace") + bytes(4), np.uint8)
        wide = raw.astype(np.uint16)
        pairs = wide[:-1] << np.uint16(8) | wide[1:]
        self.of, self.of_next = pairs[:-3], pairs[2:-1]
