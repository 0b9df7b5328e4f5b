"""A reviewer of one project is shown its calls alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from collector.call import Call
from collector.errors import BadRequest
from collector.store.base import TelemetryStore
from evaluators.review import Candidate, ReviewQueue


@pytest.fixture
def queue(
    engine: Engine,
    store: TelemetryStore,
    clock: Callable[[], int],
    a_call: Callable[..., Call],
    a_candidate: Callable[..., Candidate],
    write_calls: Callable[[Sequence[Call]], None],
) -> ReviewQueue:
    """Three calls of `shop`, one of `bank`."""
    owners = {f"{n:032x}": "bank" if n == 0 else "shop" for n in range(4)}
    write_calls([replace(a_call(call_id), project=project) for call_id, project in owners.items()])
    queue = ReviewQueue(engine, store, clock)
    queue.add([replace(a_candidate(call_id), project=project) for call_id, project in owners.items()])
    return queue


def test_only_its_own_calls_come_up_and_count(queue: ReviewQueue) -> None:
    bank = queue.of_project("bank")
    assert (bank.counts().open, queue.of_project("shop").counts().open, queue.counts().open) == (1, 3, 4)
    item = bank.next("ann")
    assert item is not None
    assert item.call.project == "bank"
    assert bank.next("bob") is None
    bank.skip(item.item_id, reviewer="ann")
    assert bank.next("ann") is None
    assert queue.of_project("third").next("ann") is None


def test_an_item_of_others_cannot_be_touched(queue: ReviewQueue) -> None:
    """Not even by who holds it in the other project."""
    bank, shop = queue.of_project("bank"), queue.of_project("shop")
    item = bank.next("ann")
    assert item is not None
    with pytest.raises(BadRequest, match="there is no item"):
        shop.label(item.item_id, reviewer="ann", label="grounded")
    with pytest.raises(BadRequest, match="there is no item"):
        shop.skip(item.item_id, reviewer="ann")
    assert bank.label(item.item_id, reviewer="ann", label="grounded").project == "bank"
    with pytest.raises(BadRequest, match="there is no item"):
        shop.revealed(item.item_id)
    assert shop.undo("ann") is None
    again = bank.undo("ann")
    assert again is not None
    assert again.item_id == item.item_id


def test_what_is_held_in_one_project_is_not_shown_in_the_other(queue: ReviewQueue) -> None:
    held = queue.of_project("bank").next("ann")
    other = queue.of_project("shop").next("ann")
    assert held is not None
    assert other is not None
    assert (held.call.project, other.call.project) == ("bank", "shop")
