"""One at a time, in order, and only so many waiting."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from serving.engine.base import EngineBusy
from serving.engine.generation import Generation, Piece, Usage
from serving.engine.line import Line

LAST = Piece("done", (1,), "stop", Usage(1, 1))


@pytest.fixture
def line() -> Iterator[Line]:
    one = Line(max_waiting=1)
    yield one
    one.close()


async def pieces(generation: Generation) -> list[Piece]:
    return [piece async for piece in generation]


def test_work_runs_in_the_order_of_arrival(line: Line) -> None:
    async def two() -> list[str]:
        order: list[str] = []

        def work(name: str, generation: Generation) -> None:
            order.append(name)
            generation.deliver(LAST)

        first, second = Generation(), Generation()
        line.admit(first, lambda: work("first", first))
        line.admit(second, lambda: work("second", second))
        await asyncio.gather(pieces(first), pieces(second))
        return order

    assert asyncio.run(two()) == ["first", "second"]


def test_the_line_refuses_when_full_and_a_cancelled_wait_makes_room(line: Line) -> None:
    async def crowd() -> list[Piece]:
        started, go_on = threading.Event(), threading.Event()
        running, waiting, next_one = Generation(), Generation(), Generation()

        def slow() -> None:
            started.set()
            go_on.wait(10)
            running.deliver(LAST)

        line.admit(running, slow)
        await asyncio.to_thread(started.wait, 10)
        line.admit(waiting, lambda: waiting.deliver(LAST))
        with pytest.raises(EngineBusy) as caught:
            line.admit(next_one, lambda: None)
        assert caught.value.retry_after_s >= 1
        waiting.cancel()
        line.admit(next_one, lambda: next_one.deliver(LAST))
        go_on.set()
        assert await pieces(next_one) == [LAST]
        return await pieces(waiting)

    assert asyncio.run(crowd()) == [Piece("", (), "cancelled", Usage(0, 0))]


def test_failed_work_is_told_to_its_reader_and_the_line_goes_on(line: Line) -> None:
    async def fail_then_work() -> list[Piece]:
        failing, working = Generation(), Generation()
        line.admit(failing, lambda: int("no number") and None)
        with pytest.raises(ValueError, match="no number"):
            await pieces(failing)
        line.admit(working, lambda: working.deliver(LAST))
        return await pieces(working)

    assert asyncio.run(fail_then_work()) == [LAST]


def test_a_closed_line_takes_nothing() -> None:
    async def late() -> None:
        line = Line(max_waiting=5)
        line.close()
        with pytest.raises(EngineBusy):
            line.admit(Generation(), lambda: None)

    asyncio.run(late())
