from collector.pricing import price_usd

NOON_NS = 1_761_000_000_000_000_000


def price(**fields: object) -> float | None:
    known = {"provider": "openai", "model": "gpt-4o", "start_ns": NOON_NS, "input_tokens": 1_000, "output_tokens": 500}
    return price_usd(**(known | fields))  # type: ignore[arg-type]


def test_a_known_model_costs_its_list_price() -> None:
    # 2.50 USD per million input tokens and 10 USD per million output tokens.
    assert price() == 1_000 * 2.5e-6 + 500 * 10e-6


def test_cached_input_is_cheaper_and_not_counted_twice() -> None:
    assert price(cache_read_tokens=400) == 600 * 2.5e-6 + 400 * 1.25e-6 + 500 * 10e-6


def test_unknown_is_not_free() -> None:
    assert price(provider="my-own-server") is None
    assert price(model="tiny-support-v1", provider=None) is None
    assert price(model=None) is None
    assert price(input_tokens=None) is None


def test_counts_that_contradict_each_other_have_no_price() -> None:
    assert price(cache_read_tokens=5_000) is None
