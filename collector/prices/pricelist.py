"""The operator's own prices as a value that is asked for one model on one day."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import translate
from functools import lru_cache

from collector.prices.config import InputTier, ModelPrices, PricesConfig
from collector.prices.rates import Rates, UnitPrices, rates_of


@dataclass(frozen=True, slots=True, eq=False)  # by identity: a list is the key of caches and made once
class PriceList:
    """Prices that go before all public lists. The best entry of those that are in effect on the day of the call:

    one that names the model goes before a pattern, then one that names the provider, then the later day, then the
    later place in the list.
    """

    entries: tuple[ModelPrices, ...] = ()

    @classmethod
    def of(cls, config: PricesConfig) -> "PriceList":
        return cls(config.models)

    def rates(self, provider: str | None, model: str, day: date) -> Rates | None:
        """`provider` in canonical form."""
        ranks = [(_rank(entry), entry) for entry in self.entries if _holds(entry, provider, model.lower(), day)]
        return _rates(max(reversed(ranks), key=lambda ranked: ranked[0])[1]) if ranks else None


NO_PRICES = PriceList()


def _holds(entry: ModelPrices, provider: str | None, model: str, day: date) -> bool:
    if entry.provider not in (None, provider) or (entry.effective_from or day) > day:
        return False
    return model == entry.model.lower() or _pattern(entry.model.lower()).fullmatch(model) is not None


def _rank(entry: ModelPrices) -> tuple[bool, bool, date]:
    return not set("*?[") & set(entry.model), entry.provider is not None, entry.effective_from or date.min


@lru_cache(maxsize=1_024)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def _rates(entry: ModelPrices) -> Rates:
    def prices(above: int) -> UnitPrices:
        tiers = [tier for tier in entry.input_tiers if tier.above_input_tokens <= above]
        return UnitPrices(**_token_prices(entry, tiers), requests=entry.request_usd)

    return rates_of("operator", [prices], above_input_tokens=[tier.above_input_tokens for tier in entry.input_tiers])


_FIELDS = {
    "input_tokens": "input_usd_per_mtok",
    "output_tokens": "output_usd_per_mtok",
    "cache_read_tokens": "cache_read_usd_per_mtok",
    "cache_write_tokens": "cache_write_usd_per_mtok",
    "reasoning_tokens": "reasoning_usd_per_mtok",
    "input_audio_tokens": "input_audio_usd_per_mtok",
    "output_audio_tokens": "output_audio_usd_per_mtok",
}


def _token_prices(entry: ModelPrices, tiers: list[InputTier]) -> dict[str, Decimal | None]:
    """By unit; a later tier goes before an earlier one, and both before what holds from the first token on."""
    return {
        unit: next(
            (price for of in (*reversed(tiers), entry) if (price := getattr(of, name)) is not None),
            None,
        )
        for unit, name in _FIELDS.items()
    }
