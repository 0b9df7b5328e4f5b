"""One suite for every back end: a test that asks for `store` or `reopen` runs on each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector.query import Filters
from collector.store import open_elasticsearch, open_store
from collector.store.base import TelemetryStore

Opener = Callable[[Path, pytest.FixtureRequest], TelemetryStore]
OPEN: dict[str, Opener] = {
    "duckdb": lambda folder, request: open_store(folder),
    "elasticsearch": lambda folder, request: open_elasticsearch(request.getfixturevalue("elasticsearch")),
}


@pytest.fixture(params=list(OPEN))
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], TelemetryStore]]:
    """`reopen()` closes the store that it gave before and opens it again on the same data."""
    with ExitStack() as opened:

        def again() -> TelemetryStore:
            opened.close()
            store = OPEN[request.param](tmp_path, request)
            opened.callback(store.close)
            return store

        yield again


@pytest.fixture
def store(reopen: Callable[[], TelemetryStore]) -> TelemetryStore:
    return reopen()


@pytest.fixture
def everything() -> Filters:
    return Filters(since_ns=0, until_ns=2**62)
