"""The review queue: who looks at which call, and what they said."""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Engine, Executable, Row, delete, select

from collector.call import Call
from collector.errors import BadRequest
from collector.query import Filters
from collector.score import Score, target_facts
from collector.state.tables import review_items as items
from collector.store.base import TelemetryReader, TelemetryWriter
from collector.times import NS_PER_S
from evaluators.judge.sample import sampling_key
from evaluators.review import statements
from evaluators.review.config import ReviewConfig
from evaluators.review.item import (
    EVALUATOR,
    GUIDELINE_VERSION,
    LABELS,
    VALUES,
    WITHDRAWN,
    Label,
    ReviewCounts,
    ReviewItem,
)
from evaluators.review.route import Candidate, route

_NS_PER_DAY = 86_400 * NS_PER_S
_ROWS_PER_INSERT = 100  # a statement holds a limited number of values


class Store(TelemetryReader, TelemetryWriter, Protocol):
    """Where calls are read and labels are kept."""


class ReviewQueue:
    """Calls to be labelled, each by one person. All state is in the database: any number of processes may share it.

    The queue holds at most `max_open` open items. A new one over that makes the oldest doubtful item go, and only
    when there is none the oldest random one: random items leave by age alone, so those of any window that were
    labelled still are a random sample of it.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        clock: Callable[[], int] = time.time_ns,
        config: ReviewConfig | None = None,
        *,
        project: str | None = None,
    ) -> None:
        self._project = project
        self._engine = engine
        self._store = store
        self._clock = clock
        self._config = config or ReviewConfig()
        self._key = sampling_key(engine)

    def of_project(self, project: str) -> "ReviewQueue":
        """The same queue, in which there are only the items of `project`."""
        return ReviewQueue(self._engine, self._store, self._clock, self._config, project=project)

    def fill(self, calls: Sequence[Call], scores: Sequence[Score]) -> int:
        """Add those of `calls` that people should look at, given their scores; returns how many were new."""
        return self.add(route(calls, scores, random_share=self._config.random_share, key=self._key))

    def add(self, candidates: Sequence[Candidate]) -> int:
        """Add the calls that are not in the queue yet, open or closed, and cut it to its size; returns how many."""
        n_new = 0
        now_ns = self._clock()
        rows = [self._row(candidate, now_ns) for candidate in candidates]
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            with self._engine.begin() as connection:
                some = rows[start : start + _ROWS_PER_INSERT]
                n_new += len(connection.execute(statements.insert_missing(connection, some)).all())
                n_excess = connection.scalars(statements.count_open()).one() - self._config.max_open
                if n_excess > 0:
                    connection.execute(statements.trim(n_excess, now_ns))
        return n_new

    def next(self, reviewer: str) -> ReviewItem | None:
        """The item this reviewer holds, else the first free one, reserved; None: there is none.

        Items come in the order of a keyed hash, so the place in the queue tells nothing about the call.
        """
        _check_reviewer(reviewer)
        while True:
            now_ns, until_ns = self._clock(), self._reserved_until_ns()
            row = self._one(statements.renew_own(reviewer, until_ns, self._project))
            row = row or self._one(statements.take_free(reviewer, now_ns, until_ns, self._project))
            if row is None:
                return None
            call = self._store.call(row.call_id, project=row.project)
            if call is not None:
                return ReviewItem(item_id=row.item_id, call=call, reserved_until_ns=row.reserved_until_ns)
            self._forget(row.item_id)  # its day has left the store: nobody can look at it any more

    def label(
        self, item_id: str, *, reviewer: str, label: Label, comment: str | None = None, seconds: float | None = None
    ) -> Score:
        """Save what the reviewer says of the call and close the item. `seconds`: how long it took.

        Raises:
            BadRequest: if the label is none, or the item is not this reviewer's to label.
        """
        if label not in LABELS:
            raise BadRequest(f"label is {label!r}; use one of {', '.join(LABELS)}")
        row = self._hold(item_id, reviewer)
        score = self._score(self._call(row), reviewer, label=label, value=VALUES[label], comment=comment)
        # First the label, then the item: a crash between them shows the item once more, and the second label
        # replaces the first. The other way round a label would be lost.
        self._store.write_scores([score])
        self._close(item_id, reviewer, state="done", seconds=seconds)
        return score

    def skip(self, item_id: str, *, reviewer: str, reason: str | None = None) -> None:
        """Close the item without a label.

        Raises:
            BadRequest: if the item is not this reviewer's.
        """
        self._hold(item_id, reviewer)
        self._close(item_id, reviewer, state="skipped", skip_reason=reason)

    def undo(self, reviewer: str) -> ReviewItem | None:
        """Reopen the last item that this reviewer closed, reserved for them; None: there is none.

        A label that was saved for it is withdrawn: it stays as a score without a value until it is given anew.
        """
        _check_reviewer(reviewer)
        row = self._one(statements.last_closed(reviewer, self._project))
        if row is None:
            return None
        call = self._call(row)
        if row.state == "done":
            # First the label, then the item, as above: what is open never has a label that counts.
            self._store.write_scores([self._score(call, reviewer, label=WITHDRAWN, value=None, comment=None)])
        until_ns = self._reserved_until_ns()
        with self._engine.begin() as connection:
            connection.execute(statements.reopen(row.item_id, reviewer, row.closed_ns, until_ns))
        return ReviewItem(item_id=row.item_id, call=call, reserved_until_ns=until_ns)

    def revealed(self, item_id: str) -> Sequence[Score]:
        """What models and judges said of the call, once its label is saved.

        Raises:
            BadRequest: if it is not: a skipped item can still be labelled, and whoever has seen scores is not blind.
        """
        row = self._get(item_id)
        if row.state != "done":
            raise BadRequest(f"item {item_id} is {row.state}: its scores are shown once its label is saved")
        filters = Filters(since_ns=row.call_start_ns, until_ns=row.call_start_ns + 1, project=row.project)
        page = self._store.scores(filters, target_id=row.call_id)
        return [score for score in page.items if score.source in ("model", "judge")]

    def counts(self) -> ReviewCounts:
        today_ns = self._clock() // _NS_PER_DAY * _NS_PER_DAY
        with self._engine.connect() as connection:
            rows = connection.execute(statements.count_by_state(today_ns, self._project)).all()
        by_stratum: dict[str, dict[str, int]] = {}
        done_today_by: dict[str, int] = {}
        for row in rows:
            by_state = by_stratum.setdefault(row.stratum, dict.fromkeys(("open", "done", "skipped"), 0))
            by_state[row.state] += row.n
            if row.state == "done" and row.n_today:
                done_today_by[row.reviewer] = done_today_by.get(row.reviewer, 0) + row.n_today
        total = {state: sum(n[state] for n in by_stratum.values()) for state in ("open", "done", "skipped")}
        done_today = sum(done_today_by.values())
        return ReviewCounts(**total, done_today=done_today, done_today_by=done_today_by, by_stratum=by_stratum)

    def _row(self, candidate: Candidate, now_ns: int) -> dict[str, Any]:
        def digest(purpose: str) -> str:
            text = f"{purpose}\x1f{candidate.call_id}"
            return hashlib.blake2b(text.encode(), key=self._key, digest_size=16).hexdigest()

        return {
            "item_id": digest("item"),
            "call_id": candidate.call_id,
            "call_start_ns": candidate.call_start_ns,
            "project": candidate.project,
            "stratum": candidate.stratum,
            "inclusion_probability": candidate.inclusion_probability,
            "reason": candidate.reason,
            "place": digest("place"),
            "state": "open",
            "created_ns": now_ns,
        }

    def _score(self, call: Call, reviewer: str, *, label: str, value: float | None, comment: str | None) -> Score:
        return Score(
            target_id=call.call_id,
            evaluator=EVALUATOR,
            version=GUIDELINE_VERSION,
            source="human",
            value=value,
            label=label,
            explanation=comment or None,
            created_ns=self._clock(),
            author=reviewer,
            **target_facts(call),
        )

    def _hold(self, item_id: str, reviewer: str) -> Row[Any]:
        """Make sure that the item is this reviewer's, and stays so while it is being closed."""
        _check_reviewer(reviewer)
        self._get(item_id)
        with self._engine.begin() as connection:
            held = connection.execute(statements.hold(item_id, reviewer, self._reserved_until_ns())).rowcount == 1
        row = self._get(item_id)
        if not held:
            raise BadRequest(_not_yours(row))
        return row

    def _close(self, item_id: str, reviewer: str, **values: Any) -> None:
        # It was held a moment ago, so it is theirs. Had saving outlasted a whole reservation, both labels would stay.
        with self._engine.begin() as connection:
            connection.execute(statements.close(item_id, reviewer, closed_ns=self._clock(), **values))

    def _get(self, item_id: str) -> Row[Any]:
        row = self._one(select(items).where(items.c.item_id == item_id, statements.within(self._project)))
        if row is None:
            raise BadRequest(f"there is no item {item_id}; ask for the next one")
        return row

    def _call(self, row: Row[Any]) -> Call:
        call = self._store.call(row.call_id, project=row.project)
        if call is None:
            raise BadRequest(f"call {row.call_id} has left the store since it was shown; ask for the next item")
        return call

    def _one(self, statement: Executable) -> Row[Any] | None:
        with self._engine.begin() as connection:
            return connection.execute(statement).first()

    def _forget(self, item_id: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(items).where(items.c.item_id == item_id, items.c.state == "open"))

    def _reserved_until_ns(self) -> int:
        return self._clock() + round(self._config.reservation_s * NS_PER_S)


def _check_reviewer(reviewer: str) -> None:
    if not reviewer.strip():
        raise BadRequest("reviewer is empty; labels are kept by the name of who gave them")


def _not_yours(row: Row[Any]) -> str:
    if row.state != "open":
        return f"item {row.item_id} is {row.state} already; undo it to label it anew"
    if row.reviewer is None:
        return f"item {row.item_id} is not reserved for you; ask for the next one"
    return f"item {row.item_id} went to another reviewer when your reservation ended; ask for the next one"
