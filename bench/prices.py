"""Time to price a call: whole columns against one call of genai-prices each.

usage: python bench/prices.py [--calls N] [--per-batch N ...]

Every call has its own counts of tokens, as real ones have; the models are those of several providers, with cached
input, tiers, times of day and an unknown one among them.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from genai_prices import Usage, calc_price

from collector.prices import price_calls, price_usd

MODELS = (
    ("openai", "gpt-4o-2024-08-06"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("aws", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),
    ("mistral", "mistral-large-latest"),
    ("vllm", "our-own-model"),
)
START_NS = 1_793_500_000 * 10**9


def some_calls(n_calls: int, rng: np.random.Generator) -> pa.Table:
    kind = rng.integers(0, len(MODELS), n_calls)
    n_input = rng.integers(1, 300_000, n_calls)
    n_output = rng.integers(1, 8_000, n_calls)
    return pa.table(
        {
            "provider": pa.array([MODELS[k][0] for k in kind]),
            "request_model": pa.array([MODELS[k][1] for k in kind]),
            "response_model": pa.array([MODELS[k][1] for k in kind]),
            "start_ns": pa.array(START_NS + np.sort(rng.integers(0, 86_400 * 10**9, n_calls))),
            "input_tokens": pa.array(n_input),
            "output_tokens": pa.array(n_output),
            "cache_read_tokens": pa.array(n_input // rng.integers(2, 9, n_calls)),
            "cache_write_tokens": pa.nulls(n_calls, pa.int64()),
            "reasoning_tokens": pa.array(n_output // 3),
        }
    )


def columns_of(table: pa.Table) -> dict[str, pa.Array]:
    return {name: table.column(name).combine_chunks() for name in table.column_names}


def by_genai_prices(calls: list[dict[str, Any]]) -> list[float | None]:
    costs: list[float | None] = []
    for call in calls:
        usage = Usage(
            input_tokens=call["input_tokens"],
            output_tokens=call["output_tokens"],
            cache_read_tokens=call["cache_read_tokens"],
            output_reasoning_tokens=call["reasoning_tokens"],
        )
        at = datetime.fromtimestamp(call["start_ns"] // 10**9, UTC)
        try:
            price = calc_price(usage, call["response_model"], provider_id=call["provider"], genai_request_timestamp=at)
        except LookupError:
            costs.append(None)
        else:
            costs.append(float(price.total_price))
    return costs


def measured_us(price: Callable[[Any], object], batches: list[Any], n_calls: int) -> float:
    """Microseconds of CPU per call, the best of five rounds."""
    times_s = []
    for _ in range(5):
        started_s = time.process_time()
        for batch in batches:
            price(batch)
        times_s.append(time.process_time() - started_s)
    return min(times_s) / n_calls * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--per-batch", type=int, nargs="+", default=[32, 256, 1_024, 4_096])
    options = parser.parse_args()
    table = some_calls(options.calls, np.random.default_rng(7))
    few = table.slice(0, min(options.calls, 2_000))
    rows = few.to_pylist()
    by_columns = price_calls(columns_of(few)).cost_usd.to_pylist()
    if by_columns != by_genai_prices(rows) or by_columns != [price_usd(**row) for row in rows]:
        raise SystemExit("the ways differ; one of them is wrong")
    print(f"genai-prices: {measured_us(by_genai_prices, [rows], len(rows)):.1f} us a call")
    print(f"one by one: {measured_us(lambda row: price_usd(**row), rows, len(rows)):.2f} us a call")
    for per_batch in options.per_batch:
        n_batches = max(min(options.calls, 500 * per_batch) // per_batch, 1)
        batches = [columns_of(table.slice(i * per_batch, per_batch)) for i in range(n_batches)]
        print(f"columns of {per_batch}: {measured_us(price_calls, batches, n_batches * per_batch):.2f} us a call")


if __name__ == "__main__":
    main()
