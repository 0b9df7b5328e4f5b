"""What reading a log or a metric export gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """`table` of LOG_SCHEMA or POINT_SCHEMA; `rejected` counts what was left out, `noted` what was changed."""

    table: pa.Table
    rejected: Mapping[str, int]
    noted: Mapping[str, int]


def hashes_of(texts: pa.StringArray) -> pa.Array:
    """128 bits of each text, in hex."""
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].tolist()
    data = memoryview(texts.buffers()[2] or b"")
    return pa.array(
        [blake2b(data[start:end], digest_size=16).hexdigest() for start, end in pairwise(ends)], pa.string()
    )
