import pytest

from evaluators.judge.config import JudgeConfig
from evaluators.judge.price import price_usd


def price(**settings: object) -> float | None:
    return price_usd(JudgeConfig.model_validate(settings), input_tokens=1_000_000, output_tokens=1_000_000)


def test_configured_prices_come_first() -> None:
    prices = {"usd_per_million_input_tokens": 0.5, "usd_per_million_output_tokens": 2.0}
    assert price(base_url="https://api.openai.com/v1", model="gpt-4o-mini", **prices) == pytest.approx(2.5)


def test_a_known_provider_has_its_list_price() -> None:
    listed = price(base_url="https://api.openai.com/v1", model="gpt-4o-mini")
    assert listed is not None
    assert listed > 0


def test_a_model_of_ones_own_has_no_price_even_under_a_sold_name() -> None:
    assert price(base_url="http://127.0.0.1:8000/v1", model="gpt-4o-mini") is None
    assert price(base_url="https://api.openai.com/v1", model="no-such-model") is None
