"""What model calls cost: the operator's own prices first, then the lists of genai-prices."""

from collector.prices.columns import PricedCalls, price_calls
from collector.prices.config import PricesConfig
from collector.prices.pricelist import NO_PRICES, PriceList
from collector.prices.single import price_usd

__all__ = ["NO_PRICES", "PriceList", "PricedCalls", "PricesConfig", "price_calls", "price_usd"]
