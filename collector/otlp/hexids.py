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


def trace_key(trace_id: str) -> int | None:
    """The last 64 bits of a trace id as a signed number; None for what is no trace id."""
    if len(trace_id) != 32 or not set(trace_id) <= set("0123456789abcdef"):
        return None
    return int.from_bytes(bytes.fromhex(trace_id[16:]), "big", signed=True)


def trace_keys(trace_ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """`trace_key` of every id, each of which is 32 hexadecimal digits."""
    whole = pa.concat_arrays(trace_ids.chunks) if isinstance(trace_ids, pa.ChunkedArray) else trace_ids
    n = len(whole)
    if not n:
        return pa.array([], pa.int64())
    offsets = np.frombuffer(whole.buffers()[1], dtype=np.int32)[whole.offset : whole.offset + n + 1]
    digits = np.frombuffer(whole.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]].reshape(n, 32)[:, 16:]
    nibbles = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0"))
    return pa.array(((nibbles[:, ::2] << 4) | nibbles[:, 1::2]).copy().view(">i8").astype(np.int64).ravel())
