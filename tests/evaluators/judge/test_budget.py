import random
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from evaluators.judge.budget import Budget

DAY_NS = 86_400 * 10**9


@pytest.fixture
def budget(engine: Engine, clock: Callable[[], int]) -> Budget:
    return Budget(engine=engine, max_usd_per_day=1.0, max_calls_per_day=5, clock=clock)


def test_what_a_request_cost_replaces_what_was_reserved(budget: Budget) -> None:
    reservation = budget.reserve(0.4)
    assert reservation is not None
    assert budget.spent_today() == (1, pytest.approx(0.4))
    budget.settle(reservation, 0.1)
    assert budget.spent_today() == (1, pytest.approx(0.1))


def test_a_request_that_was_not_billed_gives_its_reservation_back(budget: Budget) -> None:
    reservation = budget.reserve(0.4)
    assert reservation is not None
    budget.release(reservation)
    assert budget.spent_today() == (0, pytest.approx(0.0))


def test_what_the_rest_of_the_day_does_not_cover_is_not_asked(budget: Budget) -> None:
    assert budget.reserve(0.7)
    assert budget.reserve(0.4) is None
    assert budget.reserve(0.3)
    assert budget.spent_today() == (2, pytest.approx(1.0))


def test_requests_without_a_known_price_are_limited_by_number(budget: Budget) -> None:
    assert [budget.reserve(0.0) is not None for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_budget_of_nothing_buys_nothing(engine: Engine) -> None:
    assert Budget(engine=engine, max_usd_per_day=0.0, max_calls_per_day=5).reserve(0.001) is None
    assert Budget(engine=engine, max_usd_per_day=9.0, max_calls_per_day=0).reserve(0.001) is None


def test_a_new_day_has_a_new_budget_and_a_late_bill_goes_to_its_own_day(engine: Engine) -> None:
    now_ns = [10 * DAY_NS - 1]
    budget = Budget(engine=engine, max_usd_per_day=1.0, max_calls_per_day=5, clock=lambda: now_ns[0])
    late = budget.reserve(1.0)
    assert late is not None
    now_ns[0] += 1
    assert budget.reserve(1.0)
    budget.settle(late, 0.25)
    assert budget.spent_today() == (1, pytest.approx(1.0))
    now_ns[0] -= 1
    assert budget.spent_today() == (1, pytest.approx(0.25))


def test_eight_writers_with_their_own_connections_never_overspend(
    reopen_state: Callable[[], Engine], clock: Callable[[], int]
) -> None:
    limit_usd, bought_usd, seen_usd = 1.0, [], []

    def spend(seed: int) -> None:
        rng = random.Random(seed)
        budget = Budget(engine=reopen_state(), max_usd_per_day=limit_usd, max_calls_per_day=10_000, clock=clock)
        for _ in range(15):
            if (reservation := budget.reserve(0.05)) is None:
                continue
            seen_usd.append(budget.spent_today()[1])
            if rng.random() < 0.2:
                budget.release(reservation)
            else:
                cost_usd = rng.uniform(0.01, 0.05)
                budget.settle(reservation, cost_usd)
                bought_usd.append(cost_usd)

    engine = reopen_state()
    threads = [threading.Thread(target=spend, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    n_calls, cost_usd = Budget(engine=engine, max_usd_per_day=1.0, max_calls_per_day=10_000, clock=clock).spent_today()
    assert max(seen_usd) <= limit_usd + 1e-9
    assert cost_usd == pytest.approx(sum(bought_usd))
    assert n_calls == len(bought_usd)
    # 120 tries ask for more than twice the budget, so one was refused; and then all but the 0.05 it asked for and the
    # reservations of the seven others had been spent for good.
    assert cost_usd >= limit_usd - 0.05 - 7 * 0.05 - 1e-9
