"""Columns that records of more than one signal have."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.errors import TooLarge
from collector.otlp.limits import Limits
from collector.times import NS_PER_S, parse_rfc3339

EARLIEST_NS = parse_rfc3339("2000-01-01T00:00:00Z")
MAX_DAYS = 32
_EARLY_S = 60.0
"""A clock so far ahead of ours is wrong, and counted; up to here, it may be the way here that was quick."""


def is_id(ids: pa.Array, n_bytes: int) -> npt.NDArray[np.bool_]:
    """Which ids have `n_bytes`, not all zero."""
    zero = pa.scalar(bytes(n_bytes), pa.binary())
    good = pc.and_(pc.equal(pc.binary_length(ids), n_bytes), pc.not_equal(ids, zero))
    result: npt.NDArray[np.bool_] = pc.fill_null(good, False).to_numpy(zero_copy_only=False)
    return result


def raw_times(column: pa.Array) -> npt.NDArray[np.uint64]:
    """Nanoseconds as on the wire, 0 for none."""
    result: npt.NDArray[np.uint64] = column.fill_null(0).to_numpy(zero_copy_only=False)
    return result


def time_problems(
    times: npt.NDArray[np.uint64], limits: Limits, now_ns: int
) -> tuple[dict[str, npt.NDArray[np.bool_]], int]:
    """Which rows have a time that cannot be kept, by reason, and how many that are kept come from the future."""
    latest_ns = now_ns + int(limits.max_future_s * NS_PER_S)
    too_late = times > np.uint64(latest_ns)
    n_future = int(np.count_nonzero(~too_late & (times > np.uint64(now_ns + int(_EARLY_S * NS_PER_S)))))
    return {
        "the time is missing or before the year 2000": times < np.uint64(EARLIEST_NS),
        f"the time is more than {limits.max_future_s:g} s ahead of this server's clock": too_late,
    }, n_future


def refuse_many_days(times_ns: npt.NDArray[np.int64]) -> None:
    """Each UTC day is a file or an index of its own, and one that is new takes a tenth of a second.

    Raises:
        TooLarge: if `times_ns` are of more days than are written at once.
    """
    n_days = len(np.unique(times_ns // (86_400 * NS_PER_S)))
    if n_days > MAX_DAYS:
        raise TooLarge(f"records of {n_days} days in one request; send those of at most {MAX_DAYS} days at a time")


def counted(problems: dict[str, npt.NDArray[np.bool_]], n_rows: int) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Which rows have none of the problems, and how many have each; of several, the first counts."""
    kept, counts = np.ones(n_rows, dtype=bool), {}
    for reason, has_it in problems.items():
        if n_new := int(np.count_nonzero(kept & has_it)):
            counts[reason] = n_new
            kept &= ~has_it
    return kept, counts
