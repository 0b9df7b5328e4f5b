import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.drift.streams import Baseline, Betting, seasons_of

DAY_NS = 86_400 * 10**9
PER_DAY = 100


def times(n: int, *, since_day: int = 4) -> list[int]:
    return [since_day * DAY_NS + i * DAY_NS // PER_DAY for i in range(n)]


def passes(n: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(n) < rate).astype(float)


def measured(scores: np.ndarray, *, tolerance: float = 0.02, seed: int = 0, per_month: float = 3_000) -> Baseline:
    rng = np.random.default_rng(seed)
    return Baseline.measure(scores, times(len(scores)), scores_per_month=per_month, tolerance=tolerance, rng=rng)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return measured(passes(2_000, 0.9, np.random.default_rng(1)))


@pytest.fixture(scope="module")
def begun(baseline: Baseline) -> Betting:
    return Betting.begin(baseline, began_ns=40 * DAY_NS)


def after(stream: Betting, scores: np.ndarray, *, since_day: int = 40) -> Betting:
    return stream.steps(scores, starts_ns=times(len(scores), since_day=since_day))


@pytest.mark.parametrize(("rate", "direction"), [(0.75, "dropped"), (0.99, "rose")])
def test_a_change_is_found_with_its_direction_and_onset(begun: Betting, rate: float, direction: str) -> None:
    rng = np.random.default_rng(2)
    before = after(begun, passes(500, 0.9, rng))
    found = after(before, passes(1_000, rate, rng), since_day=45).alarm
    assert before.alarm is None
    assert found is not None
    assert found.subject == direction
    assert found.evidence >= found.threshold
    assert abs(found.onset_ns - 45 * DAY_NS) < DAY_NS


def test_a_change_within_the_tolerance_is_none() -> None:
    rng = np.random.default_rng(3)
    stream = Betting.begin(measured(passes(2_000, 0.9, rng), tolerance=0.1), began_ns=40 * DAY_NS)
    assert after(stream, passes(3_000, 0.85, rng)).alarm is None


def test_the_tolerance_covers_what_a_short_reference_leaves_open() -> None:
    perfect = measured(np.ones(60))
    assert perfect.low.max() == pytest.approx(1 - 3 / 60)
    doubtful = measured(passes(100, 0.5, np.random.default_rng(4)))
    assert (doubtful.mean - doubtful.low).max() == pytest.approx(2 * doubtful.spread / math.sqrt(100))


def test_a_day_with_two_faces_is_normal_if_the_reference_has_it() -> None:
    rng = np.random.default_rng(5)

    def scores(n: int, since_day: int) -> tuple[np.ndarray, list[int]]:
        starts = times(n, since_day=since_day)
        return passes(n, 0.9, rng) * (seasons_of(starts) != 1) + passes(n, 0.6, rng) * (seasons_of(starts) == 1), starts

    reference, starts = scores(2_800, 4)
    found = Baseline.measure(reference, starts, scores_per_month=3_000, rng=np.random.default_rng(0))
    assert found.has_seasons
    assert found.low[1] < 0.65 < 0.8 < found.low[0]
    later, then = scores(2_100, 39)
    assert Betting.begin(found, began_ns=39 * DAY_NS).steps(later, starts_ns=then).alarm is None


def test_neighbours_that_are_alike_raise_the_threshold(baseline: Baseline) -> None:
    rng = np.random.default_rng(6)
    runs = np.repeat(passes(100, 0.9, rng), 20)
    assert measured(runs).threshold > 10 * baseline.threshold


def test_a_busier_month_and_a_stricter_promise_need_more_evidence(baseline: Baseline) -> None:
    rng = np.random.default_rng(1)
    scores = passes(2_000, 0.9, rng)
    assert measured(scores, per_month=30_000).threshold == pytest.approx(10 * baseline.threshold)


def test_a_stream_that_was_saved_and_loaded_goes_on_to_the_last_bit(begun: Betting) -> None:
    rng = np.random.default_rng(7)
    first, then = passes(100, 0.9, rng), passes(400, 0.6, rng)
    half_way = after(begun, first)
    through = after(half_way, then, since_day=41)
    restarted = after(Betting.from_json(json.loads(json.dumps(half_way.to_json()))), then, since_day=41)
    assert through.alarm is not None
    assert restarted.to_json() == through.to_json()


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 90), max_size=4))
def test_many_at_once_are_as_one_by_one(begun: Betting, cuts: list[int]) -> None:
    scores, starts = passes(90, 0.7, np.random.default_rng(8)), times(90, since_day=40)
    at_once = begun.steps(scores, starts_ns=starts)
    stream, edges = begun, [0, *sorted(cuts), 90]
    for low, high in itertools.pairwise(edges):
        stream = stream.steps(scores[low:high], starts_ns=starts[low:high])
    assert stream.to_json() == at_once.to_json()


def test_missing_scores_are_counted_and_passed_over(begun: Betting) -> None:
    some = np.array([1.0, math.nan, 0.0, math.nan, math.nan, 1.0])
    stream = after(begun, some)
    assert (stream.n_scores, stream.n_missing) == (3, 3)
    assert (stream.evidence.sums == after(begun, np.array([1.0, 0.0, 1.0])).evidence.sums).all()


@pytest.mark.parametrize("bad", [-0.01, 1.01, math.inf])
def test_scores_out_of_range_are_refused(begun: Betting, bad: float) -> None:
    with pytest.raises(ValueError, match=r"score 1 is .* not in \[0, 1\]"):
        after(begun, np.array([0.5, bad]))
    with pytest.raises(ValueError, match=r"not in \[0, 1\]"):
        measured(np.array([0.5, bad] * 50))


def test_a_baseline_needs_scores() -> None:
    with pytest.raises(ValueError, match="needs 50 scores, got 10"):
        measured(np.array([1.0] * 10 + [math.nan] * 90))
    with pytest.raises(ValueError, match="scores_per_month above 0"):
        measured(np.ones(60), per_month=0)


def test_bets_win_nothing_on_average_at_the_edge_of_the_tolerance(baseline: Baseline) -> None:
    low, high = baseline.low[0], baseline.high[0]
    at_low = low * baseline.factors(np.array(1.0), 0) + (1 - low) * baseline.factors(np.array(0.0), 0)
    at_high = high * baseline.factors(np.array(1.0), 0) + (1 - high) * baseline.factors(np.array(0.0), 0)
    assert at_low[0] == pytest.approx(1)
    assert at_high[1] == pytest.approx(1)
    assert (at_low[1] < 1).all()
    assert (baseline.factors(np.linspace(0, 1, 11), np.zeros(11, dtype=int)) > 0).all()


def test_the_guarantee_names_the_rate_and_the_bounds(baseline: Baseline, begun: Betting) -> None:
    said = begun.guarantee()
    assert "At most 0.1 false alarms per month of 3,000 scores" in said
    assert f"one in {baseline.threshold / 2:,.0f} scores" in said
    assert f"{baseline.low.min():.3f} to {baseline.high.max():.3f}" in said
