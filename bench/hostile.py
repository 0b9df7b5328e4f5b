"""What the worst requests of one size cost, from the decoded body to the disk.

usage: python -m bench.hostile [--mib 16] [--only REGEX] [--all-kinds]

Each kind of tests/collector/hostile.py is built, decoded, understood, redacted and stored, in a process of its own.
Prints a table of kinds, bytes, CPU seconds of each step and the peak of memory. --all-kinds: redaction looks for every
kind that it knows, not only for those of the default policy.
"""

import argparse
import gc
import itertools
import multiprocessing
import re
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from collector.calllog import call_of
from collector.config import CollectorConfig
from collector.documents import read_documents
from collector.errors import BadRequest
from collector.otlp.columns import refuse_many_days
from collector.prepared import prepared
from collector.redaction.config import RedactionConfig
from collector.rows import batch_of_calls
from collector.store import open_store
from collector.understanding import Load, Understanding
from tests.collector.hostile import NOW_NS, REQUESTS, Form

STEPS = ("decode", "understand", "store")


@dataclass(frozen=True, slots=True)
class Measured:
    n_bytes: int
    seconds: tuple[float, ...]
    """CPU of each of STEPS; fewer where the request was refused."""
    peak_mb: float
    refusal: str = ""


def decoded(form: Form, body: bytes) -> Load:
    """Raises BadRequest."""
    if form == "calls":
        calls = read_documents(body, call_of, lines=False)
        refuse_many_days(np.array([call.start_ns for call in calls], np.int64))
        return batch_of_calls(calls)
    signal, _, json = form.partition("-")
    return prepared(signal, body, is_json=bool(json), now_ns=NOW_NS).load  # type: ignore[arg-type]


def understanding_of(config: CollectorConfig) -> Understanding:
    policies = lru_cache(partial(config.redaction.policy, installation_key=b"only for the bench"))
    return Understanding(policies=policies)


def measured(name: str, n_bytes: int, all_kinds: bool) -> Measured:
    hostile = REQUESTS[name]
    body = hostile.build(n_bytes)
    redaction = RedactionConfig(kinds=("all",)) if all_kinds else RedactionConfig()
    understand = understanding_of(CollectorConfig(redaction=redaction))
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # as `watchkeeper up` has it
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        times = [time.process_time()]
        refusal = ""
        try:
            load = decoded(hostile.form, body)
            times.append(time.process_time())
            batches = understand([load])
            times.append(time.process_time())
            store.write(batches)
        except BadRequest as error:
            refusal = str(error)
        times.append(time.process_time())
        store.close()
    seconds = tuple(end - start for start, end in itertools.pairwise(times))
    return Measured(len(body), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, refusal)


def row(name: str, found: Measured) -> str:
    steps = [f"{s:.2f}" for s in found.seconds] + [""] * (len(STEPS) - len(found.seconds))
    n_bytes, total_s = f"{found.n_bytes / 2**20:.1f}", f"{sum(found.seconds):.2f}"
    cells = (name, n_bytes, *steps, total_s, f"{found.peak_mb:.0f}", found.refusal.partition(";")[0])
    return f"| {' | '.join(cells)} |"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=float, default=16.0)
    parser.add_argument("--only", default="", help="kinds whose names match this regular expression")
    parser.add_argument("--all-kinds", action="store_true")
    options = parser.parse_args(given)
    print(f"| kind | MiB | {' | '.join(STEPS)} | CPU s | peak MB | refused |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    fresh = multiprocessing.get_context("spawn")
    for name in REQUESTS:
        if re.search(options.only, name):
            with fresh.Pool(1, maxtasksperchild=1) as pool:
                found = pool.apply(measured, (name, int(options.mib * 2**20), options.all_kinds))
            print(row(name, found), flush=True)


if __name__ == "__main__":
    main()
