"""Whole columns of calls against genai-prices' own arithmetic, and what goes before and after it."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TimeOfDateConstraint
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.prices import PricedCalls, PriceList, PricesConfig, price_calls, price_usd

NOON_NS = 1_761_000_000_000_000_000
TEXTS = ("provider", "request_model", "response_model")
GPT_4O = {"provider": "openai", "response_model": "gpt-4o", "input_tokens": 1_000, "output_tokens": 500}
USAGE_KEYS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
}
TOKEN_KEYS = {"input_mtok", "output_mtok", "requests_kcount"}
MODELS = [(provider, model) for provider in get_snapshot().providers for model in provider.models]


def priced(calls: Sequence[dict[str, Any]], prices: PriceList | None = None) -> PricedCalls:
    def column(name: str) -> pa.Array:
        kind = pa.string() if name in TEXTS else pa.float64() if name == "reported_cost_usd" else pa.int64()
        return pa.array([call.get(name, NOON_NS if name == "start_ns" else None) for call in calls], kind)

    columns = {name: column(name) for name in (*TEXTS, "start_ns", *USAGE_KEYS, "reported_cost_usd")}
    return price_calls(columns) if prices is None else price_calls(columns, prices)


def cost(**call: Any) -> float | None:
    return priced([GPT_4O | call]).cost_usd[0].as_py()  # type: ignore[no-any-return]


def source(**call: Any) -> str | None:
    return priced([GPT_4O | call]).price_source[0].as_py()  # type: ignore[no-any-return]


def expected(provider: Provider, model_name: str, at: dt.datetime, counts: dict[str, int | None]) -> float | None:
    """calc_price, except where it takes a bill of hours, characters or pages, or no price at all, for free of charge,
    where it takes a missing count for 0 tokens, and where it overlooks contradictions that do not change the price."""
    total_in, total_out = counts["input_tokens"], counts["output_tokens"]
    read, write = counts["cache_read_tokens"] or 0, counts["cache_write_tokens"] or 0
    if max(read + write, counts["input_audio_tokens"] or 0) > (total_in or 0):
        return None
    if max(counts["reasoning_tokens"] or 0, counts["output_audio_tokens"] or 0) > (total_out or 0):
        return None
    usage = Usage(**{USAGE_KEYS[name]: count or 0 for name, count in counts.items()})
    try:
        price = calc_price(usage, model_name, provider_id=provider.id, genai_request_timestamp=at)
        million = Usage(input_tokens=10**6, output_tokens=10**6)
        full = calc_price(million, model_name, provider_id=provider.id, genai_request_timestamp=at)
    except (LookupError, ValueError):
        return None
    keys = {key for key, value in vars(price.model_price).items() if value is not None}
    if (keys and not keys & TOKEN_KEYS) or (not keys and not price.model.id.endswith(":free")):
        return None
    if (total_in is None and full.input_price) or (total_out is None and full.output_price):
        return None
    return float(price.total_price)


def thresholds(model: ModelInfo) -> list[int]:
    prices = [model.prices] if isinstance(model.prices, ModelPrice) else [one.prices for one in model.prices]
    tiered = (value for one in prices for value in vars(one).values() if hasattr(value, "tiers"))
    return sorted({tier.start for value in tiered for tier in value.tiers})


TIERED = [(p, m) for p, m in MODELS if thresholds(m)]
CONDITIONAL = [(p, m) for p, m in MODELS if not isinstance(m.prices, ModelPrice)]
IN_PARTS = [(p, m) for p, m in MODELS if isinstance(m.prices, ModelPrice) and len(vars(m.prices)) > 2]


@st.composite
def calls_of_any_model(draw: st.DrawFn) -> tuple[Provider, dict[str, Any], dt.datetime]:
    provider, model = draw(
        st.sampled_from(MODELS) | st.sampled_from(TIERED) | st.sampled_from(CONDITIONAL) | st.sampled_from(IN_PARTS)
    )
    near = [start + offset for start in thresholds(model) for offset in (-1, 0, 1)]
    n_in = draw(st.sampled_from(near) if near and draw(st.booleans()) else st.integers(0, 2_000_000))
    n_out = draw(st.integers(0, 200_000))
    small, any_ = st.integers(0, n_in // 3), st.integers(0, 3_000_000)
    part = st.sampled_from([st.none(), st.just(0), small, small, small, any_]).flatmap(lambda kind: kind)
    at = draw(st.datetimes(dt.datetime(2023, 1, 1), dt.datetime(2027, 6, 1), timezones=st.just(dt.UTC)))
    call = {
        "provider": provider.id,
        "response_model": model.id,
        "input_tokens": draw(st.none() | st.just(n_in) | st.just(n_in) | st.just(n_in)),
        "output_tokens": draw(st.none() | st.just(n_out) | st.just(n_out) | st.just(n_out)),
        "cache_read_tokens": draw(part),
        "cache_write_tokens": draw(part),
        "input_audio_tokens": draw(part),
        "reasoning_tokens": draw(st.none() | st.integers(0, n_out) | st.integers(0, n_out + 9)),
        "output_audio_tokens": draw(st.none() | st.just(0) | st.integers(0, n_out)),
    }
    return provider, call, at


def ns(at: dt.datetime) -> int:
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1_000


def agrees(cost_usd: float | None, by_decimals: float | None) -> bool:
    if cost_usd is None or by_decimals is None:
        return cost_usd is by_decimals
    return cost_usd == by_decimals or math.isclose(cost_usd, by_decimals, rel_tol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.lists(calls_of_any_model(), min_size=1, max_size=12))
def test_every_listed_price_is_what_calc_price_says(drawn: list[tuple[Provider, dict[str, Any], dt.datetime]]) -> None:
    costs = priced([call | {"start_ns": ns(at)} for _, call, at in drawn]).cost_usd.to_pylist()
    for cost_usd, (provider, call, at) in zip(costs, drawn, strict=True):
        by_decimals = expected(provider, call["response_model"], at, {name: call[name] for name in USAGE_KEYS})
        assert agrees(cost_usd, by_decimals), (cost_usd, by_decimals, call, at)
        assert price_usd(**call, start_ns=ns(at)) == cost_usd


def test_all_models_of_all_providers_in_one_batch() -> None:
    at = dt.datetime(2026, 11, 1, 2, 30, tzinfo=dt.UTC)
    counts = {"input_tokens": 300_001, "output_tokens": 77, "cache_read_tokens": 4_321, "reasoning_tokens": 11}
    calls = [{"provider": p.id, "response_model": m.id, "start_ns": ns(at)} | counts for p, m in MODELS]
    told = [expected(p, m.id, at, {name: counts.get(name) for name in USAGE_KEYS}) for p, m in MODELS]
    costs = priced(calls).cost_usd.to_pylist()
    different = [call for call, a, b in zip(calls, costs, told, strict=True) if not agrees(a, b)]
    assert not different
    assert sum(one is not None for one in costs) > 0.85 * len(MODELS)


def test_a_tier_holds_for_all_tokens_above_its_threshold_and_not_on_it() -> None:
    at = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
    drawn = [(p, m, start + offset) for p, m in TIERED for start in thresholds(m) for offset in (0, 1)]
    calls = [
        {"provider": p.id, "response_model": m.id, "start_ns": ns(at), "input_tokens": n, "output_tokens": 10**6}
        for p, m, n in drawn
    ]
    costs = priced(calls).cost_usd.to_pylist()
    for cost_usd, call, (p, m, _) in zip(costs, calls, drawn, strict=True):
        assert agrees(cost_usd, expected(p, m.id, at, {name: call.get(name) for name in USAGE_KEYS}))
    assert sum(below != above for below, above in zip(costs[::2], costs[1::2], strict=True)) > len(TIERED) / 2


def test_prices_of_a_time_of_day_begin_and_end_on_the_nanosecond() -> None:
    listed = [
        (p.id, m.id, one.constraint.start_time)
        for p, m in MODELS
        if not isinstance(m.prices, ModelPrice)
        for one in m.prices
        if isinstance(one.constraint, TimeOfDateConstraint)
    ]
    assert listed
    for provider, model, start in listed:
        begins_ns = ns(dt.datetime.combine(dt.date(2026, 11, 1), start).astimezone(dt.UTC))
        call = {"provider": provider, "response_model": model, "input_tokens": 10**6, "output_tokens": 10**6}
        times = (begins_ns - 1, begins_ns)
        before, after = priced([call | {"start_ns": start_ns} for start_ns in times]).cost_usd.to_pylist()
        assert [price_usd(**call, start_ns=start_ns) for start_ns in times] == [before, after]
        assert before != after


def test_a_known_model_costs_its_list_price() -> None:
    # 2.50 USD per million input tokens and 10 USD per million output tokens.
    assert cost() == (1_000 * 2.5 + 500 * 10) / 1e6
    assert source() == "genai-prices"


def test_cached_input_is_cheaper_and_not_counted_twice() -> None:
    assert cost(cache_read_tokens=400) == (600 * 2.5 + 400 * 1.25 + 500 * 10) / 1e6


def test_unknown_is_not_free() -> None:
    assert cost(provider="my-own-server") is None
    assert cost(provider=None, response_model="tiny-support-v1") is None
    assert cost(response_model=None) is None
    assert cost(input_tokens=None) is None
    assert cost(output_tokens=None) is None
    assert source(input_tokens=None) is None


def test_what_embeddings_do_not_write_is_not_missing() -> None:
    embedded = {"response_model": "text-embedding-3-small", "input_tokens": 1_000, "output_tokens": None}
    assert cost(**embedded) == 1_000 * 0.02 / 1e6


def test_a_bill_of_hours_is_not_taken_for_free() -> None:
    assert cost(response_model="whisper-1") is None


@pytest.mark.parametrize(
    "counts",
    [
        {"cache_read_tokens": 1_001},
        {"cache_read_tokens": 600, "cache_write_tokens": 600},
        {"reasoning_tokens": 501},
        {"input_audio_tokens": 1_001},
        {"output_audio_tokens": 501},
        {"input_tokens": -1},
        {"output_tokens": -1},
        {"cache_read_tokens": -1},
        {"cache_read_tokens": 2**63 - 1, "cache_write_tokens": 2**63 - 1, "reasoning_tokens": 2**63 - 1},
    ],
)
def test_counts_that_contradict_each_other_have_no_price(counts: dict[str, int]) -> None:
    assert cost(**counts) is None
    assert price_usd(**GPT_4O | counts, start_ns=NOON_NS) is None  # type: ignore[arg-type]


def test_cached_audio_has_no_price_where_nobody_says_how_much_of_it_was_cached() -> None:
    audio = {"response_model": "gpt-4o-realtime-preview", "input_audio_tokens": 600}
    assert cost(**audio) is not None
    assert cost(**audio, cache_read_tokens=300) is None


def test_a_count_beyond_all_reason_has_a_price_and_no_overflow() -> None:
    assert cost(input_tokens=2**63 - 1, output_tokens=0) == pytest.approx((2**63 - 1) * 2.5 / 1e6, rel=1e-14)


def test_the_model_that_answered_is_priced_before_the_one_asked_for() -> None:
    assert cost(request_model="gpt-4o", response_model="gpt-4o-mini-2024-07-18") == (1_000 * 0.15 + 500 * 0.6) / 1e6
    assert cost(request_model="gpt-4o", response_model=None) == cost()
    assert cost(request_model="gpt-4o", response_model="checkpoint-7f3a") == cost()


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("OpenAI", "gpt-4o"),
        ("openai.chat", "gpt-4o"),
        ("azure.ai.openai", "gpt-4o"),
        ("langchain", "gpt-4o"),
        (None, "gpt-4o"),
        (None, "openai/gpt-4o"),
        ("openai", "openai/gpt-4o"),
        ("litellm", "openai/gpt-4o"),
        ("acme-gateway", "gpt-4o"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-flash"),
        ("google", "models/gemini-2.5-pro"),
        ("mistral_ai", "mistral-large-latest"),
        ("x_ai", "grok-4"),
        (None, "text-embedding-3-small"),
        (None, "deepseek-chat"),
    ],
)
def test_a_provider_is_found_however_it_is_written(provider: str | None, model: str) -> None:
    assert source(provider=provider, response_model=model) == "genai-prices"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("local", "gpt-4o"),
        ("vllm", "gpt-4o"),
        ("hosted_vllm", "gpt-4o"),
        ("ollama", "gpt-4o"),
        ("watchkeeper", "gpt-4o"),
        ("our-own-gpu", "gpt-4o"),
        ("openai-compatible", "gpt-4o"),
        ("acme", "mistral-large-latest"),  # open weights: acme may run them itself
        ("acme", "deepseek-chat"),
        (None, "gpt-oss-20b"),
        (None, "mistralai/mistral-small-2503"),
    ],
)
def test_a_model_of_ones_own_has_no_list_price(provider: str | None, model: str) -> None:
    assert cost(provider=provider, response_model=model, request_model=model) is None


def test_a_reported_cost_fills_what_no_list_knows() -> None:
    own = {"provider": "vllm", "response_model": "ours"}
    assert (cost(**own, reported_cost_usd=0.25), source(**own, reported_cost_usd=0.25)) == (0.25, "reported")
    assert (cost(reported_cost_usd=0.25), source(reported_cost_usd=0.25)) == (cost(), "genai-prices")
    for filler in (0.0, -1.0, math.nan, math.inf, None):
        assert (cost(**own, reported_cost_usd=filler), source(**own, reported_cost_usd=filler)) == (None, None)


def test_the_operators_price_goes_before_the_list_and_the_senders() -> None:
    entry = {"model": "gpt-4o", "input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    prices = PriceList.of(PricesConfig.model_validate({"models": [entry]}))
    result = priced([GPT_4O | {"reported_cost_usd": 9.0}, GPT_4O | {"response_model": "gpt-4o-mini"}], prices)
    assert result.price_source.to_pylist() == ["operator", "genai-prices"]
    assert result.cost_usd[0].as_py() == (1_000 * 1 + 500 * 2) / 1e6


def test_no_calls_have_no_prices() -> None:
    result = priced([])
    assert (len(result.cost_usd), len(result.price_source)) == (0, 0)
    assert (result.cost_usd.type, result.price_source.type) == (pa.float64(), pa.string())


def test_columns_that_are_missing_or_chunked_or_encoded_are_read() -> None:
    columns = {
        "provider": pa.array(["openai", None]).dictionary_encode(),
        "request_model": pa.chunked_array([["gpt-4o"], ["gpt-4o"]]),
        "response_model": pa.nulls(2, pa.string()),
        "start_ns": pa.array([NOON_NS, NOON_NS]),
        "input_tokens": pa.chunked_array([[1_000], [1_000]]),
        "output_tokens": pa.array([500, 500]),
    }
    assert price_calls(columns).cost_usd.to_pylist() == [cost(), cost()]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_any_time_has_a_day(starts: list[int]) -> None:
    assert priced([GPT_4O | {"start_ns": start} for start in starts]).cost_usd.to_pylist() == [cost()] * len(starts)
