"""What `watchkeeper import` does with each file."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.errors import BadRequest
from collector.importing.convert import Plan, document_of
from collector.importing.reading import STDIN, Format, Reading, open_rows
from collector.importing.row import BadRow, FileBroken
from watchkeeper.commands.progress import Meter, meter
from watchkeeper.commands.rejects import Rejects
from watchkeeper.commands.rest import json_line
from watchkeeper.commands.sinks import Item, Sink, Written, write_all

BATCH_ROWS = 1000
BATCH_BYTES = 4 * 2**20
MAX_WAITING = 2
"""Batches that are on their way while the next one is read."""
METER_EVERY = 200


@dataclass(slots=True)
class Tally:
    n_stored: int = 0
    n_known: int = 0
    n_sampled_out: int = 0
    n_passed_over: int = 0
    n_rejected: int = 0
    broken: str | None = None
    """Why the rest of the file was not read."""

    @property
    def n_rows(self) -> int:
        return self.n_stored + self.n_known + self.n_sampled_out + self.n_passed_over + self.n_rejected


def rejects_path(path: Path) -> Path:
    return Path("stdin.rejects.jsonl") if path == STDIN else path.with_name(f"{path.name}.rejects.jsonl")


def import_file(path: Path, kind: Format, plan: Plan, sink: Sink, rejects: Rejects) -> Tally:
    """Send every call of `path` to `sink`.

    Raises:
        WatchkeeperError: what keeps it from being done; the calls stored so far stay.
    """
    tally = Tally()
    name = "standard input" if path == STDIN else path.name
    with (
        open_rows(path, kind) as reading,
        meter(name, reading.n_bytes) as gauge,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as sender,
    ):
        batches = _Sending(sink, sender, tally, rejects)
        try:
            _read_all(reading, plan, batches, tally, rejects, gauge)
        except FileBroken as error:
            tally.broken = str(error)
        batches.finish()
        gauge.update(tally.n_rows, reading.n_bytes or 0)
    return tally


def _read_all(reading: Reading, plan: Plan, batches: "_Sending", tally: Tally, rejects: Rejects, gauge: Meter) -> None:
    for n_rows, row in enumerate(reading.rows, start=1):
        if n_rows % METER_EVERY == 0:
            gauge.update(n_rows, reading.position())
        if isinstance(row, BadRow):
            _reject(tally, rejects, row.number, row.reason, row.row)
            continue
        try:
            document = document_of(row.values, plan)
        except BadRequest as error:
            _reject(tally, rejects, row.number, str(error), row.values)
            continue
        if document is None:
            tally.n_passed_over += 1
            continue
        batches.add(Item(row.number, row.values, document, json_line(document)))


def _reject(tally: Tally, rejects: Rejects, number: int, reason: str, row: Any) -> None:
    tally.n_rejected += 1
    rejects.add(number, reason, row)


class _Sending:
    """Items into batches, and batches to the sink while the next are read; never more than `MAX_WAITING` of them."""

    def __init__(self, sink: Sink, sender: ThreadPoolExecutor, tally: Tally, rejects: Rejects) -> None:
        self._sink, self._sender, self._tally, self._rejects = sink, sender, tally, rejects
        self._items: list[Item] = []
        self._n_bytes = 0
        self._waiting: deque[Future[Written]] = deque()

    def add(self, item: Item) -> None:
        self._items.append(item)
        self._n_bytes += len(item.line)
        if len(self._items) >= BATCH_ROWS or self._n_bytes >= BATCH_BYTES:
            self._send()

    def finish(self) -> None:
        self._send()
        while self._waiting:
            self._count(self._waiting.popleft().result())

    def _send(self) -> None:
        items, self._items, self._n_bytes = self._items, [], 0
        while len(self._waiting) >= MAX_WAITING:
            self._count(self._waiting.popleft().result())
        self._waiting.append(self._sender.submit(write_all, self._sink, items))

    def _count(self, written: Written) -> None:
        for counts in written.parts:
            self._tally.n_stored += counts.n_stored
            self._tally.n_known += counts.n_known
            self._tally.n_sampled_out += counts.n_sampled_out
        for refusal in written.refusals:
            _reject(self._tally, self._rejects, refusal.item.number, refusal.reason, refusal.item.row)
