"""What the queue before the store says of itself."""

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collector.batch import Batch
from collector.calllog import call_of
from collector.errors import StoreUnavailable
from collector.ingest import FAILURE_COUNTS_FOR_S, Ingest
from collector.metrics import CollectorMetrics
from collector.rows import batch_of_calls
from collector.store import open_store


def a_batch(n_bytes: int = 10, **fields: Any) -> Batch:
    document = {"start_time": "2026-11-21T12:00:00Z", "input_messages": "x" * n_bytes}
    return batch_of_calls([call_of(document | fields)])


@pytest.fixture
def full_disk() -> Iterator[Callable[[int | None], None]]:
    """`full_disk(n_bytes)`: no file of this process may grow beyond; the system refuses as a full disk does."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda n_bytes: resource.setrlimit(
        resource.RLIMIT_FSIZE, (before[0] if n_bytes is None else n_bytes, before[1])
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_failed_commit_is_a_problem_until_one_succeeds_or_it_is_long_ago(
    tmp_path: Path, full_disk: Callable[[int | None], None]
) -> None:
    now_s = [0.0]
    store = open_store(tmp_path)
    ingest = Ingest(store, CollectorMetrics(CollectorRegistry()), clock_s=lambda: now_s[0])
    try:
        ingest.submit(a_batch(call_id="a")).result(30)
        assert ingest.problem is None
        full_disk(1_000_000)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                ingest.submit(a_batch(3_000_000, call_id="b")).result(30)
            assert "the last commit failed: " in str(ingest.problem)
            now_s[0] += FAILURE_COUNTS_FOR_S + 1
            assert ingest.problem is None
        with pytest.raises(StoreUnavailable):
            ingest.submit(a_batch(3_000_000, call_id="b")).result(30)
        full_disk(None)
        ingest.submit(a_batch(call_id="c")).result(30)
        assert ingest.problem is None
    finally:
        ingest.close()
        store.close()
    assert ingest.problem == "the writer ended"


def test_a_batch_that_wants_its_own_counts_is_committed_by_itself(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        ingest = Ingest(store, CollectorMetrics(CollectorRegistry()))
        together = [ingest.submit(a_batch(call_id=f"t{i}")) for i in range(20)]
        alone = ingest.submit(a_batch(call_id="alone"), alone=True)
        after = [ingest.submit(a_batch(call_id=f"a{i}")) for i in range(20)]
        again = ingest.submit(a_batch(call_id="alone"), alone=True)
        assert (alone.result(30).result.n_spans, again.result(30).result.n_spans) == (1, 0)
        ingest.close()
        assert all(future.done() for future in (*together, *after))
