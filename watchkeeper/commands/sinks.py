"""Where imported calls go: a running platform, or the files of one that does not run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from collector.call import Call
from collector.calllog import call_of
from collector.errors import BadRequest
from collector.ingest import Ingest
from collector.rows import batch_of_calls
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of some calls: how many are new, how many were there, how many the sampling rate of the key left out."""

    n_stored: int = 0
    n_known: int = 0
    n_sampled_out: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one batch: a count for each part it was written in, and what was refused."""

    parts: tuple[Counts, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        return Written(self.parts + other.parts, self.refusals + other.refusals)


class Sink(Protocol):
    def write(self, items: Sequence[Item]) -> Counts:
        """Have all of `items` on disk.

        Raises:
            BadRequest: one of them is refused, and none can be taken for stored.
        """


def write_all(sink: Sink, items: Sequence[Item]) -> Written:
    """Write `items` but those that are refused: when the batch is, those that are no calls are taken out first, and
    if it is refused still, it is halved until the refused ones stand alone."""
    if not items:
        return Written()
    try:
        counts = sink.write(items)
    except BadRequest as error:
        if refusals := tuple(filter(None, map(_check, items))):
            refused = {refusal.item for refusal in refusals}
            good = write_all(sink, [item for item in items if item not in refused])
            return good + Written(refusals=refusals)
        if len(items) == 1:
            return Written(refusals=(Refusal(items[0], str(error).removeprefix("line 1: ")),))
        middle = len(items) // 2
        return write_all(sink, items[:middle]) + write_all(sink, items[middle:])
    return Written((counts,))


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

    def write(self, items: Sequence[Item]) -> Counts:
        calls = [call_of(item.document) for item in items]
        self.first = self.first or next(iter(calls), None)
        return Counts(n_stored=len(calls))


class RestSink:
    """Posts to a running platform, which prices, redacts and stores as it does with all it receives."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def write(self, items: Sequence[Item]) -> Counts:
        body = b"\n".join(item.line for item in items)
        answer = self._rest.post("calls", body, content_type="application/x-ndjson", params={"count": "true"})
        n_stored, n_accepted = int(answer["stored"]), int(answer["accepted"])
        return Counts(n_stored=n_stored, n_known=n_accepted - n_stored, n_sampled_out=len(items) - n_accepted)


class StoreSink:
    """Writes into a data directory that no process owns, by the same way as one that runs on it."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def write(self, items: Sequence[Item]) -> Counts:
        batch = batch_of_calls([call_of(item.document) for item in items])
        n_stored = self._ingest.submit(batch, alone=True).result().result.n_spans
        return Counts(n_stored=n_stored, n_known=len(items) - n_stored)


@contextmanager
def store_sink(data_dir: Path) -> Iterator[Sink]:
    """
    Raises:
        DataDirUnavailable: if another process owns `data_dir`, or it cannot be written.
    """
    from prometheus_client import CollectorRegistry

    from watchkeeper.config import load_config
    from watchkeeper.datadir import claimed
    from watchkeeper.storage import open_storage

    config = load_config(options={"server": {"data_dir": data_dir}})
    with ExitStack() as parts:
        path = parts.enter_context(claimed(data_dir))
        storage = open_storage(config, path, CollectorRegistry(), parts)
        yield StoreSink(storage.ingest)
