"""Arrays as JSON, bit for bit: a state that was saved and loaded goes on as if nothing had happened."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BYTES = "zlib"


def pack(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with each array as its type, shape and bytes in little-endian order; the rest must be JSON already."""
    return {name: _pack(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def unpack(saved: Mapping[str, Any]) -> dict[str, Any]:
    """What `pack` was given.

    Raises:
        ValueError: if the bytes of an array do not fill its shape.
    """
    return {
        name: _unpack(value) if isinstance(value, Mapping) and _BYTES in value else value
        for name, value in saved.items()
    }


def _pack(array: NDArray[Any]) -> dict[str, Any]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    # Counts are mostly small: compressed, they take a tenth.
    compressed = base64.b64encode(zlib.compress(little.tobytes(), level=1))
    return {"dtype": little.dtype.str, "shape": list(array.shape), _BYTES: compressed.decode("ascii")}


def _unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    flat = np.frombuffer(zlib.decompress(base64.b64decode(packed[_BYTES])), dtype=packed["dtype"])
    return flat.reshape(packed["shape"]).astype(flat.dtype.newbyteorder("="))
