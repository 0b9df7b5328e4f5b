"""What people said, as the bytes of one entry of the spool, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from collector.packed import CODEC
from collector.score import Score


def packed_scores(scores: Sequence[Score]) -> tuple[bytes, int]:
    """The bytes of the entry, and how many they are when unpacked."""
    content = json.dumps([asdict(score) for score in scores]).encode()
    return CODEC.compress(content, asbytes=True), len(content)


def unpacked_scores(payload: bytes, n_bytes: int) -> list[Score]:
    """What `packed_scores` was given.

    Raises:
        ValueError, OSError, TypeError: the bytes are not those of scores.
    """
    return [_score(values) for values in json.loads(CODEC.decompress(payload, n_bytes, asbytes=True))]


def _score(values: Mapping[str, Any]) -> Score:
    return Score(**{**values, "marks": tuple(values["marks"])})
