"""Power and level of the window test on real version changes, and the speed of its parts.

    python bench/drift.py

Reads ../shared/data and prints the tables of docs/drift.md. Reference and window never share a prompt.
"""

import time
from itertools import combinations

import numpy as np
from metrics import rate, read_rows
from numpy.typing import NDArray

from evaluators.drift import drift_test
from evaluators.features import NAMES, feature_rows, features

ALPHA = 0.05
POWER_DRAWS = 100
LEVEL_DRAWS = 200
Floats = NDArray[np.float64]

LLMDRIFT = (
    ("opinionqa", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-4-0314", "gpt-4-0613"),
    ("prime_full", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
    ("sensitiveq", "gpt-4-0314", "gpt-4-0613"),
    ("leetcode_easy", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
)


def main() -> None:
    rng = np.random.default_rng(0)
    bench_llmdrift(rng)
    bench_wildbench(rng)
    bench_speed(rng)


def bench_llmdrift(rng: np.random.Generator) -> None:
    print("| task | change | reference / window | power | false alarms, before | false alarms, after |")
    print("|---|---|---|---|---|---|")
    rows = read_rows("drift-llmdrift")
    for task, before, after in LLMDRIFT:
        old, new = (
            by_prompt([row for row in rows if (row["task"], row["model"]) == (task, model)])
            for model in (before, after)
        )
        for m in (10, 25, 50):
            n = min(200, len(old) - m)
            if n < m:
                continue
            power = found(old, new, n, m, POWER_DRAWS, rng)
            level = [found(same, same, n, m, LEVEL_DRAWS, rng) for same in (old, new)]
            print(f"| {task} | {before} to {after} | {n} / {m} | {power:.2f} | {level[0]:.3f} | {level[1]:.3f} |")


def bench_wildbench(rng: np.random.Generator) -> None:
    print("\n| pair of models on broad traffic | window of 50 | 100 | 200 |")
    print("|---|---|---|---|")
    rows = read_rows("drift-wildbench")
    models = sorted({row["model"] for row in rows})
    answers = {model: by_prompt([row for row in rows if row["model"] == model]) for model in models}
    shared = min(map(len, answers.values()))
    windows = (50, 100, 200)
    for before, after in combinations(models, 2):
        powers = [found(answers[before][:shared], answers[after][:shared], 400, m, 40, rng) for m in windows]
        print(f"| {before}, {after} | " + " | ".join(f"{power:.2f}" for power in powers) + " |")
    levels = [rate([found(a, a, 400, m, LEVEL_DRAWS, rng) for a in answers.values()]) for m in windows]
    print("| the same model, false alarms over all models | " + " | ".join(f"{level:.3f}" for level in levels) + " |")


def bench_speed(rng: np.random.Generator) -> None:
    texts = [row["output"] for row in read_rows("drift-wildbench") if len(row["output"]) >= 1_500][:1_500]
    began_s = time.process_time()
    for text in texts:
        features(text)
    per_s = len(texts) / (time.process_time() - began_s)
    mean_chars = sum(map(len, texts)) / len(texts)
    print(f"\n{len(NAMES)} behaviours of texts of {mean_chars:,.0f} characters: {per_s:,.0f} texts per CPU second")
    for n, k in ((200, len(NAMES)), (10_000, 384)):
        reference, current = rng.normal(size=(n, k)), rng.normal(size=(n, k))
        began_s = time.process_time()
        drift_test(reference, current, rng=rng)
        print(f"{n:,} against {n:,} rows of {k}, 199 permutations: {time.process_time() - began_s:.3f} CPU s")


def by_prompt(rows: list[dict[str, str]]) -> Floats:
    return feature_rows(row["output"] for row in sorted(rows, key=lambda row: row["id"]))


def found(before: Floats, after: Floats, n: int, m: int, n_draws: int, rng: np.random.Generator) -> float:
    """Share of draws with p <= ALPHA; random prompts, n for the reference and m others for the window."""
    p_values = []
    for _ in range(n_draws):
        prompts = rng.permutation(min(len(before), len(after)))
        test = drift_test(before[prompts[:n]], after[prompts[n : n + m]], rng=rng)
        p_values.append(test.p_value)
    return rate([p <= ALPHA for p in p_values])


if __name__ == "__main__":
    main()
