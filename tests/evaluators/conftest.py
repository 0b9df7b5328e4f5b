"""A real store and state database, calls as they arrive, and the recorded answers of models that changed."""

import gzip
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.batch import call_id_of
from collector.call import Call
from collector.rows import batch_of_calls
from collector.store import open_store
from collector.store.base import TelemetryStore
from evaluators.checkpoints import save_checkpoint
from evaluators.drift.monitors.monitors import Monitors
from evaluators.text import TEXT
from tests.evaluators.monitoring import SMALL, Clock, vectors_of

NOON_NS = 1_795_262_400_000_000_000  # 2026-11-21T12:00:00Z
LLMDRIFT = Path(__file__).parents[2].parent / "shared" / "data" / "drift-llmdrift.jsonl.gz"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def an_answer() -> Callable[..., Call]:
    """`an_answer(prompt, output, **fields)`: an answered call with new ids, a second after the one before."""
    rng = random.Random(7)
    n_made = 0

    def make(prompt: str = "When do you close?", output: str = "We close at 4 pm.", **given: Any) -> Call:
        nonlocal n_made
        n_made += 1
        trace_id, span_id = rng.randbytes(16).hex(), rng.randbytes(8).hex()
        values: dict[str, Any] = {
            "start_ns": NOON_NS + n_made * 10**9,
            "service": "shop",
            "request_model": "gpt-4",
            "operation": "chat",
            "input_messages": [{"role": "user", "parts": [{"type": "text", "content": prompt}]}],
            "output_messages": [{"role": "assistant", "parts": [{"type": "text", "content": output}]}],
        }
        ids = {"call_id": call_id_of(trace_id, span_id), "trace_id": trace_id, "span_id": span_id}
        return Call(**ids | values | given)

    return make


@pytest.fixture
def arrive(store: TelemetryStore) -> Callable[[Sequence[Call]], None]:
    """Store calls in this order, as a receiver does."""

    def write(calls: Sequence[Call]) -> None:
        store.write([batch_of_calls(calls)])

    return write


@pytest.fixture(scope="session")
def recorded() -> Mapping[tuple[str, str], Sequence[tuple[str, str]]]:
    """(prompt, answer) of each task and model of LLMDrift, in one order of prompts for all models of a task."""
    with gzip.open(LLMDRIFT, "rt", encoding="utf-8") as lines:
        rows = sorted(map(json.loads, lines), key=lambda row: row["id"])
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault((row["task"], row["model"]), []).append((row["prompt"], row["output"]))
    return found


@pytest.fixture
def featured(
    store: TelemetryStore, engine: Engine, arrive: Callable[[Sequence[Call]], None]
) -> Callable[[Sequence[Call]], None]:
    """Calls arrive, and the text consumer has been at them."""

    def write(calls: Sequence[Call]) -> None:
        arrive(calls)
        store.write_vectors(list(vectors_of(calls)))
        with engine.begin() as connection:
            save_checkpoint(connection, TEXT, seq=store.last_seq(), now_ns=1)

    return write


@pytest.fixture
def answers(
    recorded: Mapping[tuple[str, str], Sequence[tuple[str, str]]], an_answer: Callable[..., Call]
) -> Callable[..., list[Call]]:
    """`answers(kind, start, stop)`: recorded answers as calls, in one random order of prompts for all models."""

    def make(kind: tuple[str, str], start: int, stop: int, **given: object) -> list[Call]:
        order = random.Random(3).sample(range(len(recorded[kind])), len(recorded[kind]))
        return [an_answer(*recorded[kind][i], **given) for i in order[start:stop]]

    return make


@pytest.fixture
def monitors(engine: Engine, store: TelemetryStore) -> Monitors:
    return Monitors(engine, store, Clock(), SMALL)
