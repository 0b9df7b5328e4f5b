"""Unit prices as arrays, so that all calls of a batch are priced by one expression."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Source = Literal["operator", "genai-prices"]

PARTS: Final = {
    "cache_read_tokens": "input_tokens",
    "cache_write_tokens": "input_tokens",
    "input_audio_tokens": "input_tokens",
    "reasoning_tokens": "output_tokens",
    "output_audio_tokens": "output_tokens",
}
"""Counts that are part of another count."""
MAY_OVERLAP: Final = (
    ("cache_read_tokens", "input_audio_tokens"),
    ("cache_write_tokens", "input_audio_tokens"),
    ("reasoning_tokens", "output_audio_tokens"),
)
"""Parts that may be the same tokens: with a price for each, nobody knows which of them such a token has."""
WHOLES: Final = ("input_tokens", "output_tokens")
UNITS: Final = (*WHOLES, *PARTS, "requests")
UNIT_INDEX: Final = {unit: index for index, unit in enumerate(UNITS)}
PART_INDEX: Final = {part: index for index, part in enumerate(PARTS)}

_MAX_SCALE = 12


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """USD per million tokens and per request. A part without a price of its own costs what the whole costs."""

    input_tokens: Decimal | None = None
    output_tokens: Decimal | None = None
    cache_read_tokens: Decimal | None = None
    cache_write_tokens: Decimal | None = None
    input_audio_tokens: Decimal | None = None
    reasoning_tokens: Decimal | None = None
    output_audio_tokens: Decimal | None = None
    requests: Decimal | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """All unit prices that hold for one model on one UTC day.

    A row of the arrays is one time of day and one tier: row = (which time of day) * (n tiers) + (which tier).
    """

    source: Source
    changes_ns: tuple[int, ...]
    """Times after midnight at which other prices begin, ascending."""
    above_input_tokens: tuple[int, ...]
    """Tier k holds for all tokens of a call with more input than the first k of these, ascending."""
    weights: npt.NDArray[np.float64]
    """Price of one unit times `divisor`, shape (n rows, len(UNITS)): whole numbers, so that sums are exact."""
    divisor: npt.NDArray[np.float64]
    apart: npt.NDArray[np.bool_]
    """Which parts have a price of their own, shape (n rows, len(PARTS))."""

    @property
    def n_tiers(self) -> int:
        return len(self.above_input_tokens) + 1


def rates_of(
    source: Source,
    prices_at: Sequence[Callable[[int], UnitPrices]],
    *,
    changes_ns: Sequence[int] = (),
    above_input_tokens: Sequence[int] = (),
) -> Rates:
    """`prices_at[k](n)`: the prices from the k-th time of day on, once there are more than `n` input tokens."""
    thresholds = (-1, *above_input_tokens)
    rows = [_row(prices(above)) for prices, above in itertools.product(prices_at, thresholds)]
    weights, divisors, apart = zip(*rows, strict=True)
    return Rates(
        source=source,
        changes_ns=tuple(changes_ns),
        above_input_tokens=tuple(above_input_tokens),
        weights=np.array(weights, np.float64),
        divisor=np.array(divisors, np.float64),
        apart=np.array(apart, np.bool_),
    )


def _row(prices: UnitPrices) -> tuple[list[float], float, list[bool]]:
    given = [getattr(prices, unit) for unit in UNITS]
    # Prices have a few decimals: scaled to whole numbers, a sum of products is exact below 2**53, and its one division
    # gives the same float as decimal arithmetic does.
    n_decimals = max((-int(price.as_tuple().exponent) for price in given if price), default=0)
    scale = Decimal(10) ** min(max(n_decimals, 0), _MAX_SCALE)
    per_request = [1] * (len(UNITS) - 1) + [1_000_000]
    weights = [float((price or 0) * scale * per) for price, per in zip(given, per_request, strict=True)]
    return weights, float(scale * 1_000_000), [getattr(prices, part) is not None for part in PARTS]
