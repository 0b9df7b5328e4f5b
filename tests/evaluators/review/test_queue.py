import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Engine, select

from collector.call import Call
from collector.errors import BadRequest, StoreUnavailable
from collector.query import Filters
from collector.score import Score
from collector.state.tables import review_items
from collector.store.base import TelemetryStore
from evaluators.review import Candidate, ReviewConfig, ReviewItem, ReviewQueue

QueueOf = Callable[..., ReviewQueue]


@pytest.fixture
def labels(store: TelemetryStore) -> Callable[[], Sequence[Score]]:
    """The human scores in the store."""
    return lambda: store.scores(Filters(since_ns=0, until_ns=2**62), source="human", limit=1_000).items


def test_a_label_is_a_score_of_the_reviewer(queue_of: QueueOf, labels: Any) -> None:
    queue = queue_of(1)
    item = queue.next("ann")
    assert item is not None
    assert item.call.output_text == "4 pm."
    assert item.call.context_texts == ["10:00-16:00"]
    score = queue.label(item.item_id, reviewer="ann", label="grounded", comment="Plainly there.", seconds=12.5)
    assert (score.evaluator, score.source, score.author) == ("human:groundedness", "human", "ann")
    assert (score.target_id, score.value, score.label) == (item.call.call_id, 1.0, "grounded")
    assert (score.explanation, score.service, score.environment) == ("Plainly there.", "shop", "production")
    assert labels() == [score]
    assert queue.next("ann") is None


def test_a_reviewer_who_cannot_tell_gives_a_label_without_a_value(queue_of: QueueOf) -> None:
    queue = queue_of(2)
    for label, value in (("ungrounded", 0.0), ("cannot tell", None)):
        item = queue.next("ann")
        assert item is not None
        assert queue.label(item.item_id, reviewer="ann", label=label, comment=None, seconds=1.0).value == value  # type: ignore[arg-type]


def test_adding_twice_is_adding_once_even_when_the_item_is_closed(
    queue_of: QueueOf, a_candidate: Callable[..., Candidate]
) -> None:
    queue = queue_of(2)
    again = [a_candidate(f"{n:032x}") for n in range(2)]
    assert queue.add([*again, *again]) == 0
    item = queue.next("ann")
    assert item is not None
    queue.label(item.item_id, reviewer="ann", label="grounded")
    assert queue.add(again) == 0
    assert (queue.counts().open, queue.counts().done) == (1, 1)
    assert queue.add([]) == 0


def test_calls_fill_the_queue_by_their_scores(
    engine: Engine, store: TelemetryStore, clock: Any, a_call: Callable[..., Call]
) -> None:
    queue = ReviewQueue(engine, store, clock, ReviewConfig(random_share=0.0))
    calls = [a_call("a"), a_call("b")]
    doubt = Score(
        target_id="b", target_start_ns=calls[1].start_ns, evaluator="groundedness", version="1", source="model",
        value=0.4, label="doubtful", created_ns=1,
    )  # fmt: skip
    assert queue.fill(calls, [doubt]) == 1
    assert queue.counts().by_stratum == {"doubt": {"open": 1, "done": 0, "skipped": 0}}


def test_a_reviewer_keeps_an_item_until_it_is_closed(queue_of: QueueOf) -> None:
    queue = queue_of(3)
    first, again = queue.next("ann"), queue.next("ann")
    assert first is not None
    assert again == first


def test_two_reviewers_never_get_one_item(queue_of: QueueOf) -> None:
    queue = queue_of(2)
    mine, yours = queue.next("ann"), queue.next("bob")
    assert mine is not None
    assert yours is not None
    assert mine.item_id != yours.item_id
    assert queue.next("eve") is None


def test_eight_reviewers_at_once_label_every_item_once(
    queue_of: QueueOf, store: TelemetryStore, clock: Any, reopen_state: Callable[[], Engine], labels: Any
) -> None:
    queue_of(40)
    given: list[tuple[str, str]] = []

    def review(reviewer: str) -> None:
        queue = ReviewQueue(reopen_state(), store, clock)
        while (item := queue.next(reviewer)) is not None:
            given.append((item.call.call_id, reviewer))
            queue.label(item.item_id, reviewer=reviewer, label="grounded", seconds=0.1)

    threads = [threading.Thread(target=review, args=(f"reviewer {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(call_id for call_id, _ in given) == {f"{n:032x}": 1 for n in range(40)}
    assert {(score.target_id, score.author) for score in labels()} == set(given)
    assert len({reviewer for _, reviewer in given}) > 1


def test_an_item_left_alone_goes_to_another_reviewer(queue_of: QueueOf, clock: Any, labels: Any) -> None:
    queue = queue_of(1, reservation_s=900.0)
    mine = queue.next("ann")
    assert mine is not None
    assert mine.reserved_until_ns == clock() + 900 * 10**9
    clock.wait(899)
    assert queue.next("bob") is None
    clock.wait(1)
    yours = queue.next("bob")
    assert yours is not None
    assert yours.item_id == mine.item_id
    with pytest.raises(BadRequest, match="went to another reviewer"):
        queue.label(mine.item_id, reviewer="ann", label="grounded")
    assert labels() == []


def test_a_late_label_is_taken_when_nobody_took_the_item(queue_of: QueueOf, clock: Any) -> None:
    queue = queue_of(1)
    item = queue.next("ann")
    assert item is not None
    clock.wait(10_000)
    assert queue.label(item.item_id, reviewer="ann", label="grounded").value == 1.0


def test_looking_again_renews_the_reservation(queue_of: QueueOf, clock: Any) -> None:
    queue = queue_of(1)
    queue.next("ann")
    clock.wait(800)
    queue.next("ann")
    clock.wait(800)
    assert queue.next("bob") is None


def test_what_is_not_ones_own_cannot_be_closed(queue_of: QueueOf) -> None:
    queue = queue_of(2)
    mine = queue.next("ann")
    assert mine is not None
    with pytest.raises(BadRequest, match="another reviewer"):
        queue.label(mine.item_id, reviewer="bob", label="grounded")
    with pytest.raises(BadRequest, match="another reviewer"):
        queue.skip(mine.item_id, reviewer="bob")
    queue.label(mine.item_id, reviewer="ann", label="grounded")
    with pytest.raises(BadRequest, match="done already; undo"):
        queue.label(mine.item_id, reviewer="ann", label="ungrounded")
    with pytest.raises(BadRequest, match="there is no item nothing"):
        queue.skip("nothing", reviewer="ann")
    with pytest.raises(BadRequest, match="reviewer is empty"):
        queue.next(" ")
    with pytest.raises(BadRequest, match="use one of grounded, ungrounded, cannot tell"):
        queue.label(mine.item_id, reviewer="ann", label="fine")  # type: ignore[arg-type]


def test_a_skipped_item_is_closed_without_a_label_and_with_its_reason(
    queue_of: QueueOf, engine: Engine, labels: Any
) -> None:
    queue = queue_of(1)
    item = queue.next("ann")
    assert item is not None
    queue.skip(item.item_id, reviewer="ann", reason="in Finnish")
    assert queue.next("ann") is None
    assert labels() == []
    with engine.connect() as connection:
        row = connection.execute(select(review_items)).one()
    assert (row.state, row.reviewer, row.skip_reason) == ("skipped", "ann", "in Finnish")


def test_undo_withdraws_the_label_and_shows_the_item_again(queue_of: QueueOf, labels: Any) -> None:
    queue = queue_of(3)
    first = queue.next("ann")
    assert first is not None
    queue.label(first.item_id, reviewer="ann", label="grounded", seconds=3.0)
    second = queue.next("ann")
    assert second is not None

    reopened = queue.undo("ann")
    assert reopened is not None
    assert reopened.item_id == first.item_id
    assert queue.next("ann") == reopened  # and not the second, which waits
    (score,) = labels()
    assert (score.value, score.label) == (None, "withdrawn")
    assert (queue.counts().open, queue.counts().done) == (3, 0)

    queue.label(first.item_id, reviewer="ann", label="ungrounded")
    assert [score.label for score in labels()] == ["ungrounded"]
    after = queue.next("ann")
    assert after is not None
    assert after.item_id == second.item_id


def test_undo_takes_the_last_item_of_this_reviewer_only(queue_of: QueueOf, clock: Any) -> None:
    queue = queue_of(3)
    closed = []
    for reviewer in ("ann", "ann", "bob"):
        item = queue.next(reviewer)
        assert item is not None
        queue.skip(item.item_id, reviewer=reviewer, reason="unclear")
        closed.append(item.item_id)
        clock.wait(1)
    undone = [queue.undo("ann"), queue.undo("ann"), queue.undo("ann")]
    assert [item and item.item_id for item in undone] == [closed[1], closed[0], None]
    assert queue.counts().skipped == 1


class Crashing:
    """The real store, until it is told to fail before or after the next write of scores."""

    def __init__(self, store: TelemetryStore) -> None:
        self.store, self.fail = store, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write_scores(self, scores: Sequence[Score]) -> None:
        if self.fail == "before":
            raise StoreUnavailable("gone")
        self.store.write_scores(scores)
        if self.fail == "after":
            raise StoreUnavailable("gone")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_while_labelling_loses_no_label_and_doubles_none(
    queue_of: QueueOf, store: TelemetryStore, engine: Engine, clock: Any, labels: Any, moment: str
) -> None:
    queue_of(1)
    crashing: Any = Crashing(store)
    queue = ReviewQueue(engine, crashing, clock)
    item = queue.next("ann")
    assert item is not None
    crashing.fail = moment
    with pytest.raises(StoreUnavailable):
        queue.label(item.item_id, reviewer="ann", label="grounded")
    crashing.fail = ""
    again = queue.next("ann")
    assert again is not None
    assert again.item_id == item.item_id
    queue.label(item.item_id, reviewer="ann", label="ungrounded")
    assert [score.label for score in labels()] == ["ungrounded"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_while_undoing_leaves_no_open_item_with_a_label_that_counts(
    queue_of: QueueOf, store: TelemetryStore, engine: Engine, clock: Any, labels: Any, moment: str
) -> None:
    queue_of(1)
    crashing: Any = Crashing(store)
    queue = ReviewQueue(engine, crashing, clock)
    item = queue.next("ann")
    assert item is not None
    queue.label(item.item_id, reviewer="ann", label="grounded")
    crashing.fail = moment
    with pytest.raises(StoreUnavailable):
        queue.undo("ann")
    assert queue.next("ann") is None
    crashing.fail = ""
    assert queue.undo("ann") is not None
    assert [score.label for score in labels()] == ["withdrawn"]


def test_scores_are_hidden_until_the_label_is_saved(queue_of: QueueOf, store: TelemetryStore, clock: Any) -> None:
    queue = queue_of(1)
    item = queue.next("ann")
    assert item is not None
    facts = {"target_id": item.call.call_id, "target_start_ns": item.call.start_ns, "version": "1", "created_ns": 1}
    model = Score(**facts, evaluator="groundedness", source="model", value=0.5, label="doubtful")  # type: ignore[arg-type]
    judge = Score(**facts, evaluator="judge:groundedness", source="judge", value=0.0, label="no")  # type: ignore[arg-type]
    store.write_scores([model, judge])

    assert {field.name for field in fields(ReviewItem)} == {"item_id", "call", "reserved_until_ns"}
    with pytest.raises(BadRequest, match="once its label is saved"):
        queue.revealed(item.item_id)
    queue.skip(item.item_id, reviewer="ann")
    with pytest.raises(BadRequest, match="once its label is saved"):
        queue.revealed(item.item_id)
    queue.undo("ann")
    queue.label(item.item_id, reviewer="ann", label="grounded")
    assert {score.evaluator for score in queue.revealed(item.item_id)} == {"groundedness", "judge:groundedness"}


def test_the_order_is_not_that_of_arrival(queue_of: QueueOf) -> None:
    queue = queue_of(30)
    seen = []
    while (item := queue.next("ann")) is not None:
        seen.append(item.call.call_id)
        queue.skip(item.item_id, reviewer="ann")
    assert len(seen) == 30
    assert seen != sorted(seen)  # by chance once in 30 factorial
    assert seen != sorted(seen, reverse=True)


def open_calls(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(review_items.c.call_id).where(review_items.c.state == "open")))


def test_a_full_queue_lets_the_oldest_doubtful_items_go_first(
    engine: Engine, store: TelemetryStore, clock: Any, a_candidate: Callable[..., Candidate]
) -> None:
    queue = ReviewQueue(engine, store, clock, ReviewConfig(max_open=3))
    for call_id, stratum in (("r1", "random"), ("d1", "doubt"), ("d2", "doubt"), ("r2", "random")):
        queue.add([a_candidate(call_id, stratum)])
        clock.wait(1)
    assert open_calls(engine) == {"r1", "d2", "r2"}
    queue.add([a_candidate("r3"), a_candidate("r4")])
    assert open_calls(engine) == {"r2", "r3", "r4"}
    queue.add([a_candidate("d3", "doubt")])  # doubt never takes the place of a random item
    assert open_calls(engine) == {"r2", "r3", "r4"}


def test_an_item_that_somebody_looks_at_is_not_dropped(
    queue_of: QueueOf, engine: Engine, clock: Any, a_candidate: Callable[..., Candidate]
) -> None:
    queue = queue_of(1, max_open=1)
    item = queue.next("ann")
    assert item is not None
    queue.add([a_candidate("new")])
    assert open_calls(engine) == {item.call.call_id}
    queue.label(item.item_id, reviewer="ann", label="grounded")
    assert queue.counts().done == 1


def test_many_items_are_added_and_cut_in_one_call(
    engine: Engine, store: TelemetryStore, clock: Any, a_candidate: Callable[..., Candidate]
) -> None:
    queue = ReviewQueue(engine, store, clock, ReviewConfig(max_open=150))
    assert queue.add([a_candidate(f"{n}") for n in range(333)]) == 333
    assert queue.counts().open == 150


def test_a_call_that_left_the_store_is_passed_over(
    queue_of: QueueOf, engine: Engine, a_candidate: Callable[..., Candidate]
) -> None:
    queue = queue_of(1)
    queue.add([a_candidate(f"gone {n}") for n in range(5)])
    item = queue.next("ann")
    assert item is not None
    assert item.call.call_id == f"{0:032x}"
    queue.skip(item.item_id, reviewer="ann")
    assert queue.next("ann") is None
    assert queue.counts().open == 0


def test_progress_is_counted_by_state_stratum_and_day(
    queue_of: QueueOf, clock: Any, a_candidate: Callable[..., Candidate]
) -> None:
    queue = queue_of(3)
    queue.add([a_candidate("d", "doubt")])
    assert queue.counts().done_today == 0
    closed = 0
    while closed < 2:
        item = queue.next("ann")
        assert item is not None
        if closed == 0:
            queue.label(item.item_id, reviewer="ann", label="grounded", seconds=2.0)
        else:
            queue.skip(item.item_id, reviewer="ann")
        closed += 1
    counts = queue.counts()
    assert (counts.done, counts.skipped, counts.done_today) == (1, 1, 1)
    assert counts.done_today_by == {"ann": 1}
    assert counts.by_stratum["random"] == {"open": 1, "done": 1, "skipped": 1}
    assert counts.open == sum(stratum["open"] for stratum in counts.by_stratum.values())
    clock.wait(86_400)
    assert (queue.counts().done, queue.counts().done_today, queue.counts().done_today_by) == (1, 0, {})


def test_what_each_reviewer_did_today_is_counted_over_both_strata(queue_of: QueueOf) -> None:
    queue = queue_of(4)
    for reviewer in ("ann", "ann", "bob"):
        item = queue.next(reviewer)
        assert item is not None
        queue.label(item.item_id, reviewer=reviewer, label="cannot tell")
    counts = queue.counts()
    assert counts.done_today_by == {"ann": 2, "bob": 1}
    assert (counts.done_today, counts.open) == (3, 1)


def test_the_queue_survives_a_restart(
    queue_of: QueueOf, store: TelemetryStore, clock: Any, reopen_state: Callable[[], Engine]
) -> None:
    queue = queue_of(2)
    item = queue.next("ann")
    reopened = ReviewQueue(reopen_state(), store, clock)
    assert reopened.next("ann") == item
    assert reopened.counts() == queue.counts()
