"""Processes share the duties evenly, hand over without a gap, and one that stands still gives up by itself."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from collector.errors import StoreUnavailable
from collector.state.members import share_out
from collector.state.sharing import SharedDuties

NAMES = ("a", "b", "c", "d")
Sharer = Callable[..., SharedDuties]


@pytest.fixture
def sharer(reopen_state: Callable[[], Engine]) -> Iterator[Sharer]:
    """`sharer(duration_s=...)`: as a process of its own would share `NAMES`; its thread is not started."""
    made: list[SharedDuties] = []

    def make(duration_s: float = 60.0, names: tuple[str, ...] = NAMES) -> SharedDuties:
        duties = SharedDuties(reopen_state(), duration_s=duration_s)
        for name in names:
            duties.duty(name)
        made.append(duties)
        return duties

    yield make
    for duties in made:
        duties.close()


def held(duties: SharedDuties, names: tuple[str, ...] = NAMES) -> set[str]:
    found = set()
    for name in names:
        with duties.duty(name).turn() as lease:
            if lease is not None:
                found.add(name)
    return found


def test_one_alone_does_everything(sharer: Sharer) -> None:
    one = sharer()
    assert held(one) == set()
    one.round()
    assert held(one) == set(NAMES)


def test_one_who_joins_gets_a_half(sharer: Sharer) -> None:
    one, two = sharer(), sharer()
    one.round()
    two.round()  # is known from now on
    assert held(two) == set()
    one.round()  # hands over
    two.round()
    assert len(held(one)) == len(held(two)) == 2
    assert held(one) | held(two) == set(NAMES)


def test_a_turn_under_way_is_not_handed_over(sharer: Sharer) -> None:
    one, two = sharer(names=("a",)), sharer(names=("a",))
    first, second = sorted((one, two), key=lambda duties: duties.holder)
    second.round()
    with second.duty("a").turn() as lease:
        assert lease is not None
        for duties in (first, second, first):
            duties.round()
        assert held(first, ("a",)) == set()
        assert second.duty("a").is_held(lease)
    second.round()
    first.round()
    assert held(first, ("a",)) == {"a"}
    assert held(second, ("a",)) == set()


def test_one_who_leaves_is_replaced_in_the_next_round(sharer: Sharer) -> None:
    one, two = sharer(), sharer()
    for duties in (one, two, one, two):
        duties.round()
    one.close()
    two.round()
    assert held(two) == set(NAMES)


def test_one_who_stands_still_gives_up_by_itself_before_it_is_replaced(sharer: Sharer) -> None:
    one, two = sharer(duration_s=1.0, names=("a",)), sharer(duration_s=1.0, names=("a",))
    one.round()
    two.round()
    started_s = time.monotonic()
    while not held(two, ("a",)):
        assert not (held(one, ("a",)) and held(two, ("a",)))
        time.sleep(0.05)
        two.round()
    assert held(one, ("a",)) == set()
    assert 0.9 <= time.monotonic() - started_s < 5


def test_what_only_one_is_able_to_do_it_does(sharer: Sharer) -> None:
    one, two = sharer(names=("a", "b")), sharer(names=("a", "b", "c"))
    for duties in (one, two, one, two):
        duties.round()
    assert "c" in held(two, ("a", "b", "c"))
    assert held(one, ("a", "b")) | held(two, ("a", "b", "c")) == {"a", "b", "c"}


def test_threads_renew_while_the_work_takes_longer_than_a_lease(sharer: Sharer) -> None:
    one, two = sharer(duration_s=2.0, names=("a",)), sharer(duration_s=2.0, names=("a",))
    one.start()
    deadline_s = time.monotonic() + 10
    while not held(one, ("a",)):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    two.start()
    with one.duty("a").turn() as lease:
        assert lease is not None
        time.sleep(4)
        assert one.duty("a").is_held(lease)
        assert held(two, ("a",)) == set()


def test_a_database_that_is_away_costs_the_lease_when_its_time_has_come(sharer: Sharer) -> None:
    one = sharer(duration_s=0.5, names=("a",))
    one.round()
    one._engine = Away()  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable):
        one.round()
    assert held(one, ("a",)) == {"a"}
    assert one.problem() is None
    time.sleep(0.6)
    assert held(one, ("a",)) == set()
    assert "no share of the work for 1 s" in (one.problem() or "")


class Away:
    def begin(self) -> None:
        raise StoreUnavailable("the state database does not answer")


def test_two_never_have_a_turn_at_once(sharer: Sharer) -> None:
    """Four sharers come and go; each turn writes down when it was."""
    at_it = threading.Lock()
    overlaps: list[str] = []
    n_turns = [0] * 4
    stop = threading.Event()

    def work(place: int) -> None:
        duties = sharer(duration_s=5.0, names=("a",))
        for n in range(1_000):
            if stop.is_set():
                break
            duties.round()
            with duties.duty("a").turn() as lease:
                if lease is not None:
                    if not at_it.acquire(blocking=False):
                        overlaps.append(f"{place}/{n}")
                        continue
                    n_turns[place] += 1
                    time.sleep(0.01)
                    at_it.release()
            if n % 5 == place:
                duties.close()
                duties = sharer(duration_s=5.0, names=("a",))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(4)
    stop.set()
    for thread in threads:
        thread.join()
    assert overlaps == []
    assert sum(n > 0 for n in n_turns) >= 2, n_turns


@given(st.dictionaries(st.text("wxyz", min_size=1, max_size=2), st.sets(st.sampled_from(NAMES)), max_size=6))
def test_everything_that_somebody_can_do_is_done_by_one_who_can(able: dict[str, set[str]]) -> None:
    shares = share_out(able)
    assert shares.keys() == {duty for duties in able.values() for duty in duties}
    assert all(duty in able[holder] for duty, holder in shares.items())


@given(st.integers(1, 6), st.integers(0, 9))
def test_who_can_all_do_the_same_get_equal_shares(n_processes: int, n_duties: int) -> None:
    able = {f"process {n}": [f"duty {i}" for i in range(n_duties)] for n in range(n_processes)}
    shares = list(share_out(able).values())
    counts = [shares.count(holder) for holder in able]
    assert max(counts) - min(counts) <= 1
