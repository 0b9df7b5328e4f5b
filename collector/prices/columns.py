"""Columns of model calls -> what each cost, and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.prices.listed import listed_rates
from collector.prices.pricelist import NO_PRICES, PriceList
from collector.prices.rates import PARTS, UNITS, Rates
from collector.providers import provider_name

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SOURCES = ("operator", "genai-prices", "reported")
_NS_PER_DAY = 86_400 * 10**9
_UNIT_INDEX = {unit: index for index, unit in enumerate(UNITS)}
_PART_INDEX = {part: index for index, part in enumerate(PARTS)}
_WHOLES = ("input_tokens", "output_tokens")
_NO_THRESHOLD = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCalls:
    cost_usd: pa.Array
    """float64; null where no price is known, which is not the same as free."""
    price_source: pa.Array
    """string: `operator`, `genai-prices`, `reported` (the sender's figure, where we know no price) or null."""


@dataclass(frozen=True, slots=True)
class _Table:
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


def price_calls(columns: Mapping[str, pa.Array], prices: PriceList = NO_PRICES) -> PricedCalls:
    """Prices of whole columns: `provider`, `request_model`, `response_model`, `start_ns` and the counts of tokens.

    The counts are `input_tokens`, which includes cache reads, cache writes and audio, `output_tokens`, which includes
    reasoning and audio, and these parts by themselves (`rates.PARTS`). Parts may be missing as columns. A price of
    `prices` goes before one of genai-prices; `reported_cost_usd`, where it is there and not 0, fills what no list
    knows. Counts that contradict each other, such as more cached than read, have no price.
    """
    start_ns = _ints(columns["start_ns"])
    group, rates = _groups(columns, start_ns, prices)
    table = _table(rates)
    counts = {name: _ints(columns[name]) for name in (*_WHOLES, *PARTS) if name in columns}
    is_known = {name: _is_valid(columns[name]) for name in _WHOLES}
    row = _rows(table, group, counts["input_tokens"], start_ns)
    cost_usd, has_price = _costs(table, row, counts, is_known)
    source = table.source[group]
    has_price &= source >= 0
    if "reported_cost_usd" in columns:
        reported = _floats(columns["reported_cost_usd"])
        is_reported = ~has_price & (reported > 0) & np.isfinite(reported)
        cost_usd = np.where(is_reported, reported, cost_usd)
        source = np.where(is_reported, np.int8(SOURCES.index("reported")), source)
        has_price |= is_reported
    return PricedCalls(
        cost_usd=pa.array(cost_usd, pa.float64(), mask=~has_price),
        price_source=pa.array(SOURCES, pa.string()).take(pa.array(source, mask=~has_price)),
    )


def _groups(columns: Mapping[str, pa.Array], start_ns: Ints, prices: PriceList) -> tuple[Ints, list[Rates | None]]:
    """The group of each call, and the rates of each group: calls of one provider, models and day."""
    day = start_ns // _NS_PER_DAY
    names, codes = zip(
        *(_encoded(columns[key]) for key in ("provider", "response_model", "request_model")), strict=True
    )
    code = np.zeros(len(day), np.int64)
    size = 1
    first_day, n_days = (int(day.min()), int(np.ptp(day)) + 1) if len(day) else (0, 1)
    for more, n in (*zip(codes, map(len, names), strict=True), (day - first_day, n_days)):
        if size * n >= 2**62:
            _, code = np.unique(code, return_inverse=True)
            size = len(code)
        code, size = code * n + more, size * n
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    rates = [
        _rates(prices, *(name[of[i]] for name, of in zip(names, codes, strict=True)), int(day[i]))
        for i in first.tolist()
    ]
    return group, rates


@lru_cache(maxsize=65_536)
def _rates(
    prices: PriceList, provider: str | None, response_model: str | None, request_model: str | None, day: int
) -> Rates | None:
    """The operator's price before a listed one, that of the model that answered before that of the one asked for."""
    name = None if provider is None else provider_name(provider)
    on = date.fromordinal(date(1970, 1, 1).toordinal() + day)
    models = [model for model in dict.fromkeys((response_model, request_model)) if model]
    own = (prices.rates(name, model, on) for model in models)
    listed = (listed_rates(name, model, on) for model in models)
    return next((rates for found in (own, listed) for rates in found if rates is not None), None)


def _table(rates: list[Rates | None]) -> _Table:
    known = [one for one in rates if one is not None]
    n_rows = np.array([0 if one is None else len(one.divisor) for one in rates], np.int64)
    return _Table(
        source=np.array([-1 if one is None else SOURCES.index(one.source) for one in rates], np.int8),
        first_row=np.where(n_rows > 0, 1 + np.cumsum(n_rows) - n_rows, 0),
        n_tiers=np.array([1 if one is None else one.n_tiers for one in rates], np.int64),
        above_input_tokens=_padded([() if one is None else one.above_input_tokens for one in rates]),
        changes_ns=_padded([() if one is None else one.changes_ns for one in rates]),
        weights=np.concatenate([np.zeros((1, len(UNITS))), *(one.weights for one in known)]).T.copy(),
        divisor=np.concatenate([np.ones(1), *(one.divisor for one in known)]),
        apart=np.concatenate([np.zeros((1, len(PARTS)), np.bool_), *(one.apart for one in known)]).T.copy(),
    )


def _padded(thresholds: list[tuple[int, ...]]) -> Ints:
    """Shape (most thresholds of a group, n groups), filled up with one that nothing exceeds."""
    n_most = max(map(len, thresholds), default=0)
    padded = [(*of_one, *[_NO_THRESHOLD] * (n_most - len(of_one))) for of_one in thresholds]
    return np.array(padded, np.int64).reshape(len(thresholds), n_most).T.copy()


def _rows(table: _Table, group: Ints, input_tokens: Ints, start_ns: Ints) -> Ints:
    """The row of the table that prices each call."""
    row = table.first_row[group]
    for above in table.above_input_tokens:
        row += input_tokens > above[group]
    if len(table.changes_ns):
        of_day_ns = start_ns % _NS_PER_DAY
        n_tiers = table.n_tiers[group]
        for change in table.changes_ns:
            row += n_tiers * (of_day_ns >= change[group])
    return row


def _costs(table: _Table, row: Ints, counts: Mapping[str, Ints], is_known: Mapping[str, Bools]) -> tuple[Floats, Bools]:
    """Cost of each call in USD, and whether its counts allow to tell it."""
    parts = {name: count for name in PARTS if name in counts and (count := counts[name]).any()}
    is_apart = {part: table.apart[_PART_INDEX[part]][row] & (count > 0) for part, count in parts.items()}
    is_good = ~_contradict(parts, is_apart, counts["input_tokens"])
    rest = {whole: counts[whole].copy() for whole in _WHOLES}
    scaled = table.weights[_UNIT_INDEX["requests"]][row]
    for part, count in parts.items():
        whole = PARTS[part]
        taken = np.where(is_apart[part], count, 0)
        rest[whole] -= taken
        is_good &= (count >= 0) & (count <= counts[whole]) & (rest[whole] >= 0)
        scaled += taken * table.weights[_UNIT_INDEX[part]][row]
    for whole in _WHOLES:
        scaled += rest[whole] * table.weights[_UNIT_INDEX[whole]][row]
        is_good &= (counts[whole] >= 0) & (is_known[whole] | _is_free(table, whole)[row])
    return scaled / table.divisor[row], is_good


def _is_free(table: _Table, whole: str) -> Bools:
    """Which rows can do without the count `whole`: neither it nor a part of it costs anything there."""
    units = [whole, *(part for part, of in PARTS.items() if of == whole)]
    is_free: Bools = (table.weights[[_UNIT_INDEX[unit] for unit in units]] == 0).all(axis=0)
    return is_free


_MAY_OVERLAP = (
    ("cache_read_tokens", "input_audio_tokens"),
    ("cache_write_tokens", "input_audio_tokens"),
    ("reasoning_tokens", "output_audio_tokens"),
)


def _contradict(parts: Mapping[str, Ints], is_apart: Mapping[str, Bools], input_tokens: Ints) -> Bools:
    """Where more is cached than read, or where two parts may be the same tokens but have prices of their own."""
    result = np.zeros(len(input_tokens), np.bool_)
    if "cache_read_tokens" in parts and "cache_write_tokens" in parts:
        result |= parts["cache_read_tokens"] > input_tokens - parts["cache_write_tokens"]
    for left, right in _MAY_OVERLAP:
        if left in parts and right in parts:
            result |= is_apart[left] & is_apart[right]
    return result


def _encoded(column: pa.Array) -> tuple[list[str | None], Ints]:
    """The distinct texts of a column, null among them, and which of them each row holds."""
    column = _whole(column)
    encoded = pc.dictionary_encode(pc.cast(column, pa.string()), null_encoding="encode")
    codes: Ints = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes


def _ints(column: pa.Array) -> Ints:
    values: Ints = _filled(column, 0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return values


def _floats(column: pa.Array) -> Floats:
    values: Floats = _filled(column, 0.0).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def _filled(column: pa.Array, value: float) -> pa.Array:
    column = _whole(column)
    return pc.fill_null(column, value) if column.null_count else column


def _is_valid(column: pa.Array) -> Bools:
    valid: Bools = _whole(column).is_valid().to_numpy(zero_copy_only=False)
    return valid


def _whole(column: pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
