import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.drift import drift_test, one_per_session


def test_false_alarms_match_alpha() -> None:
    rng = np.random.default_rng(7)

    # Skewed, tied and dependent columns, since exactness must not hang on a shape; sizes as uneven as in use.
    def rows(n: int) -> np.ndarray:
        base = rng.exponential(size=(n, 3)) ** 2
        return np.hstack([base, base > 1, np.round(base)])

    p_values = [drift_test(rows(40), rows(12), rng=rng).p_value for _ in range(400)]
    # 199 permutations make the level exactly 0.05; Binomial(400, 0.05) leaves [4, 40] about twice in 100,000 seeds.
    assert 4 <= sum(p <= 0.05 for p in p_values) <= 40


def test_a_shift_is_found() -> None:
    rng = np.random.default_rng(7)
    test = drift_test(rng.normal(size=(200, 5)), rng.normal(size=(50, 5)) + 1, rng=rng)
    assert test.p_value == 1 / 200


def test_the_p_value_is_never_zero_and_its_grid_is_set_by_the_permutations() -> None:
    rng = np.random.default_rng(7)
    reference, current = rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 9
    assert drift_test(reference, current, n_permutations=19, rng=rng).p_value == 1 / 20


def test_the_statistic_is_the_sum_of_squared_standardised_mean_differences() -> None:
    reference = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0]])
    current = np.array([[6.0, 1.0], [8.0, 5.0]])
    pooled = np.vstack([reference, current])
    expected = (((current.mean(axis=0) - reference.mean(axis=0)) / pooled.std(axis=0)) ** 2).sum()
    assert drift_test(reference, current, rng=np.random.default_rng(0)).statistic == pytest.approx(expected)


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
