"""The public price lists that come with genai-prices: which of them holds a model, and what it costs on a day."""

import re
import warnings
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache, partial

from genai_prices import Usage
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from collector.prices.rates import Rates, UnitPrices, rates_of
from collector.providers import is_self_hosted, provider_name

_LIST_IDS = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "together_ai": "together",
    "x_ai": "x-ai",
}
_KEYS = {
    "input_tokens": "input_mtok",
    "output_tokens": "output_mtok",
    "cache_read_tokens": "cache_read_mtok",
    "cache_write_tokens": "cache_write_mtok",
    "reasoning_tokens": "output_reasoning_mtok",
    "input_audio_tokens": "input_audio_mtok",
    "output_audio_tokens": "output_audio_mtok",
}
_BILLED = ("input_mtok", "output_mtok", "requests_kcount")

_CLOSED = ("openai", "anthropic", "google", "x-ai")
"""Who serves models that nobody else can run: their model's name tells the price, whatever the provider is called."""
_CLOUDS = ("aws", "azure")
_OPEN_WEIGHTS = re.compile(r"gpt-oss|gemma|grok-[12](?!\d)")


@lru_cache(maxsize=65_536)
def listed_rates(provider: str | None, model: str, day: date) -> Rates | None:
    """What `model` costs on `day`; None where no list says so. `provider` in canonical form."""
    found = listed_model(provider, model)
    return None if found is None else model_rates(found, day)


@lru_cache(maxsize=16_384)
def listed_model(provider: str | None, model: str) -> ModelInfo | None:
    """The entry of `model` in the list of its provider; the provider is inferred where nobody knows it."""
    known = None if provider is None else _provider_list(provider)
    if known is not None:
        return _find(known, model) or _find(known, model.rpartition("/")[2])
    if provider is not None and is_self_hosted(provider):
        return None
    return _inferred(model.lower(), is_any_list=provider is None)


def _provider_list(provider: str) -> Provider | None:
    exact = _list_of(provider)
    return exact or (None if is_self_hosted(provider) else find_provider_by_id(get_snapshot().providers, provider))


def _list_of(provider: str) -> Provider | None:
    id_ = _LIST_IDS.get(provider, provider)
    return next((listed for listed in get_snapshot().providers if listed.id == id_), None)


def _find(provider: Provider, model: str) -> ModelInfo | None:
    return provider.find_model(model, all_providers=get_snapshot().providers)


def _inferred(model: str, *, is_any_list: bool) -> ModelInfo | None:
    """The entry of a model whose provider nobody knows.

    Open weights run anywhere, at any price: a provider with a name that is not known is priced only for models that
    cannot be its own. Where there is no name at all, the model's name decides.
    """
    if is_any_list and (listed := _list_that_claims(model)) is not None and listed.id not in _CLOSED:
        return _find(listed, model)
    if _OPEN_WEIGHTS.search(model):
        return None
    prefix, slash, rest = model.partition("/")
    named = _list_of(provider_name(prefix) or prefix) if slash else None
    if named is not None and named.id in (*_CLOSED, *_CLOUDS):  # openai/gpt-4o, as LiteLLM writes it
        return _find(named, rest)
    name = model.rpartition("/")[2]
    claiming = _list_that_claims(name)
    if claiming is not None:
        return _find(claiming, name) if claiming.id in _CLOSED else None
    # No list claims text-embedding-3-small by its name.
    closed = (listed for listed in get_snapshot().providers if listed.id in _CLOSED)
    return next((found for listed in closed if (found := _find(listed, name))), None)


def _list_that_claims(model: str) -> Provider | None:
    """The provider whose models are named like `model`."""
    return next((p for p in get_snapshot().providers if p.model_match and p.model_match.is_match(model)), None)


def model_rates(model: ModelInfo, day: date) -> Rates | None:
    """The prices of `model` on `day`, all times of day and tiers; None where they cannot be known from tokens."""
    changes = _changes(model, day)
    midnight = datetime.combine(day, time(0), UTC)
    in_force = [model.get_prices(midnight + change) for change in (timedelta(0), *changes)]
    if not all(_is_told_by_tokens(model, prices) for prices in in_force):
        return None
    tiered = [price for prices in in_force for price in _values(prices).values() if isinstance(price, TieredPrices)]
    return rates_of(
        "genai-prices",
        [partial(_unit_prices, prices) for prices in in_force],
        changes_ns=[change // timedelta(microseconds=1) * 1_000 for change in changes],
        above_input_tokens=sorted({tier.start for price in tiered for tier in price.tiers}),
    )


def _changes(model: ModelInfo, day: date) -> list[timedelta]:
    """Times after midnight, UTC, at which other prices may begin."""
    conditions = [] if isinstance(model.prices, ModelPrice) else [price.constraint for price in model.prices]
    times = [
        t
        for limits in conditions
        if isinstance(limits, TimeOfDateConstraint)
        for t in (limits.start_time, limits.end_time)
    ]
    midnight = datetime.combine(day, time(0), UTC)
    moments = [datetime.combine(day, t if t.tzinfo else t.replace(tzinfo=UTC)).astimezone(UTC) for t in times]
    after_midnight = {(moment - midnight) % timedelta(days=1) for moment in moments}
    return sorted(after_midnight - {timedelta(0)})


def _is_told_by_tokens(model: ModelInfo, prices: ModelPrice) -> bool:
    """Whether tokens and requests, which are all we count, give a price.

    Not where hours, characters or pages are billed, and not where the list holds no price, unless its name says free.
    """
    values = _values(prices)
    if not values:
        return model.id.endswith(":free")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of units that a newer list may hold
            prices.calc_price(Usage())
    except ValueError:  # prices that contradict each other
        return False
    return any(key in values for key in _BILLED)


def _values(prices: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    return {key: price for key, price in vars(prices).items() if price is not None and not key.startswith("_")}


def _unit_prices(prices: ModelPrice, above: int) -> UnitPrices:
    values = _values(prices)

    def at(key: str) -> Decimal | None:
        price = values.get(key)
        if not isinstance(price, TieredPrices):
            return price
        return next((tier.price for tier in reversed(price.tiers) if tier.start <= above), price.base)

    thousand_requests = at("requests_kcount")
    return UnitPrices(
        **{unit: at(key) for unit, key in _KEYS.items()},
        requests=None if thousand_requests is None else thousand_requests / 1_000,
    )


def newest_price(until: date) -> date:
    """The last day up to `until` on which a listed price changed: so new the list is at least."""
    return max(
        price.constraint.start_date
        for provider in get_snapshot().providers
        for model in provider.models
        for price in ([] if isinstance(model.prices, ModelPrice) else model.prices)
        if isinstance(price, ConditionalPrice)
        and isinstance(price.constraint, StartDateConstraint)
        and price.constraint.start_date <= until
    )
