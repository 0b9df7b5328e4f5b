"""A column of texts as the bytes in its memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ByteColumn:
    """Text `i` is `data[offsets[i]:offsets[i + 1]]`, UTF-8."""

    data: Bytes
    offsets: Ints

    @classmethod
    def of(cls, texts: pa.Array) -> "ByteColumn":
        """The bytes of a string or large_string array, not copied."""
        _, offset_buffer, data_buffer = texts.buffers()
        kind = np.dtype(np.int64 if pa.types.is_large_string(texts.type) else np.int32)
        all_offsets = np.frombuffer(offset_buffer, kind, len(offset_buffer) // kind.itemsize)
        offsets = all_offsets[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
        data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
        return cls(data[offsets[0] : offsets[-1]], offsets - offsets[0])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, places: Ints) -> Ints:
        """The text that each of `places` in the data belongs to."""
        return np.searchsorted(self.offsets, places, side="right") - 1


def portions(texts: pa.Array, n_bytes: int) -> Iterator[tuple[int, int]]:
    """(start, end) of stretches of `texts` of about `n_bytes`, each with one text at least."""
    offsets = ByteColumn.of(texts).offsets
    start = 0
    while start < len(texts):
        end = max(start + 1, int(np.searchsorted(offsets, offsets[start] + n_bytes, side="right")) - 1)
        yield start, end
        start = end
