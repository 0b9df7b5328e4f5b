"""Which prices hold for a call: whose, for which of its two models, on its day."""

from datetime import date
from functools import lru_cache

from collector.prices.listed import listed_rates
from collector.prices.pricelist import PriceList
from collector.prices.rates import Rates
from collector.providers import provider_name

NS_PER_DAY = 86_400 * 10**9
_EPOCH = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=65_536)
def rates_for(
    prices: PriceList, provider: str | None, response_model: str | None, request_model: str | None, day: int
) -> Rates | None:
    """The operator's price before a listed one, that of the model that answered before that of the one asked for.

    `day` counts from 1970-01-01, UTC.
    """
    name = None if provider is None else provider_name(provider)
    on = date.fromordinal(_EPOCH + day)
    models = [model for model in dict.fromkeys((response_model, request_model)) if model]
    own = (prices.rates(name, model, on) for model in models)
    listed = (listed_rates(name, model, on) for model in models)
    return next((rates for found in (own, listed) for rates in found if rates is not None), None)
