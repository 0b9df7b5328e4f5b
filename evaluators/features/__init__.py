"""What an answer looks like, as numbers: the rows in which drift is looked for."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.features.behaviour import Behaviour
from evaluators.features.behaviours import BEHAVIOURS
from evaluators.features.reading import ToolCall, read

VERSION = "2"
"""Rises whenever a number may come out differently: rows of two versions are never compared."""

NAMES: tuple[str, ...] = tuple(behaviour.name for behaviour in BEHAVIOURS)
TITLES: Mapping[str, str] = {behaviour.name: behaviour.title for behaviour in BEHAVIOURS}
BY_NAME: Mapping[str, Behaviour] = {behaviour.name: behaviour for behaviour in BEHAVIOURS}


def features(text: str, tool_calls: Sequence[ToolCall] = ()) -> list[float]:
    """The behaviours of any answer in the order of NAMES, all finite and small: counts and lengths as log(1 + x).

    Args:
        text: what the answer says; "" where it only calls tools.
        tool_calls: in their order.
    """
    reading = read(text, tool_calls)
    return [
        math.log1p(value) if behaviour.is_logarithmic else value
        for behaviour in BEHAVIOURS
        for value in (float(behaviour.measure(reading)),)
    ]


def feature_rows(texts: Iterable[str]) -> NDArray[np.float64]:
    """One row per text, shape (n, len(NAMES))."""
    return np.array([features(text) for text in texts], dtype=np.float64).reshape(-1, len(NAMES))


__all__ = ["BY_NAME", "NAMES", "TITLES", "VERSION", "Behaviour", "ToolCall", "feature_rows", "features"]
