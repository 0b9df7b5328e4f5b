"""The price of one call, by the same prices and in the same steps as whole columns: for one row, arrays are slower."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

from collector.prices.lookup import NS_PER_DAY, rates_for
from collector.prices.pricelist import NO_PRICES, PriceList
from collector.prices.rates import MAY_OVERLAP, PART_INDEX, PARTS, UNIT_INDEX, WHOLES, Rates


def price_usd(
    *,
    provider: str | None,
    start_ns: int,
    input_tokens: int | None,
    output_tokens: int | None,
    request_model: str | None = None,
    response_model: str | None = None,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    input_audio_tokens: int | None = None,
    output_audio_tokens: int | None = None,
    prices: PriceList = NO_PRICES,
) -> float | None:
    """Price of one call in USD, the one that `price_calls` tells; None where no price is known, which is not free."""
    rates = rates_for(prices, provider, response_model, request_model, start_ns // NS_PER_DAY)
    if rates is None:
        return None
    row = bisect_right(rates.changes_ns, start_ns % NS_PER_DAY) * rates.n_tiers
    row += bisect_left(rates.above_input_tokens, input_tokens or 0)
    parts = {
        "cache_read_tokens": cache_read_tokens or 0,
        "cache_write_tokens": cache_write_tokens or 0,
        "input_audio_tokens": input_audio_tokens or 0,
        "reasoning_tokens": reasoning_tokens or 0,
        "output_audio_tokens": output_audio_tokens or 0,
    }
    return _cost_usd(rates, row, {"input_tokens": input_tokens, "output_tokens": output_tokens}, parts)


def _cost_usd(rates: Rates, row: int, wholes: Mapping[str, int | None], parts: Mapping[str, int]) -> float | None:
    weights: list[float] = rates.weights[row].tolist()
    apart: list[bool] = rates.apart[row].tolist()
    counts = {whole: count or 0 for whole, count in wholes.items()}
    if parts["cache_read_tokens"] + parts["cache_write_tokens"] > counts["input_tokens"]:
        return None
    taken = {part: count if apart[PART_INDEX[part]] else 0 for part, count in parts.items()}
    if any(taken[left] and taken[right] for left, right in MAY_OVERLAP):
        return None
    scaled = weights[UNIT_INDEX["requests"]]
    for part, whole in PARTS.items():
        if not 0 <= parts[part] <= counts[whole]:
            return None
        scaled += taken[part] * weights[UNIT_INDEX[part]]
    for whole in WHOLES:
        of_whole = [part for part in PARTS if PARTS[part] == whole]
        is_free = not any(weights[UNIT_INDEX[unit]] for unit in (whole, *of_whole))
        rest = counts[whole] - sum(taken[part] for part in of_whole)
        if rest < 0 or (wholes[whole] is None and not is_free):
            return None
        scaled += rest * weights[UNIT_INDEX[whole]]
    return scaled / float(rates.divisor[row])
