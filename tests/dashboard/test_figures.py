import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.times import NS_PER_S
from dashboard.figures import Chart, Series, Steps, per_second, spread, spread_by, wilson, with_rest

HOUR = Steps.over(0, 3600 * NS_PER_S)


@given(st.integers(0, 10**9), st.integers(1, 400 * 86_400))
def test_steps_are_round_few_and_cover_the_range(since_s: int, width_s: int) -> None:
    steps = Steps.over(since_s * NS_PER_S, (since_s + width_s) * NS_PER_S)
    starts = steps.starts_ns
    assert 1 <= len(starts) <= 122
    assert all(start % steps.step_ns == 0 for start in starts)
    assert starts[0] <= steps.since_ns < starts[0] + steps.step_ns
    assert starts[-1] < steps.until_ns <= starts[-1] + steps.step_ns
    assert math.isclose(sum(map(steps.covered_s, starts)), width_s)


def test_a_step_without_calls_is_a_gap() -> None:
    steps = Steps(since_ns=0, until_ns=3 * NS_PER_S, step_s=1)
    columns = {"time_ns": [0, 2 * NS_PER_S], "latency_p50_s": [0.5, 0.7]}
    assert spread(columns, "latency_p50_s", steps) == [0.5, None, 0.7]


def test_each_name_has_its_own_column() -> None:
    steps = Steps(since_ns=0, until_ns=2 * NS_PER_S, step_s=1)
    columns = {"time_ns": [0, 0, NS_PER_S], "service": ["a", None, "a"], "requests": [1, 2, 3]}
    assert spread_by(columns, "service", "requests", steps) == {"a": [1, 3], None: [2, None]}


def test_a_step_that_has_just_begun_says_nothing_about_a_rate() -> None:
    steps = Steps(since_ns=0, until_ns=21 * NS_PER_S, step_s=10)
    assert per_second([10, None, 5], steps) == [1.0, 0.0, None]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_an_interval_holds_its_share(n: int, share: float) -> None:
    interval = wilson(share, n)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


def test_an_interval_of_nothing_is_none() -> None:
    assert wilson(None, 5) is None
    assert wilson(0.5, 0) is None


def test_a_known_interval() -> None:
    # Agresti & Coull (1998): 9 of 10 gives 0.596 to 0.982.
    assert wilson(0.9, 10) == pytest.approx((0.596, 0.982), abs=5e-4)


def test_small_series_are_added_up_as_other() -> None:
    series = [Series(name=str(i), colour="s1", y=[float(i), None]) for i in range(5)]
    shown = with_rest(series, 3)
    assert [s.name for s in shown] == ["4", "3", "2", "other"]
    assert shown[-1].y == [1.0, None]


def test_what_a_browser_cannot_read_becomes_a_gap() -> None:
    chart = Chart(
        label="x", steps=HOUR, series=[Series(name="a", colour="s1", y=[math.nan, math.inf, 1.23456789])], unit="s"
    )
    assert chart.to_json()["series"][0]["y"] == [None, None, 1.2346]
