import json

import numpy as np
import pandas as pd
import pytest

from evaluators.drift import Rows, compare, decide, effects
from evaluators.drift.effects import MAX_D
from evaluators.drift.explain import guarantee
from evaluators.features import NAMES

CHATTY = [
    f"Sure! Here is a longer answer about topic {i}, with some detail. Let me know if it helps." for i in range(60)
]
CURT = [f"Topic {i}." for i in range(60)]


def test_the_same_habits_are_no_change() -> None:
    result = compare(CHATTY[::2], CHATTY[1::2])
    assert result.verdict == "no_change"
    assert result.p_value is not None
    assert result.p_value > 0.05


def test_other_habits_are_a_change_and_the_explanation_names_them() -> None:
    result = compare(CHATTY[:30], CURT[30:])
    assert result.verdict == "model_changed"
    assert result.p_value == 1 / 2000
    assert result.explanation.startswith("Answers of the model changed: ")
    assert "94 % shorter" in result.explanation
    assert "shorter sentences" in result.explanation
    filler = result.effects["filler_opener"]
    assert (filler.reference_mean, filler.current_mean) == (1, 0)


def test_effects_are_ordered_by_distance_and_carry_means_in_plain_units() -> None:
    result = compare(["one two three four"] * 20 + ["one two"] * 20, ["one two"] * 40 + ["one"] * 2)
    distances = [abs(effect.d) for effect in result.effects.values()]
    assert distances == sorted(distances, reverse=True)
    words = result.effects["words"]
    assert 2 < words.reference_mean < 4
    assert 1 < words.current_mean < 2.1
    assert words.low < words.d < words.high < 0


def test_the_interval_of_an_effect_covers_the_true_one() -> None:
    rng = np.random.default_rng(11)
    name = NAMES[:1]
    covered = [
        effect.low <= 0.5 <= effect.high
        for _ in range(300)
        for effect in effects(rng.normal(size=(60, 1)), rng.normal(0.5, size=(40, 1)), names=name)
    ]
    # A right 95 % interval covers in 267 to 297 of 300 draws, but for about twice in 10,000 seeds.
    assert 267 <= sum(covered) <= 297


def test_sides_without_any_spread_have_the_largest_distance_and_still_make_json() -> None:
    result = compare(["yes"] * 20, ["no"] * 20)
    assert result.verdict == "model_changed"
    assert max(abs(effect.d) for effect in result.effects.values()) == MAX_D
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_difference_too_small_to_matter_raises_no_alarm() -> None:
    rng = np.random.default_rng(2)
    reference = Rows(behaviours=rng.normal(size=(20_000, len(NAMES))))
    current = Rows(behaviours=rng.normal(size=(20_000, len(NAMES))) + 0.03)
    result = decide(reference, current, alpha=0.05, rng=rng)
    assert result.p_value is not None
    assert result.p_value <= 0.05
    assert result.verdict == "no_change"
    assert "less than matters" in result.explanation


@pytest.mark.parametrize(
    ("reference", "current", "reason"),
    [
        ([], CHATTY, "the reference holds 0 answers of 10 needed, 10 more are missing"),
        (CHATTY, CHATTY[:7], "the current window holds 7 answers of 10 needed, 3 more are missing"),
        (["same"] * 50, ["same"] * 50, "look the same"),
        ([""] * 50, [""] * 50, "look the same"),
    ],
)
def test_too_little_data_is_refused_with_the_reason_and_without_figures(
    reference: list[str], current: list[str], reason: str
) -> None:
    result = compare(reference, current)
    assert result.verdict == "not_enough_data"
    assert reason in result.explanation
    assert result.p_value is None
    assert not result.tests
    assert not result.effects


def test_frames_and_lists_give_the_same_result() -> None:
    from_frames = compare(pd.DataFrame({"output": CHATTY}), pd.DataFrame({"output": CURT}))
    assert from_frames == compare(CHATTY, CURT)


def test_one_call_of_a_session_counts() -> None:
    sessions = [f"session {i // 4}" for i in range(60)]
    result = compare(pd.DataFrame({"output": CHATTY, "session": sessions}), pd.DataFrame({"output": CHATTY}))
    assert (result.n_reference, result.n_current) == (15, 60)


def test_one_session_only_is_not_enough() -> None:
    frame = pd.DataFrame({"output": CHATTY, "session": "the only one"})
    assert compare(frame, CHATTY).verdict == "not_enough_data"


def test_missing_answers_and_sessions_are_no_answers_and_no_sessions() -> None:
    frame = pd.DataFrame({"output": [None, float("nan"), pd.NA, *CHATTY], "session": [None] * 63})
    assert compare(frame, CURT).n_reference == 60


def test_the_seed_decides_everything_random() -> None:
    assert compare(CHATTY, CHATTY[::-1], seed=4) == compare(CHATTY, CHATTY[::-1], seed=4)


def test_odd_texts_are_compared_like_others() -> None:
    odd = ["", "x", "\ud800", "a" * 100_000] * 5
    assert compare(odd, odd).verdict == "no_change"


def test_a_stricter_level_gets_finer_p_values() -> None:
    result = compare(CHATTY, CURT, alpha=0.001)
    assert result.verdict == "model_changed"
    assert result.p_value == 1 / 30_001


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 5])
def test_a_level_outside_0_and_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must be between 0 and 1"):
        compare(CHATTY, CURT, alpha=alpha)


def test_a_level_too_fine_for_permutations_is_refused() -> None:
    with pytest.raises(ValueError, match=r"alpha must be at least 0\.0005"):
        compare(CHATTY, CURT, alpha=0.0004)


def test_what_is_no_set_of_answers_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="reference is one text"):
        compare("one long answer", CHATTY)
    with pytest.raises(TypeError, match="current: an answer must be a text, got int"):
        compare(CHATTY, [1] * 20)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="needs a column `output` with the answers; it has text"):
        compare(pd.DataFrame({"text": CHATTY}), CHATTY)


@pytest.mark.parametrize(
    ("alpha", "promise"),
    [
        (0.05, "At most 5 false alarms in 100 windows in which nothing changed"),
        (0.01, "At most 1 false alarm in 100 windows in which nothing changed"),
        (0.001, "At most 1 false alarm in 1,000 windows in which nothing changed"),
    ],
)
def test_the_guarantee_says_what_the_level_means(alpha: float, promise: str) -> None:
    assert guarantee(alpha) == promise
