"""Price forms of genai-prices that no list has yet, and how new the lists are."""

import datetime as dt
from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from collector.prices.listed import listed_model, model_rates, newest_price

DAY = dt.date(2026, 11, 1)


def tiered(base: str, *tiers: tuple[int, str]) -> TieredPrices:
    return TieredPrices(base=Decimal(base), tiers=[Tier(start=start, price=Decimal(price)) for start, price in tiers])


def a_model(*prices: ConditionalPrice) -> ModelInfo:
    return ModelInfo(id="m", match=ClauseEquals("m"), prices=list(prices))


def test_tiers_that_differ_by_unit_and_by_time_of_day_across_midnight() -> None:
    east = dt.timezone(dt.timedelta(hours=3))
    night = TimeOfDateConstraint(start_time=dt.time(22), end_time=dt.time(9, tzinfo=east))
    model = a_model(
        ConditionalPrice(
            prices=ModelPrice(input_mtok=tiered("3", (100, "5"), (300, "7")), output_mtok=tiered("9", (200, "11")))
        ),
        ConditionalPrice(
            constraint=night, prices=ModelPrice(input_mtok=tiered("1", (150, "2")), output_mtok=Decimal(4))
        ),
        ConditionalPrice(constraint=StartDateConstraint(dt.date(2027, 1, 1)), prices=ModelPrice(input_mtok=Decimal(0))),
    )
    rates = model_rates(model, DAY)
    assert rates is not None
    assert (rates.above_input_tokens, rates.n_tiers) == ((100, 150, 200, 300), 5)
    hours = [change / 3.6e12 for change in rates.changes_ns]
    assert hours == [6, 22]
    for segment, hour in enumerate((0, 6, 22)):
        for tier, n_input in enumerate((100, 150, 200, 300, 301)):
            row = segment * rates.n_tiers + tier
            at = dt.datetime.combine(DAY, dt.time(hour), dt.UTC)
            asked = model.calc_price(
                Usage(input_tokens=n_input, output_tokens=7), get_snapshot().providers[0], genai_request_timestamp=at
            )
            cost_usd = (n_input * rates.weights[row][0] + 7 * rates.weights[row][1]) / rates.divisor[row]
            assert cost_usd == float(asked.total_price)


@pytest.mark.parametrize(
    "prices",
    [
        ModelPrice(),
        ModelPrice(audio_hours=Decimal(1)),
        ModelPrice(cache_read_mtok=Decimal(1)),  # without a price of input, which it is part of
        ModelPrice(input_mtok=Decimal(-1)),
    ],
)
def test_prices_that_tokens_do_not_tell_are_none(prices: ModelPrice) -> None:
    assert model_rates(a_model(ConditionalPrice(prices=prices)), DAY) is None


def test_a_listed_zero_is_free() -> None:
    model = a_model(ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0))))
    rates = model_rates(model, DAY)
    assert rates is not None
    assert not rates.weights.any()


def test_a_model_that_its_provider_does_not_list_is_not_looked_for_elsewhere() -> None:
    assert listed_model("openai", "claude-sonnet-4-5") is None
    assert listed_model("anthropic", "claude-sonnet-4-5") is not None


def test_the_newest_price_is_not_one_of_the_future() -> None:
    assert newest_price(DAY) <= DAY < newest_price(dt.date.max)
