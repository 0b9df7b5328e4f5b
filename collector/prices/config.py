"""The operator's own prices: `[collector.prices]`."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, field_validator, model_validator

from collector.providers import provider_name

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False, max_digits=30)]
"""Zero is a price: free."""


class TokenPrices(BaseModel, frozen=True, extra="forbid"):
    """USD per million tokens. A part that has no price of its own costs what the whole costs."""

    input_usd_per_mtok: Usd | None = None
    output_usd_per_mtok: Usd | None = None
    cache_read_usd_per_mtok: Usd | None = None
    cache_write_usd_per_mtok: Usd | None = None
    reasoning_usd_per_mtok: Usd | None = None
    input_audio_usd_per_mtok: Usd | None = None
    output_audio_usd_per_mtok: Usd | None = None


class InputTier(TokenPrices, frozen=True, extra="forbid"):
    """What changes for all tokens of a call with more than so many input tokens; the rest stays."""

    above_input_tokens: int = Field(ge=1, lt=2**53)

    @model_validator(mode="after")
    def _changes_something(self) -> "InputTier":
        if all(getattr(self, name) is None for name in TokenPrices.model_fields):
            raise ValueError("a tier without a price changes nothing: write input_usd_per_mtok or another price")
        return self


class ModelPrices(TokenPrices, frozen=True, extra="forbid"):
    """What one model, or all models of a pattern, cost from a day on."""

    provider: str | None = None
    """Left out: any provider, also none."""
    model: str = Field(min_length=1)
    """A name or a pattern with * ? [ ], in any case."""
    effective_from: date | None = None
    """First UTC day; left out: ever since."""
    request_usd: Usd | None = None
    input_tiers: tuple[InputTier, ...] = ()

    @field_validator("provider")
    @classmethod
    def _is_a_provider(cls, provider: str | None) -> str | None:
        if provider is None:
            return None
        name = provider_name(provider)
        if name is None:
            raise ValueError("names a framework or nothing, not who serves the model; leave provider out for any")
        return name

    @field_validator("input_tiers")
    @classmethod
    def _ascend(cls, tiers: tuple[InputTier, ...]) -> tuple[InputTier, ...]:
        starts = [tier.above_input_tokens for tier in tiers]
        if starts != sorted(set(starts)):
            raise ValueError(f"above_input_tokens must ascend from tier to tier, got {starts}")
        return tiers

    @model_validator(mode="after")
    def _says_what_tokens_cost(self) -> "ModelPrices":
        has_input, has_output = self.input_usd_per_mtok is not None, self.output_usd_per_mtok is not None
        has_details = any(getattr(self, name) is not None for name in TokenPrices.model_fields) or self.input_tiers
        if not (has_input and has_output) and (has_details or self.request_usd is None):
            missing = "output_usd_per_mtok" if has_input else "input_usd_per_mtok"
            raise ValueError(f"{missing} is missing for {self.model}; write 0 if these tokens are free")
        return self


class PricesConfig(BaseModel, frozen=True, extra="forbid"):
    models: tuple[ModelPrices, ...] = ()
    """Prices that go before the list of genai-prices."""

    @field_validator("models")
    @classmethod
    def _differ(cls, models: tuple[ModelPrices, ...]) -> tuple[ModelPrices, ...]:
        seen: set[tuple[str | None, str, date | None]] = set()
        for entry in models:
            key = (entry.provider, entry.model.lower(), entry.effective_from)
            if key in seen:
                raise ValueError(
                    f"two prices for {entry.model} from the same day; delete one, or give it an effective_from"
                )
            seen.add(key)
        return models
