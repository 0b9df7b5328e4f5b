"""The same load, one after the other, into Watchkeeper and into what people use today, on one machine.

usage: python bench/peers.py LOAD_GENERATOR [--spans N] [--otelcol PATH] [--phoenix PATH] [--peer-spans N]

LOAD_GENERATOR is otlp_load.py. `--otelcol` is an OpenTelemetry Collector with an OTLP receiver, the otlphttp exporter
and the file_storage extension: its queue is on disk and synced, and its exporter is pointed at nothing, so that it does
the least that an acknowledgement on disk can cost. `--phoenix` is the `phoenix` command of arize-phoenix: it answers
before it stores, so its rate is what is in its database when the load has ended, and it is given fewer spans.
"""

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
QUEUE_CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:{port}}}}}}}}}
extensions: {{file_storage: {{directory: {folder}, fsync: true}}}}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:9
    retry_on_failure: {{enabled: true, max_elapsed_time: 0}}
    sending_queue: {{enabled: true, storage: file_storage, queue_size: 1000000, num_consumers: 1}}
service:
  extensions: [file_storage]
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}
  telemetry: {{metrics: {{level: none}}}}
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_S


def peak_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def wait_for(port: int, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"nothing listens on port {port}")


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def load(generator: Path, url: str, spans: int) -> dict[str, Any]:
    command = [sys.executable, str(generator), "--url", url, "--spans", str(spans), "--conns", "4"]
    result: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return result


def measured(name: str, pid: int, generator: Path, url: str, spans: int) -> dict[str, Any]:
    before_s = cpu_s(pid)
    answer = load(generator, url, spans)
    used_s = cpu_s(pid) - before_s
    return {
        "name": name,
        "acknowledged": answer["acked"],
        "acknowledged_per_s": answer["spans_per_s"],
        "ack_p50_ms": answer["ack_p50_ms"],
        "ack_p99_ms": answer["ack_p99_ms"],
        "cpu_s_per_million": round(used_s / answer["acked"] * 1e6, 1),
        "peak_mb": round(peak_mb(pid)),
        "seconds": answer["seconds"],
    }


def watchkeeper(generator: Path, spans: int) -> dict[str, Any]:
    ports = ["--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "watchkeeper", "up", "--data-dir", folder, *ports]
        with running(command) as process:
            ready = json.loads(process.stdout.readline()) if process.stdout else {}
            figures = measured("watchkeeper", process.pid, generator, f"{ready['otlp_http']}/v1/traces", spans)
            with urllib.request.urlopen(f"{ready['ui']}/metrics", timeout=60) as answer:
                lines = answer.read().decode().splitlines()
            stored = next(line for line in lines if line.startswith("watchkeeper_stored_spans_total "))
            return figures | {"stored_at_end": round(float(stored.split()[-1]))}


def otelcol(binary: Path, generator: Path, spans: int) -> dict[str, Any]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        queue = Path(folder, "queue")
        queue.mkdir()
        config = Path(folder, "config.yaml")
        config.write_text(QUEUE_CONFIG.format(port=port, folder=queue))
        with running([str(binary), "--config", str(config)]) as process:
            wait_for(port)
            return measured(
                "OpenTelemetry Collector, synced queue",
                process.pid,
                generator,
                f"http://127.0.0.1:{port}/v1/traces",
                spans,
            )


def phoenix(binary: Path, generator: Path, spans: int) -> dict[str, Any]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_WORKING_DIR": folder}
        with running([str(binary), "serve"], **environment) as process:
            wait_for(port)
            time.sleep(5)
            url = f"http://127.0.0.1:{port}/v1/traces"
            figures = measured("Phoenix", process.pid, generator, url, spans)
            started_s = time.monotonic()
            with closing(sqlite3.connect(f"file:{folder}/phoenix.db?mode=ro", uri=True)) as db:

                def stored() -> int:
                    return int(db.execute("SELECT count(*) FROM spans").fetchone()[0])

                at_end = stored()
                while stored() < spans and time.monotonic() - started_s < 600:
                    time.sleep(1)
                total_s = figures["seconds"] + time.monotonic() - started_s
                return figures | {"stored_at_end": at_end, "stored_per_s": round(stored() / total_s)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--spans", type=int, default=300_000)
    parser.add_argument("--peer-spans", type=int, default=20_000, help="for Phoenix, which would take hours")
    parser.add_argument("--otelcol", type=Path)
    parser.add_argument("--phoenix", type=Path)
    options = parser.parse_args()
    print(json.dumps(watchkeeper(options.generator, options.spans)), flush=True)
    if options.otelcol:
        print(json.dumps(otelcol(options.otelcol, options.generator, options.spans)), flush=True)
    if options.phoenix:
        print(json.dumps(phoenix(options.phoenix, options.generator, options.peer_spans)), flush=True)


if __name__ == "__main__":
    main()
