"""The order of arrival of calls, over all processes that write: one document, changed only by who has seen it last.

A writer takes a block of numbers, writes its calls with them and gives the block back. A reader goes as far as the
first block that is still out, so that a call which becomes visible late is never behind it.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from elasticsearch import ConflictError, NotFoundError

from collector.errors import StoreUnavailable
from collector.store.elasticsearch.cluster import Cluster
from collector.store.elasticsearch.kinds import CALLS

HELD_S = 60.0
"""So long a block may be out. After that its writer is taken for dead; if it is not, it numbers its calls anew."""
N_TRIES = 50
_ID = "calls"


@dataclass(frozen=True, slots=True)
class Block:
    """The numbers first <= n < first + count, for one write."""

    first: int
    count: int
    owner: str


@dataclass(frozen=True, slots=True)
class State:
    """The next number that nobody has, and the blocks that are out: by their first number, the owner and since when
    (Unix milliseconds)."""

    next: int
    in_flight: Mapping[int, tuple[str, int]]

    @property
    def horizon(self) -> int:
        """No call with a smaller number is still to come."""
        return min((*self.in_flight, self.next))

    def taken(self, count: int, owner: str, now_ms: int) -> "State":
        return State(self.next + count, {**self.in_flight, self.next: (owner, now_ms)})

    def given_back(self, first: int) -> "State":
        return State(self.next, {n: held for n, held in self.in_flight.items() if n != first})

    def without_dead(self, now_ms: int) -> "State":
        alive = {n: held for n, held in self.in_flight.items() if now_ms - held[1] < HELD_S * 1000}
        return State(self.next, alive)


class Sequence:
    """Numbers for calls; for any number of writers in any number of processes."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._clock = clock
        self._index = f"{cluster.config.prefix}-sequence"

    def prepare(self, *, after_seq: int) -> None:
        """Make the document if it is not there; the next number is above `after_seq` and those of all calls."""
        with self._cluster.errors():
            client = self._cluster.client
            if not client.indices.exists(index=self._index):
                index = {"number_of_shards": 1, "number_of_replicas": self._cluster.config.replicas}
                client.options(ignore_status=400).indices.create(  # 400: somebody else was faster
                    index=self._index, settings={"index": index}, mappings={"enabled": False}
                )
            try:
                client.get(index=self._index, id=_ID)
            except NotFoundError:
                first = max(self._last_stored(), after_seq) + 1
                client.options(ignore_status=409).index(
                    index=self._index, id=_ID, op_type="create", document=_document(State(first, {}))
                )
        self._change(lambda state: state if state.next > after_seq else State(after_seq + 1, state.in_flight))

    def take(self, count: int) -> Block:
        owner = uuid.uuid4().hex
        before, _ = self._change(lambda state: state.taken(count, owner, self._now_ms()))
        return Block(before.next, count, owner)

    def give_back(self, block: Block) -> bool:
        """False: it had been out for so long that readers went on; its calls need new numbers."""
        before, _ = self._change(lambda state: state.given_back(block.first))
        return before.in_flight.get(block.first, ("", 0))[0] == block.owner

    def horizon(self) -> int:
        """The first number that may still come."""
        with self._cluster.errors():
            state, *_ = self._read()
        if state.without_dead(self._now_ms()) != state:
            # Written down before it is acted on, so that a writer who is late learns of it.
            _, state = self._change(lambda found: found)
        return state.horizon

    def _change(self, change: Callable[[State], State]) -> tuple[State, State]:
        """Replace the state by `change` of it; the states before and after."""
        with self._cluster.errors():
            for _ in range(N_TRIES):
                before, seq_no, primary_term = self._read()
                before = before.without_dead(self._now_ms())
                after = change(before)
                try:
                    self._cluster.client.index(
                        index=self._index,
                        id=_ID,
                        document=_document(after),
                        if_seq_no=seq_no,
                        if_primary_term=primary_term,
                    )
                except ConflictError:
                    time.sleep(random.uniform(0.001, 0.05))
                    continue
                return before, after
        raise StoreUnavailable(f"{self._cluster.config.url}: too many writers want numbers for calls; try again")

    def _read(self) -> tuple[State, int, int]:
        """
        Raises:
            StoreUnavailable: if the document is gone.
        """
        try:
            found = self._cluster.client.get(index=self._index, id=_ID).body
        except NotFoundError as error:
            raise StoreUnavailable(
                f"{self._cluster.config.url}: {self._index} is gone, which holds the order of calls; start again, which"
                " makes it anew"
            ) from error
        held = {int(n): (block["writer"], block["at_ms"]) for n, block in found["_source"]["in_flight"].items()}
        return State(found["_source"]["next"], held), found["_seq_no"], found["_primary_term"]

    def _last_stored(self) -> int:
        found = self._cluster.search(CALLS, {"size": 0, "aggs": {"last": {"max": {"field": "seq"}}}})
        last = found.get("aggregations", {}).get("last", {}).get("value")  # nothing at all without an index
        return int(last or 0)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _document(state: State) -> dict[str, Any]:
    held = {str(n): {"writer": owner, "at_ms": at_ms} for n, (owner, at_ms) in state.in_flight.items()}
    return {"next": state.next, "in_flight": held}
