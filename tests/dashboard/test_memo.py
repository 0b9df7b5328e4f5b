import asyncio
import threading
import time

import pytest

from collector.errors import StoreUnavailable
from dashboard.memo import Memo


def test_all_who_ask_at_once_share_one_computation() -> None:
    calls: list[int] = []

    def compute() -> bytes:
        calls.append(1)
        time.sleep(0.05)
        return b"answer"

    async def ask() -> list[bytes]:
        memo = Memo()
        return await asyncio.gather(*(memo.get("key", compute) for _ in range(20)))

    assert asyncio.run(ask()) == [b"answer"] * 20
    assert len(calls) == 1


def test_at_most_two_computations_run() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def compute() -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return b""

    async def ask() -> None:
        memo = Memo()
        await asyncio.gather(*(memo.get(i, compute) for i in range(8)))

    asyncio.run(ask())
    assert most == 2


def test_an_error_is_told_to_all_and_not_remembered() -> None:
    outcomes = [StoreUnavailable("away"), None]

    def compute() -> bytes:
        error = outcomes.pop(0)
        if error is not None:
            raise error
        return b"back"

    async def ask() -> None:
        memo = Memo()
        with pytest.raises(StoreUnavailable):
            await memo.get("key", compute)
        assert await memo.get("key", compute) == b"back"

    asyncio.run(ask())


def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    async def ask() -> bytes:
        memo = Memo()

        def compute() -> bytes:
            time.sleep(0.05)
            return b"answer"

        first = asyncio.create_task(memo.get("key", compute))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(memo.get("key", compute))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    assert asyncio.run(ask()) == b"answer"


def test_it_remembers_a_bounded_number_and_forgets_on_demand() -> None:
    calls: list[int] = []

    async def ask() -> None:
        memo = Memo(max_entries=2)

        def compute(i: int) -> bytes:
            calls.append(i)
            return b""

        for i in (1, 2, 3, 1, 3):
            await memo.get(i, lambda i=i: compute(i))
        memo.clear()
        await memo.get(3, lambda: compute(3))

    asyncio.run(ask())
    assert calls == [1, 2, 3, 1, 3]
