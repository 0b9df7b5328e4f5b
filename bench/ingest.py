"""Durable ingest of the whole process under the load generator, everything on.

usage: python bench/ingest.py LOAD_GENERATOR [--spans N] [--conns N] [--pace SPANS_PER_S]
       [--elasticsearch URL]

LOAD_GENERATOR is a script that takes --url, --spans and --conns and prints one JSON line (otlp_load.py). Prints what it
measured, what the platform stored, how long after the last acknowledgement, and CPU seconds and memory of the platform:
the process and the one that reads for it, without the scoring child. With --pace, it sends so many spans a second in
requests of 100 for half a minute before, and prints how long they waited.
"""

import argparse
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CLOCK_TICKS_PER_S = 100


def metric(ui: str, name: str) -> float:
    with urllib.request.urlopen(f"{ui}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def processes(pid: int) -> list[int]:
    """The process and, of its children, the one that reads and understands telemetry."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [pid, *(child for child in children if b"collector.intake" in Path(f"/proc/{child}/cmdline").read_bytes())]


def cpu_s(pid: int) -> float:
    """User and system seconds."""
    stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in processes(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / CLOCK_TICKS_PER_S


def peak_mb(pid: int) -> float:
    statuses = [Path(f"/proc/{each}/status").read_text() for each in processes(pid)]
    return sum(int(status.partition("VmHWM:")[2].split()[0]) for status in statuses) / 1024


def paced(generator: Path, url: str, spans_per_s: int, seconds: float = 30.0) -> dict[str, float]:
    """Milliseconds that requests of 100 spans wait, when they come at an even pace."""
    build = runpy.run_path(str(generator))["build"]
    bodies = [body for body, _ in build(round(spans_per_s * seconds), 100, seed=1)]
    started_s = time.perf_counter()
    waits_ms = []
    for place, body in enumerate(bodies):
        time.sleep(max(0.0, started_s + place * 100 / spans_per_s - time.perf_counter()))
        sent_s = time.perf_counter()
        request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        waits_ms.append((time.perf_counter() - sent_s) * 1e3)
    waits_ms.sort()
    p99 = waits_ms[int(len(waits_ms) * 0.99)]
    return {"paced_p50_ms": round(waits_ms[len(waits_ms) // 2], 1), "paced_p99_ms": round(p99, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--conns", type=int, default=4)
    parser.add_argument("--pace", type=int, default=0)
    parser.add_argument("--elasticsearch", metavar="URL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ports = ["--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0"]
        command = [sys.executable, "-m", "watchkeeper", "up", "--data-dir", folder, *ports]
        environment = dict(os.environ)
        if options.elasticsearch:
            environment |= {
                "WATCHKEEPER_STORE__KIND": "elasticsearch",
                "WATCHKEEPER_STORE__ELASTICSEARCH__URL": options.elasticsearch,
            }
        platform = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        try:
            ready = json.loads(platform.stdout.readline()) if platform.stdout else {}
            url = f"{ready['otlp_http']}/v1/traces"
            slowly = paced(options.generator, url, options.pace) if options.pace else {}
            n_before = round(metric(ready["ui"], "watchkeeper_stored_spans_total"))
            before_s = cpu_s(platform.pid)
            load = [sys.executable, str(options.generator), "--url", url]
            load += ["--spans", str(options.spans), "--conns", str(options.conns)]
            measured = json.loads(subprocess.run(load, capture_output=True, text=True, check=True).stdout)
            ended_s = time.perf_counter()
            while metric(ready["ui"], "watchkeeper_spool_spans"):
                time.sleep(0.1)
            stored_s = time.perf_counter()
            used_s = cpu_s(platform.pid) - before_s
            figures = {
                "stored": round(metric(ready["ui"], "watchkeeper_stored_spans_total")) - n_before,
                "stored_after_s": round(stored_s - ended_s, 2),
                "cpu_s_per_million": round(used_s / measured["acked"] * 1e6, 1),
                "peak_mb": round(peak_mb(platform.pid)),
            }
        finally:
            platform.terminate()
            platform.wait(60)
        stored_bytes = sum(file.stat().st_size for file in Path(folder).glob("telemetry/*"))
    n_spans = measured["acked"] + n_before
    print(json.dumps(measured | figures | slowly | {"bytes_per_span": round(stored_bytes / n_spans)}))


if __name__ == "__main__":
    main()
