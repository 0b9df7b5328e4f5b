"""Real processes on a real PostgreSQL share the consumers: no call is missed, none scored twice, also when one is
killed, frozen, or cut off."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from collector.state import open_state
from evaluators.checkpoints import consumer_places
from tests.evaluators import shared_store
from tests.evaluators.shared_store import SharedStore, looked_at, scores
from tests.evaluators.sharing_process import BATCH_SIZE, NAMES

LEASE_S = 2.0
Process = subprocess.Popen[str]


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    engine = open_state(postgresql_url)
    shared_store.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> SharedStore:
    return SharedStore(engine)


@pytest.fixture
def start(engine: Engine, postgresql_url: str) -> Iterator[Callable[[], Process]]:
    started: list[Process] = []

    def one() -> Process:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.evaluators.sharing_process", postgresql_url, str(LEASE_S)],
            cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        return process

    yield one
    for process in started:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s"
        time.sleep(0.05)


def is_done(engine: Engine, last: int) -> bool:
    places = consumer_places(engine)
    return all(places.get(name) == last for name in NAMES)


def looks(engine: Engine) -> Counter[tuple[str, int]]:
    """How often each consumer looked at each call."""
    with engine.connect() as connection:
        return Counter((row.consumer, row.seq) for row in connection.execute(select(looked_at)))


def processes_at_work(engine: Engine, after_seq: int = 0) -> set[int]:
    query = select(looked_at.c.process).where(looked_at.c.seq > after_seq)
    with engine.connect() as connection:
        return set(connection.scalars(query))


def n_scores(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(scores)) or 0


def test_two_share_the_work_and_each_call_is_looked_at_once(engine: Engine, store: SharedStore, start) -> None:
    """Also while the second one joins, and the first one leaves."""
    store.add(1, 2_000)
    first = start()
    until(lambda: bool(looks(engine)))
    second = start()
    until(lambda: processes_at_work(engine) == {first.pid, second.pid})
    store.add(2_001, 3_000)
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    store.add(3_001, 4_000)
    until(lambda: is_done(engine, 4_000))
    assert processes_at_work(engine, after_seq=3_000) == {second.pid}
    assert looks(engine) == {(name, seq): 1 for name in NAMES for seq in range(1, 4_001)}
    assert n_scores(engine) == 3 * 4_000


def test_who_is_killed_is_replaced_and_nothing_is_missed(engine: Engine, store: SharedStore, start) -> None:
    rng = random.Random(3)
    n_calls, n_kills = 0, 4
    alive = [start(), start()]
    for _ in range(n_kills):
        store.add(n_calls + 1, n_calls + 800)
        n_calls += 800
        time.sleep(rng.uniform(0.3, 1.0))
        victim = alive.pop(rng.randrange(2))
        victim.kill()
        killed_s = time.monotonic()
        until(lambda n=n_calls: is_done(engine, n), timeout_s=30)  # type: ignore[misc]
        # The lease runs out, a round passes, and the rest is worked off.
        assert time.monotonic() - killed_s < LEASE_S + LEASE_S / 5 + 15
        alive.append(start())
    counts = looks(engine)
    assert counts.keys() == {(name, seq) for name in NAMES for seq in range(1, n_calls + 1)}
    # What a killed process had in hand is done again: a batch of each consumer at most.
    assert sum(counts.values()) - len(counts) <= n_kills * len(NAMES) * BATCH_SIZE
    assert n_scores(engine) == 3 * n_calls


def test_who_stood_still_does_not_set_the_checkpoint_back(engine: Engine, store: SharedStore, start) -> None:
    first = start()
    store.add(1, 3_000)
    until(lambda: bool(looks(engine)))
    first.send_signal(signal.SIGSTOP)
    second = start()
    until(lambda: is_done(engine, 3_000))
    first.send_signal(signal.SIGCONT)
    time.sleep(LEASE_S)
    assert is_done(engine, 3_000)
    store.add(3_001, 3_500)
    until(lambda: is_done(engine, 3_500))
    counts = looks(engine)
    assert len(counts) == 3 * 3_500
    # A batch of each consumer when it was frozen, and another when it wakes up: by its own clock it had the lease.
    assert sum(counts.values()) - len(counts) <= 2 * len(NAMES) * BATCH_SIZE
    assert n_scores(engine) == 3 * 3_500
    assert first.poll() is None
    assert second.poll() is None
