"""What a call cost, by the price lists of genai-prices."""

from datetime import UTC, date, datetime, time
from functools import lru_cache

from genai_prices import Usage, calc_price

from collector.times import utc_day


def price_usd(
    *,
    provider: str | None,
    model: str | None,
    start_ns: int,
    input_tokens: int | None,
    output_tokens: int | None,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
) -> float | None:
    """Price of one call in USD at the list price of its day; None where no price is known, which is not free.

    `input_tokens` includes cache reads and writes. A provider that no list knows (a model of one's own) has no price.
    """
    if model is None or input_tokens is None:
        return None
    tokens = (input_tokens, output_tokens or 0, cache_read_tokens or 0, cache_write_tokens or 0)
    return _price_usd(provider, model, utc_day(start_ns), *tokens)


# One price takes 0.1 ms to compute; calls of one kind repeat their token counts more often than one would think.
@lru_cache(maxsize=65_536)
def _price_usd(
    provider: str | None,
    model: str,
    day: date,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int,
    cache_write_tokens: int,
) -> float | None:
    if _is_unknown(provider, model):
        return None
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read_tokens or None,
        cache_write_tokens=cache_write_tokens or None,
    )
    at = datetime.combine(day, time(12), UTC)
    try:
        price = calc_price(usage, model, provider_id=provider, genai_request_timestamp=at)
    except (LookupError, ValueError):  # ValueError: counts that contradict each other, such as more cached than read
        return None
    return float(price.total_price)


@lru_cache(maxsize=4_096)
def _is_unknown(provider: str | None, model: str) -> bool:
    """Whether no list has this model: asked once, because a failed search is as dear as a price."""
    try:
        calc_price(Usage(input_tokens=1, output_tokens=1), model, provider_id=provider)
    except LookupError:
        return True
    return False
