"""CPU time per span from wire bytes to the tables that are stored, without storing them.

usage: python bench/decoding.py LOAD_GENERATOR [--spans N]

LOAD_GENERATOR is a script with `build(n_spans, batch)` that gives encoded exports (otlp_load.py).
"""

import argparse
import runpy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collector.normalise import normalise
from collector.otlp.table import read_export
from collector.otlp.wire import decode_export

SPANS_PER_EXPORT = 512


def measured(step: Callable[[Any], Any], inputs: Sequence[Any], n_spans: int) -> tuple[float, list[Any]]:
    """Microseconds of CPU per span, the better of two rounds, and the results."""
    times_s = []
    for _ in range(2):
        started_s = time.process_time()
        results = [step(item) for item in inputs]
        times_s.append(time.process_time() - started_s)
    return min(times_s) / n_spans * 1e6, results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--spans", type=int, default=50_000)
    options = parser.parse_args()
    bodies = [body for body, _ in runpy.run_path(str(options.generator))["build"](options.spans, SPANS_PER_EXPORT)]
    decoding_us, _ = measured(decode_export, bodies, options.spans)
    reading_us, tables = measured(read_export, bodies, options.spans)
    normalising_us, _ = measured(normalise, tables, options.spans)
    flattening_us = reading_us - decoding_us
    print(f"us/span: decode {decoding_us:.1f}, flatten {flattening_us:.1f}, normalise and price {normalising_us:.1f}")


if __name__ == "__main__":
    main()
