"""The rates of all groups of a batch, one below the other, so that each call takes its prices by one index."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from collector.prices.rates import PARTS, UNIT_INDEX, UNITS, WHOLES, Rates

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SOURCES = ("operator", "genai-prices", "reported")
_NO_THRESHOLD = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class RateTable:
    """The rates of all groups, one below the other. Row 0 prices nothing, for groups that no list knows."""

    source: npt.NDArray[np.int8]
    """Of each group: -1 without a price, else the place in SOURCES."""
    first_row: Ints
    n_tiers: Ints
    above_input_tokens: Ints
    changes_ns: Ints
    weights: Floats
    divisor: Floats
    apart: Bools
    is_free: Mapping[str, Bools]
    """Which rows can do without a count: neither it nor a part of it costs anything there."""


def rate_table(rates: tuple[Rates | None, ...]) -> RateTable:
    # Batches of one sender hold the same few models. The bound keeps what is remembered small.
    return _remembered_table(rates) if len(rates) <= 64 else _built_table(rates)


@lru_cache(maxsize=256)
def _remembered_table(rates: tuple[Rates | None, ...]) -> RateTable:
    return _built_table(rates)


def _built_table(rates: tuple[Rates | None, ...]) -> RateTable:
    known = [one for one in rates if one is not None]
    n_rows = np.array([0 if one is None else len(one.divisor) for one in rates], np.int64)
    weights = np.concatenate([np.zeros((1, len(UNITS))), *(one.weights for one in known)]).T.copy()
    units = {whole: [whole, *(part for part, of in PARTS.items() if of == whole)] for whole in WHOLES}
    return RateTable(
        source=np.array([-1 if one is None else SOURCES.index(one.source) for one in rates], np.int8),
        first_row=np.where(n_rows > 0, 1 + np.cumsum(n_rows) - n_rows, 0),
        n_tiers=np.array([1 if one is None else one.n_tiers for one in rates], np.int64),
        above_input_tokens=_padded([() if one is None else one.above_input_tokens for one in rates]),
        changes_ns=_padded([() if one is None else one.changes_ns for one in rates]),
        weights=weights,
        divisor=np.concatenate([np.ones(1), *(one.divisor for one in known)]),
        apart=np.concatenate([np.zeros((1, len(PARTS)), np.bool_), *(one.apart for one in known)]).T.copy(),
        is_free={
            whole: (weights[[UNIT_INDEX[unit] for unit in of_whole]] == 0).all(axis=0)
            for whole, of_whole in units.items()
        },
    )


def _padded(thresholds: list[tuple[int, ...]]) -> Ints:
    """Shape (most thresholds of a group, n groups), filled up with one that nothing exceeds."""
    n_most = max(map(len, thresholds), default=0)
    padded = [(*of_one, *[_NO_THRESHOLD] * (n_most - len(of_one))) for of_one in thresholds]
    return np.array(padded, np.int64).reshape(len(thresholds), n_most).T.copy()
