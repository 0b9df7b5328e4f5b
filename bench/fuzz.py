"""Coverage-guided fuzzing of every decoder: any bytes are read or refused, in bounded time and memory.

usage: python bench/fuzz.py TARGET [--seconds N] [--corpus DIR] [--keep DIR]

TARGET is one of traces, traces-json, logs, logs-json, metrics, metrics-json, gzip, calls. DIR of --corpus may hold
captured exports, named as `traces-001.pb` or `logs-002.json`, at any depth. Ends with status 1 and the input, kept
under --keep, when a decoder raises anything but a refusal, gives a table that is not whole, or takes over 2 s of CPU.
"""

import argparse
import copy
import gzip
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["collector"]):
    from collector.batch import CALL_SCHEMA, LOG_SCHEMA, OPINION_SCHEMA, PART_SCHEMA, POINT_SCHEMA, SPAN_SCHEMA, Batch
    from collector.calllog import call_of
    from collector.documents import read_documents
    from collector.errors import BadRequest
    from collector.otlp.jsonform import protobuf_of_json
    from collector.otlp.limits import Limits
    from collector.otlp.signal import Signal
    from collector.otlp.unpack import unpack_gzip
    from collector.prepared import prepared
    from collector.rows import batch_of_calls
    from collector.understanding import understood

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MAX_INPUT_BYTES = 64 * 2**10
MAX_CPU_S = 2.0
MAX_MEMORY_MB = 1500
NOW_NS = 1_795_000_000_000_000_000
LIMITS = Limits(max_attributes=64, max_value_chars=4096)  # small, so that short inputs come over them
SCHEMAS = {
    "spans": SPAN_SCHEMA,
    "parts": PART_SCHEMA,
    "opinions": OPINION_SCHEMA,
    "logs": LOG_SCHEMA,
    "points": POINT_SCHEMA,
}
JSON_COLUMNS = ("attributes", "resource", "events", "links", "distribution")
CALL_LINE = (
    b'{"start_time": "2026-11-21T14:30:00Z", "request_model": "gpt-4o", "input_tokens": 3, "output_tokens": 2, '
    b'"input_messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}], "output_messages": "hello"}'
)


def check_whole(batch: Batch) -> None:
    for name, schema in SCHEMAS.items():
        table = getattr(batch, name)
        assert table.schema == schema, name
        table.validate(full=True)
        for column in set(JSON_COLUMNS) & set(table.column_names):
            for text in table.column(column).to_pylist():
                if text is not None and "[cut by Watchkeeper" not in text:
                    json.loads(text)


def check_export(signal: Signal, body: bytes, *, is_json: bool) -> bool:
    """Whether it was read."""
    try:
        done = prepared(signal, body, is_json=is_json, limits=LIMITS, now_ns=NOW_NS)
        protobuf = protobuf_of_json(body, signal) if is_json else body
    except BadRequest:
        return False
    for batch in understood([done.load]):
        check_whole(batch)
    n_sent = n_records(signal, protobuf)
    n_told = done.n_kept + sum(done.rejected.values()) + done.noted.get("no_recorded_value", 0)
    assert n_sent is None or n_told == n_sent, f"{n_sent} records sent, {n_told} accounted for"
    return True


def n_records(signal: Signal, body: bytes) -> int | None:
    """By protobuf's own reading, where it takes what we take: text that is not UTF-8 it refuses."""
    try:
        if signal == "traces":
            traces = ExportTraceServiceRequest.FromString(body)
            return sum(len(scope.spans) for group in traces.resource_spans for scope in group.scope_spans)
        if signal == "logs":
            logs = ExportLogsServiceRequest.FromString(body)
            return sum(len(scope.log_records) for group in logs.resource_logs for scope in group.scope_logs)
        metrics = ExportMetricsServiceRequest.FromString(body)
    except DecodeError:
        return None
    scopes = [scope for group in metrics.resource_metrics for scope in group.scope_metrics]
    kinds = [(metric, metric.WhichOneof("data")) for scope in scopes for metric in scope.metrics]
    return sum(len(getattr(metric, kind).data_points) for metric, kind in kinds if kind)


def check_gzip(body: bytes) -> bool:
    try:
        assert len(unpack_gzip(body, max_bytes=100_000)) <= 100_000
    except BadRequest:
        return False
    return True


def check_calls(body: bytes) -> bool:
    try:
        calls = read_documents(body, call_of, lines=body[:1] == b"\n")
    except BadRequest:
        return False
    batch = batch_of_calls(calls)
    assert batch.parts.num_rows == batch.spans.num_rows == len(calls)
    assert set(CALL_SCHEMA.names) <= set(batch.parts.column_names)
    check_whole(batch)
    return True


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "traces": lambda body: check_export("traces", body, is_json=False),
    "traces-json": lambda body: check_export("traces", body, is_json=True),
    "logs": lambda body: check_export("logs", body, is_json=False),
    "logs-json": lambda body: check_export("logs", body, is_json=True),
    "metrics": lambda body: check_export("metrics", body, is_json=False),
    "metrics-json": lambda body: check_export("metrics", body, is_json=True),
    "gzip": check_gzip,
    "calls": check_calls,
}


REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
ODD_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 2**53 + 1, "9223372036854775807", "-1", "1e400", "", "null", "None", "NaN", "x" * 5000,
    "[]", "{}", "[[", '{"role": 7}', '[{"role": "user", "parts": 3}]', '"text"', "[null]", '["\\ud800"]', [], {},
    [None], {"stringValue": "[1]"}, {"intValue": "5"}, {"doubleValue": "NaN"}, {"arrayValue": {"values": [{}]}},
    {"boolValue": True}, {"kvlistValue": {"values": [{"key": "role", "value": {"intValue": "1"}}]}},
    {"bytesValue": "/w=="},
]  # fmt: skip


def tree_of(target: str, body: bytes) -> Any:
    if target in REQUESTS:
        return json_format.MessageToDict(REQUESTS[target].FromString(body))
    return json.loads(body)


def body_of(target: str, tree: Any) -> bytes:
    if target in REQUESTS:
        raw: bytes = json_format.ParseDict(tree, REQUESTS[target](), ignore_unknown_fields=True).SerializeToString()
        return raw
    return json.dumps(tree).encode()


def mutated(rng: random.Random, tree: Any) -> Any:
    """`tree` with some place replaced, doubled, dropped or exchanged with another."""
    places = [(holder, key) for holder in holders(tree) for key in keys_of(holder)]
    for _ in range(rng.randint(1, 4)):
        if not places:
            return rng.choice(ODD_VALUES)
        (holder, key), (other, other_key) = rng.choice(places), rng.choice(places)
        try:
            match rng.randrange(5):
                case 0:
                    holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
                case 1:
                    holder[key], other[other_key] = copy.deepcopy(other[other_key]), copy.deepcopy(holder[key])
                case 2 if isinstance(holder, list):
                    holder.insert(key, copy.deepcopy(holder[key]))
                case 3:
                    del holder[key]
                case _:
                    if isinstance(holder[key], str):
                        holder[key] = rng.choice([holder[key] * 2, holder[key][:-1], holder[key] + "\x00\u2028", "7"])
        except (KeyError, IndexError):
            continue  # an earlier change took this place away
    return tree


def holders(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list):
        yield tree
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from holders(value)


def keys_of(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def mutator(target: str) -> Callable[[bytes, int, int], bytes]:
    """Half of the time the bytes are changed, the other half what they mean: noise alone gets nowhere deep."""

    def mutate(body: bytes, max_bytes: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if target != "gzip" and rng.random() < 0.5:
            try:
                changed = body_of(target, mutated(rng, tree_of(target, body)))
            except Exception:  # what JSON or protobuf cannot hold, or has never held
                changed = b""
            if 0 < len(changed) <= max_bytes:
                return changed
        raw: bytes = atheris.Mutate(body, max_bytes)
        return raw

    return mutate


def seeds(target: str, corpus: Path | None) -> Iterator[bytes]:
    yield b""
    if target == "calls":
        yield from (CALL_LINE, b"[" + CALL_LINE + b"]", b"\n" + CALL_LINE + b"\n" + CALL_LINE)
    captures = [path for path in sorted(corpus.rglob("*")) if path.is_file()] if corpus else []
    signal, _, form = target.partition("-")
    for path in captures:
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if target == "gzip":
            yield gzip.compress(body)
        elif path.name.startswith(signal) and (path.suffix == ".json") == bool(form):
            yield body
            if form:  # JSON is long: a short one of each kind is what mutations get somewhere with
                yield body[:2000]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    check = TARGETS[options.target]
    options.keep.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, body in enumerate(seeds(options.target, options.corpus)):
        (work / str(number)).write_bytes(body[:MAX_INPUT_BYTES])
    counter, slowest_s = itertools.count(1), 0.0
    n_run = n_read = 0
    ends_s = time.process_time() + options.seconds

    def one_input(body: bytes) -> None:
        nonlocal slowest_s, n_run, n_read
        n_run = next(counter)
        started_s = time.process_time()
        n_read += check(body)
        ended_s = time.process_time()
        slowest_s = max(slowest_s, ended_s - started_s)
        assert ended_s - started_s <= MAX_CPU_S, f"{ended_s - started_s:.1f} s for {len(body)} bytes"
        if ended_s > ends_s:
            slowest_ms = slowest_s * 1000
            print(
                f"{options.target}: {n_run} inputs, {n_read} read, slowest {slowest_ms:.0f} ms, nothing found",
                flush=True,
            )
            shutil.rmtree(work, ignore_errors=True)
            os._exit(0)  # libFuzzer would take an exit for a crash

    arguments = [
        sys.argv[0],
        f"-max_len={MAX_INPUT_BYTES}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        "-timeout=600",  # of wall time, which a busy machine takes; the limit above is of CPU
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={options.keep}/{options.target}-",
        str(work),
    ]
    atheris.Setup(arguments, one_input, custom_mutator=mutator(options.target))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
