"""Columns of model calls -> what each cost, and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.prices.lookup import NS_PER_DAY, rates_for
from collector.prices.pricelist import NO_PRICES, PriceList
from collector.prices.rates import MAY_OVERLAP, PART_INDEX, PARTS, UNIT_INDEX, WHOLES, Rates
from collector.prices.table import SOURCES, Bools, Floats, Ints, RateTable, rate_table

_SOURCES = pa.array(SOURCES, pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCalls:
    cost_usd: pa.Array
    """float64; null where no price is known, which is not the same as free."""
    price_source: pa.Array
    """string: `operator`, `genai-prices`, `reported` (the sender's figure, where we know no price) or null."""


def price_calls(columns: Mapping[str, pa.Array], prices: PriceList = NO_PRICES) -> PricedCalls:
    """Prices of whole columns: `provider`, `request_model`, `response_model`, `start_ns` and the counts of tokens.

    The counts are `input_tokens`, which includes cache reads, cache writes and audio, `output_tokens`, which includes
    reasoning and audio, and these parts by themselves (`rates.PARTS`). Parts may be missing as columns. A price of
    `prices` goes before one of genai-prices; `reported_cost_usd`, where it is there and not 0, fills what no list
    knows. Counts that contradict each other, such as more cached than read, have no price.
    """
    start_ns = _numbers(columns["start_ns"])
    group, rates = _groups(columns, start_ns, prices)
    table = rate_table(rates)
    counts = {name: _numbers(columns[name]) for name in (*WHOLES, *PARTS) if name in columns}
    is_known = {name: _is_valid(columns[name]) for name in WHOLES}
    row = _rows(table, group, counts["input_tokens"], start_ns)
    cost_usd, has_price = _costs(table, row, counts, is_known)
    source = table.source[group]
    has_price &= source >= 0
    if "reported_cost_usd" in columns:
        reported = _numbers(columns["reported_cost_usd"])
        is_reported = ~has_price & (reported > 0) & np.isfinite(reported)
        cost_usd = np.where(is_reported, reported, cost_usd)
        source = np.where(is_reported, np.int8(SOURCES.index("reported")), source)
        has_price |= is_reported
    return PricedCalls(
        cost_usd=pa.array(cost_usd, pa.float64(), mask=~has_price),
        price_source=_SOURCES.take(pa.array(source, mask=~has_price)),
    )


def _groups(
    columns: Mapping[str, pa.Array], start_ns: Ints, prices: PriceList
) -> tuple[Ints, tuple[Rates | None, ...]]:
    """The group of each call, and the rates of each group: calls of one provider, models and day."""
    day = start_ns // NS_PER_DAY
    names, codes = zip(
        *(_encoded(columns[key]) for key in ("provider", "response_model", "request_model")), strict=True
    )
    first_day, n_days = (int(day.min()), int(np.ptp(day)) + 1) if len(day) else (0, 1)
    code, size = day - first_day, n_days
    for more, n in zip(codes, map(len, names), strict=True):
        if size * n >= 2**62:
            _, code = np.unique(code, return_inverse=True)
            size = len(code)
        code, size = code * n + more, size * n
    rows, group = _distinct(code, size)
    rates = [
        rates_for(prices, *(name[of[row]] for name, of in zip(names, codes, strict=True)), int(day[row]))
        for row in rows.tolist()
    ]
    return group, tuple(rates)


def _distinct(code: Ints, size: int) -> tuple[Ints, Ints]:
    """One row of each distinct code, codes being below `size`; and which of these each row belongs to."""
    if size > 4 * len(code) + 1_024:
        _, rows, group = np.unique(code, return_index=True, return_inverse=True)
        return rows, group
    row_of = np.full(size, -1, np.int64)
    row_of[code] = np.arange(len(code))
    is_present = row_of >= 0
    return row_of[is_present], (np.cumsum(is_present) - 1)[code]


def _rows(table: RateTable, group: Ints, input_tokens: Ints, start_ns: Ints) -> Ints:
    """The row of the table that prices each call."""
    row = table.first_row[group]
    for above in table.above_input_tokens:
        row += input_tokens > above[group]
    if len(table.changes_ns):
        of_day_ns = start_ns % NS_PER_DAY
        n_tiers = table.n_tiers[group]
        for change in table.changes_ns:
            row += n_tiers * (of_day_ns >= change[group])
    return row


def _costs(
    table: RateTable, row: Ints, counts: Mapping[str, Ints], is_known: Mapping[str, Bools]
) -> tuple[Floats, Bools]:
    """Cost of each call in USD, and whether its counts allow to tell it."""
    parts = {name: count for name in PARTS if name in counts and (count := counts[name]).any()}
    is_apart = {part: table.apart[PART_INDEX[part]][row] & (count > 0) for part, count in parts.items()}
    is_good = ~_contradict(parts, is_apart, counts["input_tokens"])
    rest = {whole: counts[whole].copy() for whole in WHOLES}
    scaled = table.weights[UNIT_INDEX["requests"]][row]
    for part, count in parts.items():
        whole = PARTS[part]
        taken = np.where(is_apart[part], count, 0)
        rest[whole] -= taken
        is_good &= (count >= 0) & (count <= counts[whole]) & (rest[whole] >= 0)
        scaled += taken * table.weights[UNIT_INDEX[part]][row]
    for whole in WHOLES:
        scaled += rest[whole] * table.weights[UNIT_INDEX[whole]][row]
        is_good &= (counts[whole] >= 0) & (is_known[whole] | table.is_free[whole][row])
    return scaled / table.divisor[row], is_good


def _contradict(parts: Mapping[str, Ints], is_apart: Mapping[str, Bools], input_tokens: Ints) -> Bools:
    """Where more is cached than read, or where two parts may be the same tokens but have prices of their own."""
    result = np.zeros(len(input_tokens), np.bool_)
    if "cache_read_tokens" in parts and "cache_write_tokens" in parts:
        result |= parts["cache_read_tokens"] > input_tokens - parts["cache_write_tokens"]
    for left, right in MAY_OVERLAP:
        if left in parts and right in parts:
            result |= is_apart[left] & is_apart[right]
    return result


def _encoded(column: pa.Array) -> tuple[list[str | None], Ints]:
    """The distinct texts of a column, null among them, and which of them each row holds."""
    column = _whole(column)
    if column.type != pa.string():
        column = pc.cast(column, pa.string())
    encoded = column.dictionary_encode(null_encoding="encode")
    codes: Ints = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes


def _numbers(column: pa.Array) -> npt.NDArray[Any]:
    """The values of a column, 0 for null."""
    column = _whole(column)
    if column.null_count == len(column):
        return np.zeros(len(column), np.int64)
    values: npt.NDArray[Any] = (pc.fill_null(column, 0) if column.null_count else column).to_numpy(zero_copy_only=False)
    return values


def _is_valid(column: pa.Array) -> Bools:
    column = _whole(column)
    if not column.null_count:
        return np.ones(len(column), np.bool_)
    valid: Bools = column.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _whole(column: pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
