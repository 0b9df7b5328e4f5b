import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.drift.streams import Conformal, Scorer, seasons_of
from evaluators.drift.streams.conformal import MONTH_NS
from evaluators.drift.streams.scores import N_BINS
from evaluators.drift.streams.seasons import joined
from evaluators.drift.windows.rows import Rows

NAMES = ("length", "headers", "refusal", "never seen")
DAY_NS = 86_400 * 10**9
PER_DAY = 500


def some_rows(n: int, rng: np.random.Generator, *, longer: float = 0.0) -> Rows:
    """Answers whose length follows that of the prompt; one behaviour is a flag, one does not occur."""
    prompts = rng.normal(size=(n, 2))
    answers = np.column_stack(
        (prompts[:, 0] + rng.normal(size=n) + longer, rng.poisson(1, n), rng.random(n) < 0.1, np.zeros(n))
    )
    return Rows(behaviours=answers, prompts=prompts, topics=rng.normal(size=(n, 3)))


def times(n: int, *, since_day: int = 0) -> list[int]:
    return [since_day * DAY_NS + i * DAY_NS // PER_DAY for i in range(1, n + 1)]


def begun(scorer: Scorer, rng: np.random.Generator, *, n: int = 700) -> Conformal:
    calibration = scorer.bins(some_rows(n, rng))
    return Conformal.begin(scorer.names, calibration, times(n), began_ns=2 * DAY_NS)


def fed(stream: Conformal, scorer: Scorer, rows: Rows, *, since_day: int = 2) -> Conformal:
    ids = [f"call {since_day} {i}" for i in range(len(rows))]
    return stream.steps(scorer.bins(rows), call_ids=ids, starts_ns=times(len(rows), since_day=since_day))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.fit(some_rows(300, np.random.default_rng(1)), NAMES)


def test_a_change_is_found_and_its_onset_is_near(scorer: Scorer) -> None:
    rng = np.random.default_rng(2)
    before = fed(begun(scorer, rng), scorer, some_rows(500, rng))
    after = fed(before, scorer, some_rows(300, rng, longer=1.5), since_day=3)
    assert before.alarm is None
    assert after.alarm is not None
    assert after.alarm.evidence >= after.threshold
    assert after.alarm.at_ns > 3 * DAY_NS
    assert abs(after.alarm.onset_ns - 3 * DAY_NS) < DAY_NS / 4


def test_longer_prompts_are_not_a_change_of_the_model(scorer: Scorer) -> None:
    rng = np.random.default_rng(3)
    rows = some_rows(500, rng)
    shift = np.array([0.7, 0.0])
    answers = rows.behaviours + np.array([0.7, 0, 0, 0])
    asked = fed(begun(scorer, rng), scorer, Rows(behaviours=answers, prompts=rows.prompts + shift, topics=rows.topics))
    blind = fed(begun(scorer, rng), scorer, Rows(behaviours=answers, prompts=rows.prompts, topics=rows.topics))
    assert asked.alarm is None
    assert blind.alarm is not None


def test_a_behaviour_that_the_reference_never_showed_is_found(scorer: Scorer) -> None:
    rng = np.random.default_rng(4)
    rows = some_rows(200, rng)
    rows.behaviours[:, 3] = rng.random(200) < 0.7
    assert fed(begun(scorer, rng), scorer, rows).alarm is not None


def test_a_stream_that_was_saved_and_loaded_goes_on_to_the_last_bit(scorer: Scorer) -> None:
    rng = np.random.default_rng(5)
    first, then = some_rows(60, rng), some_rows(60, rng, longer=3)
    begun_stream = begun(scorer, rng)
    through = fed(fed(begun_stream, scorer, first), scorer, then, since_day=4)
    saved = json.dumps([scorer.to_json(), fed(begun_stream, scorer, first).to_json()])
    fitted, half_way = json.loads(saved)
    restarted = fed(Conformal.from_json(half_way), Scorer.from_json(fitted), then, since_day=4)
    assert through.alarm is not None
    assert json.dumps(restarted.to_json()) == json.dumps(through.to_json())


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 80), max_size=4))
def test_many_at_once_are_as_one_by_one(scorer: Scorer, cuts: list[int]) -> None:
    rng = np.random.default_rng(6)
    stream, rows = begun(scorer, rng), some_rows(80, rng)
    ids, starts = [f"{i}" for i in range(80)], times(80, since_day=2)
    at_once = stream.steps(scorer.bins(rows), call_ids=ids, starts_ns=starts)
    edges = [0, *sorted(cuts), 80]
    for low, high in itertools.pairwise(edges):
        part = rows.take(np.arange(low, high))
        stream = stream.steps(scorer.bins(part), call_ids=ids[low:high], starts_ns=starts[low:high])
    assert stream.to_json() == at_once.to_json()


def test_steps_leave_the_stream_before_them_alone(scorer: Scorer) -> None:
    rng = np.random.default_rng(7)
    stream = begun(scorer, rng)
    saved = stream.to_json()
    fed(stream, scorer, some_rows(5, rng))
    assert stream.to_json() == saved


def test_the_evidence_is_on_average_the_time_that_has_passed() -> None:
    # 2,000 scores at once, each a stream of its own in which nothing changes.
    rng = np.random.default_rng(8)
    n, k = 8, 2_000
    calibration, bins = rng.integers(0, N_BINS, size=(200, k)), rng.integers(0, N_BINS, size=(n, k))
    stream = Conformal.begin([str(i) for i in range(k)], calibration, times(200), began_ns=2 * DAY_NS)
    stream = stream.steps(bins, call_ids=[str(i) for i in range(n)], starts_ns=times(n, since_day=2))
    months = n / PER_DAY / 30
    by_score = stream.evidence.sums.mean(axis=1) / months
    # A product of 8 such factors has a standard deviation of at most 2.5: the mean of 2,000 is within 0.25.
    assert by_score.mean() == pytest.approx(1, abs=0.25)
    assert stream.e_value() == pytest.approx(by_score.mean())


def test_what_differs_by_the_time_of_the_day_is_no_change(scorer: Scorer) -> None:
    """Answers are longer by night, in the reference and in the stream; then they are so by day."""
    rng = np.random.default_rng(9)

    def rows(starts: list[int], *, by_night: bool) -> Rows:
        found = some_rows(len(starts), rng)
        is_night = seasons_of(starts) % 4 == 0
        found.behaviours[:, 0] += 3 * (is_night if by_night else ~is_night)
        return found

    reference, later, last = times(5_000), times(2_000, since_day=14), times(2_000, since_day=21)
    calibration = scorer.bins(rows(reference, by_night=True))
    stream = Conformal.begin(scorer.names, calibration, reference, began_ns=14 * DAY_NS)
    stream = stream.steps(scorer.bins(rows(later, by_night=True)), call_ids=[f"a{i}" for i in later], starts_ns=later)
    assert stream.alarm is None
    stream = stream.steps(scorer.bins(rows(last, by_night=False)), call_ids=[f"b{i}" for i in last], starts_ns=last)
    assert stream.alarm is not None


def test_calls_that_come_late_add_no_time(scorer: Scorer) -> None:
    rng = np.random.default_rng(10)
    stream = begun(scorer, rng)
    bins = scorer.bins(some_rows(3, rng))
    starts = [5 * DAY_NS, 3 * DAY_NS, 4 * DAY_NS]
    stream = stream.steps(bins, call_ids=["a", "b", "c"], starts_ns=starts)
    assert stream.now_ns == 5 * DAY_NS
    # No factor is above 1.9, and all the weight came with the first call.
    assert stream.evidence.sums.max() <= 1.9**3 * 3 * DAY_NS / MONTH_NS


def test_the_guarantee_says_what_was_asked_for(scorer: Scorer) -> None:
    calibration = scorer.bins(some_rows(70, np.random.default_rng(0)))
    stream = Conformal.begin(scorer.names, calibration, times(70), began_ns=0, alarms_per_month=0.02)
    assert "At most 0.02 false alarms per month" in stream.guarantee()
    assert stream.threshold == len(scorer.names) / 0.02


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_rows_that_are_not_finite_are_refused(scorer: Scorer, bad: float) -> None:
    rows = some_rows(40, np.random.default_rng(0))
    rows.behaviours[3, 0] = bad
    with pytest.raises(ValueError, match="finite"):
        scorer.bins(rows)
    with pytest.raises(ValueError, match="finite"):
        Scorer.fit(rows, NAMES)


def test_rows_of_another_shape_are_refused(scorer: Scorer) -> None:
    rows = some_rows(40, np.random.default_rng(0))
    with pytest.raises(ValueError, match="topics must have 3 columns"):
        scorer.bins(Rows(behaviours=rows.behaviours, prompts=rows.prompts))
    with pytest.raises(ValueError, match="behaviours must have 4 columns"):
        scorer.bins(Rows(behaviours=rows.behaviours[:, :2], prompts=rows.prompts, topics=rows.topics))
    with pytest.raises(ValueError, match="30 rows"):
        Scorer.fit(rows.take(np.arange(10)), NAMES)


def test_a_stream_needs_something_to_calibrate_with(scorer: Scorer) -> None:
    with pytest.raises(ValueError, match="calibration"):
        Conformal.begin(scorer.names, np.zeros((0, len(scorer.names)), dtype=np.int64), [], began_ns=0)
    bins = scorer.bins(some_rows(5, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="alarms_per_month"):
        Conformal.begin(scorer.names, bins, times(5), began_ns=0, alarms_per_month=0)


def test_identical_rows_can_be_fitted_and_raise_no_alarm() -> None:
    rows = Rows(behaviours=np.ones((60, 4)))
    scorer = Scorer.fit(rows, NAMES)
    stream = Conformal.begin(scorer.names, scorer.bins(rows), times(60), began_ns=2 * DAY_NS)
    assert fed(stream, scorer, Rows(behaviours=np.ones((300, 4)))).alarm is None
    assert fed(stream, scorer, Rows(behaviours=np.zeros((300, 4)))).alarm is not None


def test_the_week_has_eight_parts() -> None:
    monday = 4 * DAY_NS  # 5 January 1970
    starts = [monday, monday + DAY_NS // 4, monday + DAY_NS - 1, monday + 5 * DAY_NS, monday + 7 * DAY_NS - 1]
    assert seasons_of(starts).tolist() == [0, 1, 3, 4, 7]


@pytest.mark.parametrize(
    ("counts", "pools"),
    [
        ([100] * 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ([30] * 8, [0] * 8),
        ([100, 100, 100, 100, 30, 30, 30, 30], [0, 1, 2, 3, 4, 4, 4, 4]),
        ([200, 90, 100, 100, 0, 0, 0, 0], [0, 1, 2, 3, 1, 1, 1, 1]),
    ],
)
def test_parts_of_the_week_with_few_calls_are_pooled(counts: list[int], pools: list[int]) -> None:
    assert joined(np.array(counts)).tolist() == pools
