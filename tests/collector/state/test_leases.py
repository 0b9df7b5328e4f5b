"""Leases: one holder at a time, taken over from the dead, and who was replaced finds out before it writes."""

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select

from collector.state import leases
from collector.state.duties import SoleDuties
from collector.state.leases import Lease, LeaseLost
from collector.state.tables import leases as table
from collector.state.tables import meta


def take(engine: Engine, holder: str, *, duration_s: float = 60.0) -> Lease | None:
    with engine.begin() as connection:
        return leases.take(connection, "work", holder, duration_s=duration_s)


def is_good(engine: Engine, lease: Lease) -> bool:
    try:
        with engine.begin() as connection:
            lease.check(connection)
    except LeaseLost:
        return False
    return True


def test_one_has_it_and_the_other_has_not(engine: Engine) -> None:
    mine = take(engine, "a")
    assert mine is not None
    assert take(engine, "b") is None
    assert is_good(engine, mine)


def test_renewing_keeps_the_token(engine: Engine) -> None:
    assert take(engine, "a") == take(engine, "a")


def test_what_ran_out_is_taken_over_and_the_old_holder_finds_out(engine: Engine) -> None:
    old = take(engine, "a", duration_s=0.2)
    assert old is not None
    assert take(engine, "b") is None
    time.sleep(0.25)
    assert is_good(engine, old), "nobody else has it yet, so what was done under it may be kept"
    new = take(engine, "b")
    assert new is not None
    assert new.token > old.token
    assert not is_good(engine, old)
    assert is_good(engine, new)
    assert take(engine, "a") is None


def test_what_is_released_can_be_taken_at_once(engine: Engine) -> None:
    old = take(engine, "a")
    assert old is not None
    with engine.begin() as connection:
        leases.release(connection, old)
    assert take(engine, "b") is not None
    with engine.begin() as connection:
        leases.release(connection, old)  # by then another's: nothing happens
    assert take(engine, "a") is None


def test_a_token_is_never_given_twice(engine: Engine) -> None:
    tokens = []
    for n in range(5):
        lease = take(engine, f"holder {n}", duration_s=0.0)
        assert lease is not None
        tokens.append(lease.token)
    assert tokens == sorted(set(tokens))


def test_a_fence_outdates_the_lease_of_the_holder_who_gets_a_new_one(engine: Engine) -> None:
    old = take(engine, "a")
    assert old is not None
    with engine.begin() as connection:
        leases.fence(connection, "work")
    assert not is_good(engine, old)
    new = take(engine, "a")
    assert new is not None
    assert new.token > old.token


def test_nobody_takes_over_between_a_check_and_the_end_of_its_transaction(
    engine: Engine, reopen_state: Callable[[], Engine]
) -> None:
    old = take(engine, "a", duration_s=0.0)
    assert old is not None
    other, taken = reopen_state(), threading.Event()

    def take_over() -> None:
        while take(other, "b") is None:
            time.sleep(0.01)
        taken.set()

    thread = threading.Thread(target=take_over)
    with engine.begin() as connection:
        old.check(connection)
        thread.start()
        assert not taken.wait(0.3)
        connection.execute(meta.insert().values(key="written", value="under the lease"))
    assert taken.wait(10)
    thread.join()


def test_of_many_who_want_it_at_once_one_gets_it(reopen_state: Callable[[], Engine]) -> None:
    given: list[Lease | None] = []
    barrier = threading.Barrier(8)

    def race(engine: Engine, holder: str) -> None:
        barrier.wait()
        given.append(take(engine, holder))

    threads = [threading.Thread(target=race, args=(reopen_state(), f"holder {n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 8
    assert len([lease for lease in given if lease is not None]) == 1


def test_a_process_that_is_alone_takes_what_a_dead_one_had(engine: Engine) -> None:
    dead = take(engine, "dead")
    assert dead is not None
    duty = SoleDuties(engine).duty("work")
    with duty.turn() as lease:
        assert lease is not None
        assert not is_good(engine, dead)
        assert is_good(engine, lease)
        assert duty.is_held(lease)


def test_a_turn_that_lost_its_lease_is_followed_by_one_with_a_new_lease(engine: Engine) -> None:
    duty = SoleDuties(engine).duty("work")
    with duty.turn():
        pass
    with engine.begin() as connection:
        leases.fence(connection, "work")
    with pytest.raises(LeaseLost), duty.turn() as lease, engine.begin() as connection:
        lease.check(connection)
    with duty.turn() as lease, engine.begin() as connection:
        assert lease is not None
        lease.check(connection)


def test_what_one_who_is_alone_holds_is_free_for_those_who_share(engine: Engine) -> None:
    with SoleDuties(engine).duty("work").turn():
        pass
    assert take(engine, "b") is not None
    with engine.connect() as connection:
        assert connection.scalar(select(table.c.holder)) == "b"
