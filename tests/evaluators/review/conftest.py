from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.call import Call
from collector.rows import batch_of_calls
from collector.store import open_store
from collector.store.base import TelemetryStore
from evaluators.review import Candidate, ReviewConfig, ReviewQueue

NOON_NS = 1_763_726_400_000_000_000  # 2025-11-21T12:00:00Z


@dataclass
class Clock:
    now_ns: int = NOON_NS

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def a_call() -> Callable[..., Call]:
    def make(call_id: str, *, answer: str = "4 pm.", contexts: Sequence[str] = ("10:00-16:00",)) -> Call:
        return Call(
            call_id=call_id,
            trace_id=f"{call_id:0>32}",
            span_id=f"{call_id:0>16}",
            start_ns=NOON_NS,
            service="shop",
            environment="production",
            request_model="m",
            input_messages=[{"role": "user", "parts": [{"type": "text", "content": "When?"}]}],
            output_messages=[{"role": "assistant", "parts": [{"type": "text", "content": answer}]}],
            contexts=[{"content": text} for text in contexts],
        )

    return make


@pytest.fixture
def write_calls(store: TelemetryStore) -> Callable[[Sequence[Call]], None]:
    def write(calls: Sequence[Call]) -> None:
        result = store.write([batch_of_calls(calls)])
        assert result.n_calls == len(calls)

    return write


@pytest.fixture
def a_candidate() -> Callable[..., Candidate]:
    def make(call_id: str, stratum: str = "random") -> Candidate:
        return Candidate(
            call_id=call_id,
            call_start_ns=NOON_NS,
            project="default",
            stratum="doubt" if stratum == "doubt" else "random",
            inclusion_probability=1.0 if stratum == "doubt" else 0.1,
            reason="a test",
        )

    return make


@pytest.fixture
def queue_of(
    engine: Engine,
    store: TelemetryStore,
    clock: Clock,
    a_call: Callable[..., Call],
    a_candidate: Callable[..., Candidate],
    write_calls: Callable[[Sequence[Call]], None],
) -> Callable[..., ReviewQueue]:
    """A queue with this many items, whose calls are in the store; keywords change its configuration."""

    def make(n_items: int, **settings: Any) -> ReviewQueue:
        ids = [f"{n:032x}" for n in range(n_items)]
        if ids:
            write_calls([a_call(call_id) for call_id in ids])
        queue = ReviewQueue(engine, store, clock, ReviewConfig.model_validate(settings))
        assert queue.add([a_candidate(call_id) for call_id in ids]) == n_items
        return queue

    return make
