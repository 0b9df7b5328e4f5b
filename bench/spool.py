"""What the spool costs: spans written to it per second, drained from it into nothing, CPU and bytes of each.

usage: python -m bench.spool LOAD_GENERATOR [--spans N] [--batch 512] [--group 8] [--folder DIR] [--elasticsearch URL]

LOAD_GENERATOR is otlp_load.py. Its exports are understood before the clock starts; a group of them is one write, as in
the collector. `both` writes and drains at once: spans of its own, as those of a store are stored once. With
--elasticsearch it is drained into that server instead, in indices `bench-spool-*`. Prints one JSON line.
"""

import argparse
import json
import resource
import runpy
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from collector.batch import Batch
from collector.errors import StoreUnavailable
from collector.metrics import CollectorMetrics
from collector.prepared import prepared
from collector.score import Score
from collector.spool import spooled
from collector.spool.metrics import SpoolMetrics
from collector.store import open_elasticsearch
from collector.store.base import TelemetrySink, WriteResult
from collector.store.elasticsearch.config import ElasticsearchConfig
from collector.understanding import understood

Groups = Sequence[list[Batch]]


class Gate:
    """A store that is away until it `is_open`; without one behind it, it keeps nothing then."""

    def __init__(self, store: TelemetrySink | None) -> None:
        self.is_open = threading.Event()
        self._store = store

    def write(self, batches: Sequence[Batch]) -> WriteResult:
        if not self.is_open.is_set():
            raise StoreUnavailable("closed")
        if self._store is not None:
            return self._store.write(batches)
        return WriteResult(n_spans=sum(batch.spans.num_rows for batch in batches), n_calls=0)

    def write_scores(self, scores: Sequence[Score]) -> None: ...


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Clock:
    """Wall and CPU seconds of `n_spans` since it was made."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), cpu_s()

    def figures(self, n_spans: int) -> dict[str, float]:
        wall_s, used_s = time.perf_counter() - self._wall_s, cpu_s() - self._cpu_s
        return {"spans_per_s": round(n_spans / wall_s), "cpu_s_per_million": round(used_s / n_spans * 1e6, 2)}


def groups_of(generator: Path, n_spans: int, n_batch: int, n_group: int, seed: int) -> list[list[Batch]]:
    bodies = [body for body, _ in runpy.run_path(str(generator))["build"](n_spans, n_batch, seed)]
    return [
        understood([prepared("traces", body).load for body in bodies[first : first + n_group]])
        for first in range(0, len(bodies), n_group)
    ]


def measure(first: Groups, second: Groups, gate: Gate, folder: Path) -> dict[str, Any]:
    n_spans = sum(batch.spans.num_rows for group in first for batch in group)
    registry = CollectorRegistry()
    spool = spooled(gate, folder, metrics=CollectorMetrics(registry), spool_metrics=SpoolMetrics(registry))
    writes_ms: list[float] = []

    def write_all(groups: Groups) -> None:
        for group in groups:
            started_s = time.perf_counter()
            spool.write(group)
            writes_ms.append((time.perf_counter() - started_s) * 1e3)

    clock = Clock()
    write_all(first)
    written = clock.figures(n_spans)
    bytes_per_span = spool.status().held.n_bytes / n_spans
    gate.is_open.set()
    # The drain is in a pause of up to half a minute: its time begins when the first entry is gone.
    n_waiting = spool.status().held.n_spans
    while spool.status().held.n_spans == n_waiting:
        time.sleep(0.001)
    clock, n_left = Clock(), spool.status().held.n_spans
    while spool.status().held.n_spans:
        time.sleep(0.005)
    drained = clock.figures(n_left)
    clock = Clock()
    write_all(second)
    while spool.status().held.n_spans:
        time.sleep(0.005)
    both = clock.figures(n_spans)
    spool.close()
    p99 = statistics.quantiles(writes_ms, n=100)[98]
    return {
        "spans": n_spans,
        "write": written,
        "drain": drained,
        "both": both,
        "bytes_per_span": round(bytes_per_span),
        "write_ms": {"p50": round(statistics.median(writes_ms), 1), "p99": round(p99, 1), "max": round(max(writes_ms))},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--elasticsearch")
    asked = parser.parse_args()
    first, second = (groups_of(asked.generator, asked.spans, asked.batch, asked.group, seed) for seed in (1, 2))
    config = (
        ElasticsearchConfig(url=asked.elasticsearch, prefix="bench-spool", replicas=0) if asked.elasticsearch else None
    )
    with ExitStack() as opened:
        store = opened.enter_context(closing(open_elasticsearch(config))) if config else None
        folder = opened.enter_context(tempfile.TemporaryDirectory(dir=asked.folder))
        print(json.dumps(measure(first, second, Gate(store), Path(folder))))


if __name__ == "__main__":
    main()
