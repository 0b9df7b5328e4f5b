from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.drift import drift_test, one_per_session
from evaluators.drift.windows.permutation import STOP_AFTER, permutation_test
from evaluators.drift.windows.statistics import RIDGE, of_habits


def test_false_alarms_match_alpha() -> None:
    rng = np.random.default_rng(7)

    # Skewed, tied and dependent columns, since exactness must not hang on a shape; sizes as uneven as in use.
    def rows(n: int) -> np.ndarray:
        base = rng.exponential(size=(n, 3)) ** 2
        return np.hstack([base, base > 1, np.round(base)])

    p_values = [drift_test(rows(40), rows(12), rng=rng).p_value for _ in range(400)]
    # The level is 0.05 exactly: Binomial(400, 0.05) leaves [4, 40] about twice in 100,000 seeds.
    assert 4 <= sum(p <= 0.05 for p in p_values) <= 40


def test_a_shift_is_found() -> None:
    rng = np.random.default_rng(7)
    test = drift_test(rng.normal(size=(200, 5)), rng.normal(size=(50, 5)) + 1, rng=rng, max_permutations=999)
    assert test.p_value == 1 / 1000


def test_the_p_value_is_never_zero_and_its_grid_is_set_by_the_permutations() -> None:
    rng = np.random.default_rng(7)
    reference, current = rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 9
    assert drift_test(reference, current, max_permutations=19, rng=rng).p_value == 1 / 20


def test_statistics_are_what_they_say() -> None:
    reference = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0]])
    current = np.array([[6.0, 1.0], [8.0, 5.0]])
    pooled = np.vstack([reference, current])
    gaps = (current.mean(axis=0) - reference.mean(axis=0)) / pooled.std(axis=0) * (3 * 2 / 5)
    labels = np.array([[0, 0, 0, 1, 1]], dtype=np.uint8)
    squares, largest, whitened, _ = of_habits(pooled)
    assert squares.of(labels) == pytest.approx((gaps**2).sum())
    assert largest.of(labels) == pytest.approx(np.abs(gaps).max())
    assert whitened.of(labels) == pytest.approx(gaps @ np.linalg.inv(np.corrcoef(pooled.T) + RIDGE * np.eye(2)) @ gaps)


def test_a_p_value_that_is_large_takes_few_permutations_and_is_still_valid() -> None:
    rng = np.random.default_rng(7)
    p_values = [drift_test(rng.normal(size=(20, 2)), rng.normal(size=(20, 2)), rng=rng).p_value for _ in range(400)]
    # p = STOP_AFTER / n: a multiple of nothing else. A uniform p is below 0.3 in 84 to 156 of 400 draws, but for about
    # twice in 10,000 seeds.
    assert all(abs(STOP_AFTER / p - round(STOP_AFTER / p)) < 1e-6 for p in p_values if p > 0.01)
    assert 84 <= sum(p <= 0.3 for p in p_values) <= 156


def test_rows_that_change_sides_only_within_strata_are_not_fooled_by_their_mix() -> None:
    """Two tasks whose answers have nothing in common, 80:20 before and 20:80 now: nothing else changed."""
    rng = np.random.default_rng(1)

    def rows(shares: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        strata = np.repeat([0, 1], shares)
        return rng.normal(size=(sum(shares), 4)) * (1 + 3 * strata[:, None]) + 9 * strata[:, None], strata

    found = []
    for _ in range(100):
        (before, old), (after, new) = rows((80, 20)), rows((10, 40))
        pooled, strata = np.vstack((before, after)), np.concatenate((old, new))
        test = permutation_test(of_habits(pooled, strata), 100, strata=strata, max_permutations=199, rng=rng)
        found.append(test.p_value <= 0.05)
        assert drift_test(before, after, rng=rng, max_permutations=199).p_value <= 0.05
    # Binomial(100, 0.05) exceeds 14 about once in 10,000 seeds.
    assert sum(found) <= 14


def test_a_column_that_never_varies_changes_nothing() -> None:
    draws = np.random.default_rng(7)
    reference, current = draws.normal(size=(30, 2)), draws.normal(size=(20, 2))
    plain = drift_test(reference, current, rng=np.random.default_rng(1))
    padded = drift_test(
        np.hstack([reference, np.full((30, 1), 0.1)]),
        np.hstack([current, np.full((20, 1), 0.1)]),
        rng=np.random.default_rng(1),
    )
    assert padded.p_value == plain.p_value
    assert padded.statistic == pytest.approx(plain.statistic)


@settings(max_examples=50)
@given(scale=st.floats(1e-3, 1e6), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 1_000))
def test_units_do_not_matter(scale: float, offset: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, current = rng.normal(size=(20, 3)), rng.normal(size=(15, 3))
    plain = drift_test(reference, current, rng=np.random.default_rng(seed))
    rescaled = drift_test(reference * scale + offset, current * scale + offset, rng=np.random.default_rng(seed))
    assert rescaled.p_value == plain.p_value


def test_a_tie_counts_as_extreme() -> None:
    # Each split of these rows has one of two statistics, both sides alike: the observed one is never the only largest.
    rows = np.array([[0.0], [1.0], [0.0], [1.0]])
    assert drift_test(rows[:2], rows[2:], rng=np.random.default_rng(0)).p_value == 1


def test_the_same_seed_gives_the_same_p_value() -> None:
    rng = np.random.default_rng(3)
    reference, current = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    first, second = (drift_test(reference, current, rng=np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_the_callers_rows_are_left_alone() -> None:
    reference, current = np.eye(4), np.eye(4) * 2
    drift_test(reference, current, rng=np.random.default_rng(0))
    assert (reference == np.eye(4)).all()
    assert (current == np.eye(4) * 2).all()


@pytest.mark.parametrize(
    ("reference", "current", "reason"),
    [
        (np.ones((5, 2)), np.ones((5, 2)), "identical"),
        (np.ones((0, 2)), np.ones((5, 2)), "reference"),
        (np.ones((5, 2)), np.ones(5), "current"),
        (np.ones((5, 2)), np.ones((5, 3)), "columns"),
        (np.full((5, 2), np.nan), np.ones((5, 2)), "finite"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(reference: np.ndarray, current: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        drift_test(reference, current, rng=np.random.default_rng(0))


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=40), st.integers(0, 100))
def test_one_call_of_each_session_is_kept(sessions: list[int | None], seed: int) -> None:
    kept = one_per_session(sessions, rng=np.random.default_rng(seed)).tolist()
    named = [sessions[i] for i in kept if sessions[i] is not None]
    assert sorted(named) == sorted({s for s in sessions if s is not None})  # type: ignore[type-var]
    assert sum(sessions[i] is None for i in kept) == sessions.count(None)
    assert kept == sorted(kept)


def test_every_call_of_a_session_can_be_the_one() -> None:
    rng = np.random.default_rng(0)
    chosen = {int(one_per_session(["a", "a", "a"], rng=rng)[0]) for _ in range(100)}
    assert chosen == {0, 1, 2}
