"""Which traces a key with a sampling rate keeps: whole ones, the same in every export and every process."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def kept_traces(trace_ids: pa.Array, rate: float) -> npt.NDArray[np.bool_]:
    """True where a trace is kept; `rate` is their share.

    The id is mixed first: senders that sample themselves keep the ids below some bound, and ids need not be random.

    Args:
        trace_ids: strings of 32 hexadecimal digits, none null.
    Source: the finalizer of SplitMix64, Steele et al. (2014), "Fast splittable pseudorandom number generators".
    """
    if isinstance(trace_ids, pa.ChunkedArray):
        trace_ids = trace_ids.combine_chunks()
    if rate >= 1 or len(trace_ids) == 0:
        return np.ones(len(trace_ids), dtype=bool)
    halves = _numbers(trace_ids)
    mixed = _mix(_mix(halves[:, 0]) ^ halves[:, 1])
    # 53 bits are what a float holds exactly.
    draws = (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    result: npt.NDArray[np.bool_] = draws < rate
    return result


def is_kept(trace_id: str, rate: float) -> bool:
    return bool(kept_traces(pa.array([trace_id]), rate)[0])


def _numbers(trace_ids: pa.Array) -> npt.NDArray[np.uint64]:
    """Both halves of each id, shape (n, 2)."""
    digits = np.frombuffer("".join(trace_ids.to_pylist()).encode(), np.uint8)
    # '0'-'9' are 0x30-0x39, 'a'-'f' 0x61-0x66, 'A'-'F' 0x41-0x46.
    values = ((digits & 0xF) + 9 * (digits >> 6)).reshape(-1, 2)
    octets = (values[:, 0] << 4 | values[:, 1]).astype(np.uint8)
    result: npt.NDArray[np.uint64] = octets.view(">u8").astype(np.uint64).reshape(-1, 2)
    return result


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed = numbers + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    result: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result
