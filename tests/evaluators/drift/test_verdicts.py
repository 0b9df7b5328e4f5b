"""Which verdict, of real answers to real questions: LLMDrift, two tasks of one model and its next version."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluators.drift import Comparison, compare
from evaluators.drift.claims import adjusted_p_values
from evaluators.drift.windows.prompts import Prompts, overlap

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "drift-llmdrift.jsonl.gz"
OPINIONS, PRIMES = "opinionqa", "prime_full"
BEFORE, AFTER = "gpt-4-0314", "gpt-4-0613"


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        return pd.DataFrame([json.loads(line) for line in lines])


def traffic(answers: pd.DataFrame, model: str, shares: Sequence[int], *, seed: int, skip: int = 0) -> pd.DataFrame:
    """So many answers of `model` to opinions and to primes; `skip` leaves out the first of an order that all share."""
    parts = []
    for task, n in zip((OPINIONS, PRIMES), shares, strict=True):
        rows = answers[(answers.task == task) & (answers.model == model)].sort_values("id")
        order = np.random.default_rng(seed).permutation(len(rows))
        parts.append(rows.iloc[order[skip : skip + n]])
    return pd.concat(parts)


def verdict(answers: pd.DataFrame, model: str, before: Sequence[int], after: Sequence[int]) -> Comparison:
    return compare(traffic(answers, BEFORE, before, seed=1), traffic(answers, model, after, seed=1, skip=200))


def test_a_new_version_is_a_changed_model(answers: pd.DataFrame) -> None:
    result = verdict(answers, AFTER, (80, 80), (40, 40))
    assert result.verdict == "model_changed"
    assert result.p_value is not None
    assert result.p_value < 0.01
    assert "Questions did not" in result.explanation
    assert len(result.pairs) == 5
    assert {pair.before == "" for pair in result.pairs} == {False}


def test_other_questions_to_the_same_model_are_changed_traffic(answers: pd.DataFrame) -> None:
    result = verdict(answers, BEFORE, (160, 40), (16, 64))
    assert result.verdict == "traffic_changed"
    assert result.tests["output"].p_value < 0.01, "answers alone look changed"
    assert result.tests["model"].p_value > 0.05
    assert "More about" in result.explanation
    assert "prime" in result.explanation


def test_a_new_version_is_found_among_other_questions(answers: pd.DataFrame) -> None:
    result = verdict(answers, AFTER, (160, 40), (16, 64))
    assert result.verdict == "model_changed"
    assert "Questions changed, too" in result.explanation


@pytest.mark.parametrize("model", [BEFORE, AFTER])
def test_questions_with_nothing_in_common_say_nothing_about_the_model(answers: pd.DataFrame, model: str) -> None:
    result = verdict(answers, model, (150, 0), (0, 80))
    assert result.verdict == "cannot_separate"
    assert "AUC" in result.explanation


def test_lower_scores_of_the_same_answers_are_dropped_quality(answers: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    before, after = traffic(answers, BEFORE, (80, 80), seed=1), traffic(answers, BEFORE, (80, 80), seed=1, skip=200)
    before, after = before.assign(score=rng.random(160) < 0.9), after.assign(score=rng.random(160) < 0.6)
    result = compare(before, after)
    assert result.verdict == "quality_dropped"
    assert result.effects["score"].d < 0
    assert compare(after, before).verdict == "no_change", "scores that rose are no alarm"
    other_model = traffic(answers, AFTER, (80, 80), seed=1, skip=200).assign(score=rng.random(160) < 0.6)
    both = compare(before, other_model)
    assert both.verdict == "model_changed"
    assert "Scores dropped from 0.9" in both.explanation


def test_a_segment_that_changed_is_named_first(answers: pd.DataFrame) -> None:
    before = traffic(answers, BEFORE, (80, 80), seed=1)
    after = pd.concat(
        (traffic(answers, AFTER, (40, 0), seed=1, skip=200), traffic(answers, BEFORE, (0, 40), seed=1, skip=200))
    )
    result = compare(before.assign(segment=before.task), after.assign(segment=after.task))
    assert result.verdict == "model_changed"
    assert list(result.clusters[0].words) == [OPINIONS]


def test_a_rebuilt_index_is_changed_traffic(answers: pd.DataFrame) -> None:
    before, after = traffic(answers, BEFORE, (80, 0), seed=1), traffic(answers, BEFORE, (80, 0), seed=1, skip=200)
    rng = np.random.default_rng(0)

    def found(name: str, n: int) -> list[list[dict[str, object]]]:
        return [[{"id": f"{name}{rng.integers(30)}", "score": rng.random()} for _ in range(3)] for _ in range(n)]

    same = compare(before.assign(retrieved=found("a", 80)), after.assign(retrieved=found("a", 80)))
    assert same.verdict == "no_change"
    rebuilt = compare(before.assign(retrieved=found("a", 80)), after.assign(retrieved=found("b", 80)))
    assert rebuilt.verdict == "traffic_changed"
    assert rebuilt.explanation.startswith("What is retrieved")


def test_what_is_not_there_is_left_out_and_said(answers: pd.DataFrame) -> None:
    before, after = traffic(answers, BEFORE, (60, 0), seed=1), traffic(answers, BEFORE, (60, 0), seed=1, skip=200)
    vectors = [None, *np.eye(4)[np.arange(59) % 4]]
    result = compare(
        before.assign(score=[float("nan")] * 55 + [1.0] * 5, output_embedding=vectors),
        after.assign(score=1.0, output_embedding=vectors),
    )
    assert "quality" not in result.tests
    assert any("Quality was not tested: 5 and 60 scores" in note for note in result.notes)
    assert any("Embeddings are left out: 2 answers have none" in note for note in result.notes)


def test_rows_of_numbers_are_compared_as_they_are() -> None:
    rng = np.random.default_rng(0)
    result = compare(rng.normal(size=(100, 3)), rng.normal(size=(50, 3)) + np.array([0, 2, 0]))
    assert result.verdict == "model_changed"
    assert next(iter(result.effects)) == "column 1"
    with pytest.raises(ValueError, match="NaN or infinite"):
        compare(np.full((20, 2), np.nan), np.ones((20, 2)))
    with pytest.raises(TypeError, match="a score must be a number"):
        compare(pd.DataFrame({"output": ["a"] * 20, "score": ["high"] * 20}), ["a"] * 20)


def test_several_tests_share_one_level() -> None:
    assert adjusted_p_values({"output": 0.001, "model": 0.03}) == {"model": 0.03}, "one claim has all of it"
    claims = adjusted_p_values({"model": 0.006, "input": 0.5, "quality": 0.02})
    assert claims == pytest.approx({"model": 0.01, "quality": 0.04, "input": 0.5})


def test_p_values_of_verdicts_are_no_smaller_than_chance_makes_them() -> None:
    """Prompts, scores and segments at once: four claims, and one level for all of them."""
    rng = np.random.default_rng(5)

    def calls(n: int) -> dict[str, list[object]]:
        kinds = rng.integers(0, 3, n)
        return {
            "output": [" ".join(rng.choice(["yes", "no", "maybe", "well"], 3 + 4 * k)) + "." for k in kinds],
            "prompt": [f"question of kind {k}" for k in kinds],
            "prompt_embedding": list(np.eye(3)[kinds]),
            "segment": [f"route {k}" for k in kinds],
            "score": list(rng.random(n)),
        }

    results = [compare(calls(40), calls(20), seed=i) for i in range(100)]
    # Binomial(100, 0.05) exceeds 13 about once in 2,000 seeds.
    assert sum(result.p_value is not None and result.p_value <= 0.05 for result in results) <= 13


def test_the_same_prompts_on_both_sides_are_compared_one_by_one(answers: pd.DataFrame) -> None:
    tasks = answers[answers.task == "leetcode_easy"].sort_values("id")
    before, after = (tasks[tasks.model == f"gpt-3.5-turbo-{version}"][:40] for version in ("0301", "0613"))
    result = compare(before, after)
    assert result.verdict == "model_changed"
    assert "Answers are compared prompt by prompt: 40 prompts stand on both sides" in result.notes
    flip = np.random.default_rng(0).random(40) < 0.5
    mixed = [
        side.assign(output=np.where(flip, side.output, other.output))
        for side, other in ((before, after), (after, before))
    ]
    assert compare(*mixed).verdict == "no_change"


def test_the_same_prompts_without_their_texts_can_be_told_apart_no_better_than_by_a_coin() -> None:
    rng = np.random.default_rng(0)
    prompts = Prompts(np.tile(rng.normal(size=(30, 6)), (2, 1)), np.zeros(60, dtype=np.int64))
    assert overlap(prompts, 30, rng=rng).is_enough
