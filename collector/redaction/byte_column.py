"""A column of texts as the bytes in its memory."""

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
        """The bytes of a large_string array, not copied."""
        _, offset_buffer, data_buffer = texts.buffers()
        all_offsets = np.frombuffer(offset_buffer, np.int64, len(offset_buffer) // 8)
        offsets = all_offsets[texts.offset : texts.offset + len(texts) + 1]
        data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
        return cls(data[offsets[0] : offsets[-1]], offsets - offsets[0])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, places: Ints) -> Ints:
        """The text that each of `places` in the data belongs to."""
        return np.searchsorted(self.offsets, places, side="right") - 1

    def rows(self, places: Ints) -> Bools:
        """Which texts hold one of `places`."""
        hits = np.zeros(len(self), bool)
        hits[self.row(places)] = True
        return hits

    def behind(self, places: Ints, n: int) -> Bytes:
        """The byte `n` before each place; before the first byte of all, that first one."""
        return self.data[np.maximum(places - n, 0)]

    def ahead(self, places: Ints, n: int) -> Bytes:
        """The byte `n` after each place; after the last byte of all, that last one."""
        return self.data[np.minimum(places + n, len(self.data) - 1)]
