"""False alarms among conversations, whose calls are alike: what one call per session is for."""

import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from collector.call import Call
from evaluators.drift import drift_test
from evaluators.drift.monitors.record import Record
from evaluators.features import feature_rows

N_REFERENCE, N_WINDOW, N_WINDOWS = 200, 50, 6


@pytest.fixture(scope="module")
def rows(recorded: Mapping[tuple[str, str], Sequence[tuple[str, str]]]) -> np.ndarray:
    """Feature rows of one model's answers, so ordered that neighbours are alike: topics."""
    found = feature_rows(answer for _, answer in recorded["opinionqa", "gpt-4-0314"])
    spread = found.std(axis=0)
    standardised = (found - found.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    direction = np.linalg.svd(standardised, full_matrices=False)[2][0]
    return found[np.argsort(standardised @ direction)]


def conversations(rng: random.Random, *, n_rows: int, n_open: int, length: int) -> Iterator[tuple[str, int]]:
    """(session, row) without end: `n_open` sessions at once, each around one topic and of random length."""
    topics: dict[str, int] = {}
    n_begun = 0
    while True:
        while len(topics) < n_open:
            n_begun += 1
            topics[f"s{n_begun}"] = rng.randrange(n_rows)
        session = rng.choice(list(topics))
        yield session, min(max(topics[session] + rng.randint(-15, 15), 0), n_rows - 1)
        if rng.random() < 1 / length:
            del topics[session]


def p_values(rows: np.ndarray, *, seed: int, n_open: int, length: int, thinned: bool) -> Iterator[float]:
    """Of the windows of one stream in which nothing changes."""
    record = Record(monitor_id=str(seed), features_version="1")
    reference: list[int] = []
    stream = conversations(random.Random(seed), n_rows=len(rows), n_open=n_open, length=length)
    for seq, (session, row) in enumerate(stream, start=1):
        call = Call(call_id=f"c{seq}", trace_id="", span_id="", start_ns=row, session_id=session if thinned else None)
        units = record.add(call, seq, n_window=N_WINDOW, n_recent=2 * (N_REFERENCE + N_WINDOW))
        if units is None:
            continue
        block = [unit.start_ns for unit in units]  # the row stands in for the time
        if len(reference) < N_REFERENCE:
            reference += block
            continue
        rng = np.random.default_rng((seed, record.window_index))
        yield drift_test(rows[reference], rows[block], max_permutations=99, rng=rng).p_value
        record.window_index += 1
        if record.window_index == N_WINDOWS:
            return


def rejected(rows: np.ndarray, *, n_open: int, length: int, thinned: bool) -> float:
    """Share of the windows of 60 streams with p <= 0.05."""
    streams = (p_values(rows, seed=s, n_open=n_open, length=length, thinned=thinned) for s in range(60))
    return float(np.mean([p <= 0.05 for stream in streams for p in stream]))


@pytest.mark.statistical
@pytest.mark.parametrize(("n_open", "length"), [(1, 10), (10, 20), (50, 20), (200, 20)])
def test_one_call_per_session_holds_the_level(rows: np.ndarray, n_open: int, length: int) -> None:
    # The six windows of a stream share a reference. Even if they always agreed, Binomial(60, 0.05) would go above
    # 12 % only once in 100 seeds.
    assert rejected(rows, n_open=n_open, length=length, thinned=True) <= 0.12


@pytest.mark.statistical
def test_every_call_of_a_session_does_not(rows: np.ndarray) -> None:
    assert rejected(rows, n_open=1, length=10, thinned=False) >= 0.5
