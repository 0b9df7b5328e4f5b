"""Where imported calls go: a running platform, or the files of one that does not run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from collector.call import Call
from collector.calllog import call_of
from collector.errors import BadRequest
from collector.rows import batch_of_calls
from collector.store.base import TelemetryWriter
from watchkeeper.commands.rest import Rest


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One call on its way: its document and the same as JSON. `number` and `row` say where in the file it stands,
    should it be refused."""

    number: int
    row: Any
    document: Mapping[str, Any]
    line: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """Of one batch: how many calls are new, how many were there, and which were refused."""

    n_stored: int
    n_known: int
    refusals: tuple[Refusal, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        refusals = self.refusals + other.refusals
        return Written(self.n_stored + other.n_stored, self.n_known + other.n_known, refusals)


class Sink(Protocol):
    def write(self, items: Sequence[Item]) -> int:
        """Have all of `items` on disk and return how many of them are new.

        Raises:
            BadRequest: one of them is refused, and none can be taken for stored.
        """


def write_all(sink: Sink, items: Sequence[Item]) -> Written:
    """Write `items` but those that are refused: when the batch is, those that are no calls are taken out first, and
    if it is refused still, it is halved until the refused ones stand alone."""
    if not items:
        return Written(0, 0)
    try:
        n_stored = sink.write(items)
    except BadRequest as error:
        if refusals := tuple(filter(None, map(_check, items))):
            refused = {refusal.item for refusal in refusals}
            good = write_all(sink, [item for item in items if item not in refused])
            return good + Written(0, 0, refusals)
        if len(items) == 1:
            return Written(0, 0, (Refusal(items[0], str(error).removeprefix("line 1: ")),))
        middle = len(items) // 2
        return write_all(sink, items[:middle]) + write_all(sink, items[middle:])
    return Written(n_stored, len(items) - n_stored)


def _check(item: Item) -> Refusal | None:
    try:
        call_of(item.document)
    except BadRequest as error:
        return Refusal(item, str(error))
    return None


class CheckSink:
    """Stores nothing: all calls are new to it. `first` is the first of them."""

    def __init__(self) -> None:
        self.first: Call | None = None

    def write(self, items: Sequence[Item]) -> int:
        calls = [call_of(item.document) for item in items]
        self.first = self.first or next(iter(calls), None)
        return len(calls)


class RestSink:
    """Posts to a running platform, which prices, redacts and stores as it does with all it receives."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def write(self, items: Sequence[Item]) -> int:
        body = b"\n".join(item.line for item in items)
        answer = self._rest.post("calls", body, content_type="application/x-ndjson", params={"count": "true"})
        return int(answer["stored"])


class StoreSink:
    """Writes the store of a data directory that no process owns."""

    def __init__(self, store: TelemetryWriter) -> None:
        self._store = store

    def write(self, items: Sequence[Item]) -> int:
        batch = batch_of_calls([call_of(item.document) for item in items])
        return self._store.write([batch]).n_spans


@contextmanager
def store_sink(data_dir: Path) -> Iterator[Sink]:
    """
    Raises:
        DataDirUnavailable: if another process owns `data_dir`, or it cannot be written.
    """
    from collector.state import open_state, state_url
    from collector.store import open_store
    from evaluators.checkpoints import newest_checkpoint
    from watchkeeper.datadir import claimed

    with claimed(data_dir) as path:
        engine = open_state(state_url(path))
        try:
            # As in `up`: new calls must not get numbers that the evaluators are done with.
            store = open_store(path, after_seq=newest_checkpoint(engine))
        finally:
            engine.dispose()
        try:
            yield StoreSink(store)
        finally:
            store.close()
