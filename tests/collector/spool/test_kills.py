"""SIGKILL while telemetry is taken and drained: what was acknowledged reaches the store, once and in order."""

import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry

from collector.metrics import CollectorMetrics
from collector.spool import spooled
from collector.spool.metrics import SpoolMetrics
from collector.store import open_store
from tests.collector.spool.waiting import stored

N_KILLS = 12
CALLS_PER_WRITE = 20

WRITER = f"""
import random, sys, threading, time
from itertools import count
from pathlib import Path
from prometheus_client import CollectorRegistry
from collector.batch import call_id_of
from collector.call import Call
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.rows import batch_of_calls
from collector.spool import drain, file, spooled
from collector.spool.metrics import SpoolMetrics
from collector.store import open_store

# The log is folded and the file made small all the time, so that kills hit those moments, too.
file.LOG_BYTES, drain.SHRINK_BYTES, drain.LONGEST_PAUSE_S = 2**18, 2**19, 0.05

folder, first = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(first)

class ComesAndGoes:
    def __init__(self, store):
        self._store = store
        self.is_away = False
    def write(self, batches):
        if self.is_away:
            raise StoreUnavailable("away")
        result = self._store.write(batches)
        if self.is_away:
            raise StoreUnavailable("it was stored, but the answer was lost")
        return result
    def write_scores(self, scores): ...

store = ComesAndGoes(open_store(folder))
metrics = CollectorMetrics(CollectorRegistry()), SpoolMetrics(CollectorRegistry())
spool = spooled(store, folder / "spool", metrics=metrics[0], spool_metrics=metrics[1])

def come_and_go():
    while True:
        time.sleep(rng.uniform(0.0, 0.2))
        store.is_away = not store.is_away

threading.Thread(target=come_and_go, daemon=True).start()
for n in count(first):
    calls = []
    for i in range({CALLS_PER_WRITE}):
        trace_id, span_id = f"{{n:032x}}", f"{{i:016x}}"
        start_ns = 1_795_000_000_000_000_000 + (n * {CALLS_PER_WRITE} + i) * 10**6
        calls.append(Call(call_id=call_id_of(trace_id, span_id), trace_id=trace_id, span_id=span_id,
                          start_ns=start_ns, input_messages=[{{"role": "user", "parts": [
                              {{"type": "text", "content": rng.randbytes(200).hex()}}]}}]))
    spool.write([batch_of_calls(calls)])
    print(n, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9_wherever_it_was(tmp_path: Path) -> None:
    rng = random.Random(9)
    n_acknowledged = 0
    for _ in range(N_KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(n_acknowledged)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()  # from here on it is writing
            time.sleep(rng.uniform(0.0, 0.5))
            writer.send_signal(signal.SIGKILL)
            printed = [first, *writer.stdout.read().split()]
        # A number that was cut off was not acknowledged, or it was and nobody heard: it comes again.
        n_acknowledged = int(printed[-1]) + 1
    assert n_acknowledged > 5 * N_KILLS
    metrics = CollectorMetrics(CollectorRegistry())
    with (
        closing(open_store(tmp_path)) as store,
        closing(
            spooled(store, tmp_path / "spool", metrics=metrics, spool_metrics=SpoolMetrics(CollectorRegistry()))
        ) as spool,
    ):
        assert spool.flush(60)
        found = stored(store)
    assert len(found) == len(set(found))
    expected = [f"{n:016x}{i:016x}" for n in range(n_acknowledged) for i in range(CALLS_PER_WRITE)]
    assert found[: len(expected)] == expected  # in order
    # The write that was cut off by the last kill may be there, whole.
    assert {call_id[:16] for call_id in found[len(expected) :]} <= {f"{n_acknowledged:016x}"}
    assert len(found) - len(expected) in (0, CALLS_PER_WRITE)
