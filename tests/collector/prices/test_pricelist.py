"""The operator's own prices: which entry holds, and what a wrong one is told."""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from collector.prices import PriceList, PricesConfig, price_calls, price_usd
from collector.validation import complaints

DAY_NS = 86_400 * 10**9


def a_list(*entries: dict[str, Any]) -> PriceList:
    return PriceList.of(PricesConfig.model_validate({"models": entries}))


def an_entry(input_usd: float, **fields: Any) -> dict[str, Any]:
    return {"model": "ours", "input_usd_per_mtok": input_usd, "output_usd_per_mtok": 0} | fields


def per_mtok(prices: PriceList, *, on: str = "2026-11-21", **call: Any) -> float | None:
    """What a million input tokens cost."""
    start_ns = (dt.date.fromisoformat(on) - dt.date(1970, 1, 1)).days * DAY_NS
    known = {
        "provider": "vllm",
        "response_model": "ours",
        "input_tokens": 10**6,
        "output_tokens": 0,
        "start_ns": start_ns,
    }
    return price_usd(**(known | call), prices=prices)


def test_a_later_price_holds_from_its_first_day_on() -> None:
    prices = a_list(an_entry(2, effective_from="2026-11-20"), an_entry(1, effective_from="2026-11-01"))
    days = ("2026-10-31", "2026-11-01", "2026-11-19", "2026-11-20", "2027-01-01")
    assert [per_mtok(prices, on=day) for day in days] == [None, 1, 1, 2, 2]


def test_before_its_first_day_the_list_holds() -> None:
    prices = a_list(an_entry(1, model="gpt-4o", effective_from="2026-11-20"))
    call = {"provider": "openai", "response_model": "gpt-4o"}
    assert [per_mtok(prices, on=day, **call) for day in ("2026-11-19", "2026-11-20")] == [2.5, 1]


def test_a_name_goes_before_a_pattern_a_provider_before_none_and_the_last_line_last() -> None:
    general = [an_entry(1, model="*"), an_entry(2, model="ou*"), an_entry(3, model="ou*", provider="vllm")]
    assert per_mtok(a_list(*general)) == 3
    assert per_mtok(a_list(*general), provider=None) == 2
    assert per_mtok(a_list(*general), response_model="other") == 1
    newer_pattern = an_entry(5, model="*", effective_from="2026-11-01")
    assert per_mtok(a_list(*general, an_entry(4), newer_pattern)) == 4


def test_names_are_folded_and_matched_in_any_case() -> None:
    prices = a_list(an_entry(1, provider="Azure", model="Acme-*"))
    assert per_mtok(prices, provider="az.ai.openai", response_model="ACME-prod") == 1
    assert per_mtok(prices, provider="openai", response_model="acme-prod") is None


def test_the_model_asked_for_names_a_deployment() -> None:
    prices = a_list(an_entry(1, model="our-deployment"))
    assert per_mtok(prices, provider="azure", request_model="our-deployment", response_model="gpt-4o") == 1


def test_zero_is_a_price() -> None:
    prices = a_list(an_entry(0))
    assert per_mtok(prices) == 0.0
    assert per_mtok(prices, input_tokens=None) == 0.0


def test_a_request_has_a_price_of_its_own() -> None:
    assert per_mtok(a_list({"model": "ours", "request_usd": "0.005"})) == 0.005
    assert per_mtok(a_list(an_entry(1, request_usd=0.5))) == 1.5


def test_parts_cost_what_the_whole_costs_unless_they_have_a_price() -> None:
    call = {"cache_read_tokens": 10**5, "cache_write_tokens": 10**5, "output_tokens": 10**6, "reasoning_tokens": 10**5}
    assert per_mtok(a_list(an_entry(1, output_usd_per_mtok=10)), **call) == 11
    parts = {"cache_read_usd_per_mtok": 0.1, "cache_write_usd_per_mtok": 2, "reasoning_usd_per_mtok": 20}
    assert per_mtok(a_list(an_entry(1, output_usd_per_mtok=10, **parts)), **call) == pytest.approx(
        0.8 * 1 + 0.1 * 0.1 + 0.1 * 2 + 0.9 * 10 + 0.1 * 20, rel=1e-15
    )


def test_audio_has_prices_of_its_own() -> None:
    entry = an_entry(1, output_usd_per_mtok=2, input_audio_usd_per_mtok=10, output_audio_usd_per_mtok=20)
    texts = {"provider": "vllm", "request_model": None, "response_model": "ours"}
    numbers = {
        "start_ns": 0,
        "input_tokens": 10,
        "output_tokens": 10,
        "input_audio_tokens": 4,
        "output_audio_tokens": 5,
    }
    columns = {name: pa.array([text], pa.string()) for name, text in texts.items()}
    columns |= {name: pa.array([number], pa.int64()) for name, number in numbers.items()}
    assert price_calls(columns, a_list(entry)).cost_usd.to_pylist() == [(6 * 1 + 4 * 10 + 5 * 2 + 5 * 20) / 1e6]


def test_a_tier_changes_the_price_of_all_tokens_and_keeps_what_it_does_not_name() -> None:
    tiers = [
        {"above_input_tokens": 1_000, "input_usd_per_mtok": 2},
        {"above_input_tokens": 2_000, "output_usd_per_mtok": 30, "cache_read_usd_per_mtok": 1},
    ]
    prices = a_list(an_entry(1, output_usd_per_mtok=10, input_tiers=tiers))
    counts = [(1_000, 0), (1_001, 0), (2_001, 0), (2_001, 500)]
    costs = [per_mtok(prices, input_tokens=n, output_tokens=100, cache_read_tokens=cached) for n, cached in counts]
    assert costs == pytest.approx([0.002, 0.003002, 0.007002, 0.006502], rel=1e-15)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([{"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}], "models[0].model: missing"),
        ([{"model": "m"}], "input_usd_per_mtok is missing for m; write 0 if these tokens are free"),
        ([{"model": "m", "input_usd_per_mtok": 1}], "output_usd_per_mtok is missing for m"),
        ([{"model": "m", "request_usd": 1, "reasoning_usd_per_mtok": 1}], "input_usd_per_mtok is missing for m"),
        ([an_entry(-1)], "models[0].input_usd_per_mtok: input should be greater than or equal to 0, got -1"),
        ([an_entry(float("nan"))], "models[0].input_usd_per_mtok: "),
        ([an_entry(1, input_usd_per_mtk=1)], "input_usd_per_mtk: unknown, did you mean input_usd_per_mtok?"),
        ([an_entry(1, effective_from="soon")], "models[0].effective_from: "),
        ([an_entry(1, provider="langchain")], "names a framework or nothing, not who serves the model"),
        ([an_entry(1), an_entry(2, model="OURS")], "two prices for OURS from the same day"),
        ([an_entry(1, input_tiers=[{"above_input_tokens": 5}])], "a tier without a price changes nothing"),
        (
            [an_entry(1, input_tiers=[{"above_input_tokens": n, "input_usd_per_mtok": 1} for n in (5, 5)])],
            "above_input_tokens must ascend from tier to tier, got [5, 5]",
        ),
    ],
)
def test_a_wrong_price_is_refused_with_its_place_and_the_way_out(entries: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        PricesConfig.model_validate({"models": entries})
    assert says in "; ".join(complaints(refusal.value, PricesConfig))


def test_the_example_of_the_docs_holds() -> None:
    text = (Path(__file__).parents[3] / "docs" / "prices.md").read_text().split("```toml\n")[1].split("```")[0]
    prices = PriceList.of(PricesConfig.model_validate(tomllib.loads(text)["collector"]["prices"]))
    assert per_mtok(prices, provider="azure.ai.openai", response_model="acme-chat-2") == 2
    assert per_mtok(prices) == 0
    assert per_mtok(prices, provider="acme", response_model="long-reader") == 3.005
