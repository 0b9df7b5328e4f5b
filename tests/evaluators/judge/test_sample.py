import threading
from collections.abc import Callable

from sqlalchemy import Engine

from evaluators.judge.sample import draw, sampled, sampling_key

KEY = b"k" * 32


def test_the_same_call_is_always_drawn_alike() -> None:
    assert [sampled(KEY, f"{n}", 0.3) for n in range(500)] == [sampled(KEY, f"{n}", 0.3) for n in range(500)]


def test_the_share_drawn_is_the_share_asked_for() -> None:
    # Binomial(20,000, 0.1): standard deviation 42, so five of them either way.
    assert 1_790 <= sum(sampled(KEY, f"{n}", 0.1) for n in range(20_000)) <= 2_210


def test_a_smaller_share_lies_inside_a_larger_one() -> None:
    ids = [f"{n}" for n in range(2_000)]
    small = {i for i in ids if sampled(KEY, i, 0.05)}
    assert small
    assert small < {i for i in ids if sampled(KEY, i, 0.2)}


def test_the_bounds_take_none_and_all() -> None:
    assert not any(sampled(KEY, f"{n}", 0.0) for n in range(1_000))
    assert all(sampled(KEY, f"{n}", 1.0) for n in range(1_000))


def test_who_does_not_know_the_key_cannot_tell_who_is_drawn() -> None:
    ids = [f"{n}" for n in range(2_000)]
    both = sum(sampled(KEY, i, 0.5) and sampled(b"other", i, 0.5) for i in ids)
    assert 400 <= both <= 600  # independent: a quarter, give or take five standard deviations of 19
    assert draw(KEY, "sample", "a") != draw(KEY, "place", "a")


def test_all_threads_and_restarts_share_one_key(reopen_state: Callable[[], Engine]) -> None:
    engine = reopen_state()
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(sampling_key(engine))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reopened = reopen_state()
    assert len(keys) == 8
    assert set(keys) == {sampling_key(reopened)}
    assert len(keys[0]) == 32
