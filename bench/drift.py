"""Power and level of the window tests on real version changes, and the speed of their parts.

    python bench/drift.py [--draws 60]

Reads ../shared/data and prints the tables of docs/drift.md. Reference and window never share a prompt.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from drift_beds import (
    FINE_TUNES,
    MARCH_TO_JUNE,
    SAMPLED_AND_GREEDY,
    Bed,
    Draw,
    halueval,
    llmdrift,
    mixed,
    same_prompts,
    split,
    topics_of_halueval,
    wildbench,
)
from metrics import rate, read_rows

from evaluators.drift import Comparison, decide, drift_test
from evaluators.features import NAMES, features

ALPHA = 0.05
NEVER = "no_change"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=60, help="draws per cell")
    draws = parser.parse_args().draws
    rng = np.random.default_rng(0)
    bench_level(draws, rng)
    bench_march_to_june(draws, rng)
    bench_same_prompts(draws, rng)
    bench_wildbench(draws, rng)
    bench_mix(draws, rng)
    bench_quality(draws, rng)
    bench_speed(rng)


def bench_level(n_draws: int, rng: np.random.Generator) -> None:
    """Nothing changed: how often does each test, and the whole comparison, say otherwise?"""
    print(f"\n## Nothing changed, alpha {ALPHA}\n\n| data | reference / window | test: false alarms | any verdict |")
    print("|---|---|---|---|")
    p_values: dict[str, list[float]] = {}
    verdicts: list[str] = []
    gpt4, wild = llmdrift(), wildbench()
    for bed, draw, sizes in [
        *((bed, split(bed.of(model, task), n, m), (n, m)) for bed, model, task in (
            (gpt4, "gpt-4-0314", "opinionqa"), (gpt4, "gpt-4-0613", "prime_full"), (halueval(), "ChatGPT", None),
            (wild, "Llama-3-8B-Tulu-330K", None), (wild, "gpt-3.5-turbo-0125", None),
        ) for n, m in ((10, 10), (200, 10), (200, 50), (300, 100), (400, 200), (500, 480))),
    ]:  # fmt: skip
        found = list(compared(bed, draw, n_draws, rng))
        for comparison in found:
            verdicts.append(comparison.verdict)
            for name, test in comparison.tests.items():
                p_values.setdefault(name, []).append(test.p_value)
        names = sorted({name for comparison in found for name in comparison.tests})
        rates = ", ".join(f"{name} {rejected(found, name):.3f}" for name in names)
        print(f"| {bed.name} | {sizes[0]} / {sizes[1]} | {rates} | {rate([c.verdict != NEVER for c in found]):.3f} |")
    for name, values in sorted(p_values.items()):
        print(f"| all | pooled, {len(values):,} runs | {name} {rate([p <= ALPHA for p in values]):.3f} | |")
    print(f"| all | pooled, {len(verdicts):,} runs | | {rate([v != NEVER for v in verdicts]):.3f} |")


def bench_march_to_june(n_draws: int, rng: np.random.Generator) -> None:
    print("\n## March to June 2023\n")
    print("| task | change | reference / window | verdict model_changed | test of answers alone |")
    print("|---|---|---|---|---|")
    bed = llmdrift()
    for task, before, after in MARCH_TO_JUNE:
        n_prompts = len(bed.of(before, task))
        for m in (10, 25, 50):
            n = min(200, n_prompts - m)
            if n >= m:
                draw = split(bed.of(before, task), n, m)
                found = list(compared(bed, draw, n_draws, rng, after=after))
                power = rate([c.verdict == "model_changed" for c in found])
                print(f"| {task} | {before} to {after} | {n} / {m} | {power:.2f} | {rejected(found, 'output'):.2f} |")


def bench_same_prompts(n_draws: int, rng: np.random.Generator) -> None:
    """A golden set that is answered anew: the same prompts once each on both sides."""
    print("\n## The same prompts on both sides: model_changed\n")
    print("| task | change | 10 prompts | 20 | 35 |\n|---|---|---|---|---|")
    bed = llmdrift()
    asked = replace(bed, rows=replace(bed.rows, questions=bed.prompts.tolist()))
    for task, before, after in MARCH_TO_JUNE:
        powers = []
        for n in (10, 20, 35):
            found = compared(asked, same_prompts(bed.of(before, task), n), n_draws, rng, after=after)
            powers.append(rate([c.verdict == "model_changed" for c in found]))
        print(f"| {task} | {before} to {after} | " + " | ".join(f"{power:.2f}" for power in powers) + " |")


def bench_wildbench(n_draws: int, rng: np.random.Generator) -> None:
    print("\n## Broad traffic, fresh prompts, reference 400\n")
    print("| pair | window of 25 | 50 | 100 | 200 |\n|---|---|---|---|---|")
    bed = wildbench()
    pairs = [(FINE_TUNES[0], FINE_TUNES[1]), (FINE_TUNES[0], FINE_TUNES[2]), (FINE_TUNES[1], FINE_TUNES[2])]
    everywhere = set.intersection(*(set(bed.prompts[bed.of(model)].tolist()) for model in set(bed.models.tolist())))
    for before, after in [*pairs, SAMPLED_AND_GREEDY]:
        own = np.array([i for i in bed.of(before).tolist() if bed.prompts[i] in everywhere])
        powers = []
        for m in (25, 50, 100, 200):
            found = compared(bed, split(own, 400, m), n_draws, rng, after=after, scores=False)
            powers.append(rate([c.verdict == "model_changed" for c in found]))
        print(f"| {before}, {after} | " + " | ".join(f"{power:.2f}" for power in powers) + " |")


def bench_mix(n_draws: int, rng: np.random.Generator) -> None:
    """Users ask other things; the model is the same, or changed as well."""
    print("\n## The mix of questions moves, reference 300, window 100\n")
    print("| data | mix | answers alone | model_changed | other verdicts |\n|---|---|---|---|---|")
    bed, wide = llmdrift(), halueval()
    groups = topics_of_halueval()
    half = np.isin(groups, rng.permutation(np.unique(groups))[::2])
    cases: list[tuple[str, Bed, np.ndarray, np.ndarray, str | None]] = [
        ("ChatGPT, topics", wide, np.flatnonzero(half), np.flatnonzero(~half), None),
        *(
            (f"{model}, two tasks", bed, bed.of(model, "opinionqa"), bed.of(model, "prime_full"), None)
            for model in ("gpt-4-0314", "gpt-4-0613")
        ),
        (
            "gpt-4-0314 to 0613, two tasks",
            bed, bed.of("gpt-4-0314", "opinionqa"), bed.of("gpt-4-0314", "prime_full"), "gpt-4-0613",
        ),
    ]  # fmt: skip
    for name, data, first, second, after in cases:
        for before_share, after_share in ((0.5, 0.5), (0.8, 0.2), (1.0, 0.0)):
            draw = mixed(first, second, before=before_share, after=after_share, n=300, m=100)
            found = list(compared(data, draw, n_draws, rng, after=after))
            others = Counter(c.verdict for c in found if c.verdict not in (NEVER, "model_changed"))
            told = ", ".join(f"{verdict} {n / len(found):.2f}" for verdict, n in others.most_common())
            changed = rate([c.verdict == "model_changed" for c in found])
            mix = " to ".join(f"{100 * share:.0f}:{100 - 100 * share:.0f}" for share in (before_share, after_share))
            print(f"| {name} | {mix} | {rejected(found, 'output'):.2f} | {changed:.2f} | {told} |")


def bench_quality(n_draws: int, rng: np.random.Generator) -> None:
    """Judged scores of a model, against those of the same and of a worse one."""
    print("\n## Judged scores, reference 400\n\n| from | to | window of 50 | 100 | 200 |\n|---|---|---|---|---|")
    bed = wildbench()
    scores = bed.rows.scores
    assert scores is not None
    shared = set(bed.prompts[bed.of("gpt-3.5-turbo-0125")].tolist()) & set(bed.prompts[bed.of("gemma-2b-it")].tolist())
    own = np.array([i for i in bed.of("gpt-3.5-turbo-0125").tolist() if bed.prompts[i] in shared])
    for after in ("gpt-3.5-turbo-0125", "gemma-2b-it"):
        found = [list(compared(bed, split(own, 400, m), n_draws, rng, after=after)) for m in (50, 100, 200)]
        print(f"| gpt-3.5-turbo-0125 | {after} | " + " | ".join(f"{rejected(f, 'quality'):.2f}" for f in found) + " |")


def bench_speed(rng: np.random.Generator) -> None:
    print("\n## Speed, one core\n")
    texts = [row["output"] for row in read_rows("drift-wildbench") if len(row["output"]) >= 1_500][:1_500]
    began_s = time.process_time()
    for text in texts:
        features(text)
    per_s = len(texts) / (time.process_time() - began_s)
    mean_chars = sum(map(len, texts)) / len(texts)
    print(f"- {len(NAMES)} behaviours of texts of {mean_chars:,.0f} characters: {per_s:,.0f} texts per CPU second")
    for n, k in ((200, len(NAMES)), (2_000, len(NAMES)), (10_000, 384)):
        reference, current = rng.normal(size=(n, k)), rng.normal(size=(n, k))
        began_s = time.process_time()
        drift_test(reference, current, rng=rng, max_permutations=199)
        print(f"- {n:,} against {n:,} rows of {k}, 199 permutations: {time.process_time() - began_s:.3f} CPU s")


def compared(
    bed: Bed, draw: Draw, n_draws: int, rng: np.random.Generator, *, after: str | None = None, scores: bool = True
) -> Iterable[Comparison]:
    """`after`: whose answers the window holds; None: those of the same model."""
    rows = bed.rows if scores else replace(bed.rows, scores=None)
    for _ in range(n_draws):
        reference, window = draw(rng)
        current = window if after is None else bed.of_model(window, after)
        yield decide(rows.take(reference), rows.take(current), alpha=ALPHA, rng=rng)


def rejected(found: Sequence[Comparison], name: str) -> float:
    """Share of the comparisons in which this test is at or below ALPHA by itself."""
    return rate([c.tests[name].p_value <= ALPHA for c in found if name in c.tests])


if __name__ == "__main__":
    main()
