"""What it costs to move a store: rows per second and CPU of `watchkeeper store export` and `import`, there and back.

usage: python -m bench.moving --spans 100000 [--heap-mb 1024]
The spans are those of bench/store.py, half of them calls, on two days: from DuckDB into an Elasticsearch started
on the same machine, the same once more, and back. Prints one JSON line.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.store import batches
from collector.store import open_elasticsearch, open_store
from collector.store.elasticsearch.config import ElasticsearchConfig
from tests.services.elasticsearch.fixtures import started_server
from watchkeeper.commands.moving import export_folder, import_folder

Step = tuple[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--heap-mb", type=int, default=1024)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, started_server(measured=True, heap_mb=asked.heap_mb) as server:
        print(json.dumps(measure(Path(name), server.url, asked.spans)))


def measure(folder: Path, url: str, n_spans: int) -> dict[str, object]:
    with (
        closing(open_store(folder / "a")) as files,
        closing(open_elasticsearch(ElasticsearchConfig(url=url, prefix="moving", replicas=0))) as cluster,
        closing(open_store(folder / "b")) as other,
    ):
        for batch in batches(n_spans, 2048, 2, random.Random(1)):
            files.write([batch])
        steps: list[Step] = [
            ("from DuckDB", lambda: export_folder(files, folder / "out")),
            ("into Elasticsearch", lambda: import_folder(cluster, folder / "out")),
            ("into Elasticsearch again", lambda: import_folder(cluster, folder / "out")),
            ("from Elasticsearch", lambda: export_folder(cluster, folder / "out2")),
            ("into DuckDB", lambda: import_folder(other, folder / "out2")),
        ]
        n_rows = n_spans + n_spans // 2
        n_bytes = 0
        found: dict[str, object] = {"rows": n_rows}
        for told, step in steps:
            found[told] = timed(step, n_rows)
            n_bytes = n_bytes or sum(path.stat().st_size for path in (folder / "out").rglob("*.parquet"))
        return found | {"bytes_per_row_in_files": round(n_bytes / n_rows)}


def timed(step: Callable[[], object], n_rows: int) -> dict[str, int]:
    started_s, cpu_s = time.monotonic(), _cpu_s()
    step()
    taken_s = time.monotonic() - started_s
    return {"rows_per_s": round(n_rows / taken_s), "cpu_us_per_row": round((_cpu_s() - cpu_s) / n_rows * 1e6)}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
