"""The price of one call."""

import pyarrow as pa

from collector.prices.columns import price_calls
from collector.prices.pricelist import NO_PRICES, PriceList


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
    prices: PriceList = NO_PRICES,
) -> float | None:
    """Price of one call in USD, as `price_calls` tells it; None where no price is known, which is not free."""
    texts = {"provider": provider, "request_model": request_model, "response_model": response_model}
    numbers = {
        "start_ns": start_ns,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cache_read_tokens": cache_read_tokens,
        "cache_write_tokens": cache_write_tokens,
        "reasoning_tokens": reasoning_tokens,
    }
    columns = {name: pa.array([text], pa.string()) for name, text in texts.items()}
    columns |= {name: pa.array([number], pa.int64()) for name, number in numbers.items()}
    cost_usd: float | None = price_calls(columns, prices).cost_usd[0].as_py()
    return cost_usd
