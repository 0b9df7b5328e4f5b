"""Binary ids to lower-case hex and back, a column at a time."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEX_PAIRS = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype="<u2")


def hex_column(ids: pa.BinaryArray, n_bytes: int) -> pa.StringArray:
    """Hex of `ids`, each of which is `n_bytes` long and not null."""
    n, offset = len(ids), ids.offset
    offsets = np.frombuffer(ids.buffers()[1], dtype=np.int32)[offset : offset + n + 1]
    data = (
        np.frombuffer(ids.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]] if n else np.empty(0, np.uint8)
    )
    text = _HEX_PAIRS[data]
    width = 2 * n_bytes
    new_offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(new_offsets), pa.py_buffer(text.tobytes()))


def optional_hex_column(ids: pa.BinaryArray, n_bytes: int) -> pa.StringArray:
    """Hex of `ids`; null for one that is missing, of another length, or all zero."""
    zero = pa.scalar(bytes(n_bytes), pa.binary())
    present = pc.fill_null(pc.and_(pc.equal(pc.binary_length(ids), n_bytes), pc.not_equal(ids, zero)), False)
    places = np.full(len(ids), -1, dtype=np.int64)
    rows = np.flatnonzero(present.to_numpy(zero_copy_only=False))
    places[rows] = np.arange(len(rows))
    return hex_column(ids.filter(present), n_bytes).take(pa.array(places, mask=places < 0))
