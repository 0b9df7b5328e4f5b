"""A spool before a real store that can be taken away."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.query import Filters
from collector.score import Score
from collector.spool import FILE_NAME, drain
from collector.spool.file import SpoolFile
from collector.spool.metrics import SpoolMetrics
from collector.spool.spool import Spool
from collector.store import open_store
from collector.store.base import TelemetryStore, WriteResult


class Gate:
    """Lets writes through to the store, unless it `is_closed`; what a write of `poison` meets is no outage."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self.is_closed = threading.Event()
        self.poison: set[str] = set()
        self.written: list[list[str]] = []
        """The services of each write, or the evaluators of scores, in order."""
        self.n_refused = 0

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        self._pass([batch.spans["service"][0].as_py() for batch in batches])
        return self._store.write(batches)

    def write_scores(self, scores: Sequence[Score]) -> None:
        self._pass([score.evaluator for score in scores])
        self._store.write_scores(scores)

    def _pass(self, names: list[str]) -> None:
        if self.is_closed.is_set():
            self.n_refused += 1
            raise StoreUnavailable("the test has closed the store")
        if self.poison & set(names):
            raise ArithmeticError("this cannot be stored")
        self.written.append(names)


class Bench:
    """A store, a gate before it and a spool before that."""

    def __init__(self, folder: Path, *, max_bytes: int = 2**30) -> None:
        self.folder = folder
        self.file_path = folder / "spool" / FILE_NAME
        self.max_bytes = max_bytes
        self.store = open_store(folder)
        self.gate = Gate(self.store)
        self.registry = CollectorRegistry()
        self.spool: Spool | None = None

    def open(self) -> Spool:
        self.registry = CollectorRegistry()
        file = SpoolFile(self.file_path, max_bytes=self.max_bytes)
        metrics, own = CollectorMetrics(self.registry), SpoolMetrics(self.registry)
        self.spool = Spool(file, self.gate, metrics, own, rng=random.Random(3))
        own.watch(self.spool.status)
        return self.spool

    def close(self) -> None:
        if self.spool is not None:
            self.spool.close()
            self.spool = None

    def value(self, name: str) -> float:
        """Of a metric, as /metrics has it."""
        found = self.registry.get_sample_value(f"watchkeeper_{name}")
        assert found is not None, name
        return found


@pytest.fixture
def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """`make_bench(**options)`: tries again every 20 to 50 ms at the longest."""
    monkeypatch.setattr(drain, "LONGEST_PAUSE_S", 0.05)
    with ExitStack() as opened:

        def make(**options: Any) -> Bench:
            made = Bench(tmp_path, **options)
            opened.callback(made.store.close)
            opened.callback(made.close)
            made.open()
            return made

        yield make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


@pytest.fixture
def everything() -> Filters:
    return Filters(since_ns=0, until_ns=2**62)
