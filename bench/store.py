"""What the embedded store costs: spans written per second, CPU and bytes per span, and the time of the usual queries.

usage: python -m bench.store --spans 200000 --days 7 [--batch 512] [--group 8]
Half of the spans are model calls, as in a small agent: agent, retrieval, two chats. Batches are built before the clock
starts; a group of batches is one commit. Each call gets a score, whose write is not timed. Prints one JSON line.
"""

import argparse
import json
import os
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa

from collector.batch import PART_SCHEMA, SPAN_SCHEMA, Batch, call_id_of
from collector.query import Aggregation, Columns, Filters
from collector.score import Score
from collector.store import open_store
from collector.store.base import TelemetryStore
from dashboard.pages.base import View
from dashboard.pages.overview_facts import ask_store

# fmt: off
WORDS = (
    "order", "refund", "invoice", "account", "plan", "upgrade", "ticket", "delivery", "package", "tracking", "support",
    "agent", "policy", "return", "window", "payment", "card", "bank", "address", "email", "password", "reset", "login",
    "error", "code", "screen", "battery", "warranty", "manual", "device", "network", "router", "signal", "latency",
    "because", "please", "thank", "you", "today", "tomorrow", "week", "month", "the", "a", "of", "to", "and", "with",
    "on", "is", "was", "are", "be", "can", "will",
)
# fmt: on
MODELS = (("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("anthropic", "claude-sonnet-4"), ("local", "tiny-support"))
_OF_SCORES = ["call_id", "trace_id", "start_ns", "service", "environment", "request_model"]
FIRST_NS = 1_794_528_000 * 10**9  # a midnight
DAY_NS = 86_400 * 10**9


def batches(n_spans: int, batch: int, n_days: int, rng: random.Random) -> Iterator[Batch]:
    """`n_spans` spans in the order of their time, evenly over `n_days`."""
    for first in range(0, n_spans, batch):
        spans: list[dict[str, Any]] = []
        calls: list[dict[str, Any]] = []
        for place in range(first, min(first + batch, n_spans), 4):
            add_trace(spans, calls, FIRST_NS + n_days * DAY_NS * place // n_spans, rng)
        yield Batch(
            spans=pa.Table.from_pylist(spans, schema=SPAN_SCHEMA), parts=pa.Table.from_pylist(calls, schema=PART_SCHEMA)
        )


def add_trace(spans: list[dict[str, Any]], calls: list[dict[str, Any]], start_ns: int, rng: random.Random) -> None:
    ids = {"trace_id": rng.randbytes(16).hex(), "project": "default", "environment": "prod"}
    ids["service"] = f"shop-{rng.randrange(8)}"
    person = {"session_id": f"s{rng.randrange(20_000)}", "user_id": f"u{rng.randrange(5_000)}"}
    root = rng.randbytes(8).hex()

    def span(
        span_id: str, parent: str | None, name: str, operation: str, at_ns: int, took_ns: int, **more: Any
    ) -> None:
        spans.append(
            ids | {"span_id": span_id, "parent_span_id": parent, "name": name, "operation": operation}
            | {"kind": "client", "status": "unset", "start_ns": at_ns, "end_ns": at_ns + took_ns, "scope": "bench"}
            | {"resource": '{"service.name":"shop","telemetry.sdk.language":"python"}', "events": None, "links": None}
            | more
        )  # fmt: skip

    who = {"session.id": person["session_id"], "user.id": person["user_id"]}
    span(root, None, "invoke_agent support", "invoke_agent", start_ns, 3 * 10**9, attributes=json.dumps(who))
    documents = json.dumps([{"id": str(i), "content": words(rng, 60)} for i in range(2)])
    span(rng.randbytes(8).hex(), root, "retrieve kb", "retrieval", start_ns + 10**7, 5 * 10**7, documents=documents)
    for turn in range(2):
        provider, model = rng.choice(MODELS)
        span_id, at_ns = rng.randbytes(8).hex(), start_ns + 10**8 + turn * 14 * 10**8
        latency_s = rng.lognormvariate(0.2, 0.5)
        answer = f"chatcmpl-{rng.getrandbits(64):x}"
        texts: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
        }
        texts |= {"gen_ai.response.model": model, "gen_ai.response.id": answer, "server.address": "api.example.com"}
        attributes = texts | who | {"gen_ai.request.temperature": 0.7}
        attributes |= {f"gen_ai.usage.{kind}_tokens": 160 for kind in ("input", "output")}
        took_ns = int(latency_s * 1e9)
        span(span_id, root, f"chat {model}", "chat", at_ns, took_ns, attributes=json.dumps(attributes))
        calls.append(
            ids | person | {
                "call_id": call_id_of(ids["trace_id"], span_id), "span_id": span_id, "start_ns": at_ns,
                "part_id": call_id_of(ids["trace_id"], span_id), "part_kind": "span", "parent_span_id": root,
                "scope": "bench", "end_ns": at_ns + took_ns,
                "provider": provider, "request_model": model, "response_model": model, "response_id": answer,
                "operation": "chat", "latency_s": latency_s, "input_tokens": 160, "output_tokens": 100,
                "cost_usd": rng.random() / 100, "finish_reasons": ["stop"],
                "error_type": "429" if rng.random() < 0.01 else None,
                "parameters": '{"temperature":0.7,"max_tokens":512}',
                "system_instructions": '[{"type":"text","content":"You are a support agent."}]',
                "input_messages": json.dumps([message("user", words(rng, 120))]),
                "output_messages": json.dumps([message("assistant", words(rng, 90))]),
            }
        )  # fmt: skip


def words(rng: random.Random, n: int) -> str:
    return " ".join(rng.choices(WORDS, k=n))


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def median_ms(ask: Callable[[], object], repeats: int = 7) -> float:
    def once() -> float:
        start_s = time.perf_counter()
        ask()
        return (time.perf_counter() - start_s) * 1e3

    once()
    return round(statistics.median(once() for _ in range(repeats)), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--data-dir", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(asked, asked.data_dir or Path(scratch))))


def queries_of(store: TelemetryStore, first: Batch, n_spans: int, n_days: int) -> dict[str, Callable[[], object]]:
    """The usual questions, by name, to a store that holds `batches`, of which `first` was the first."""
    all_time = Filters(since_ns=FIRST_NS, until_ns=FIRST_NS + n_days * DAY_NS)
    overview = ("requests", "error_rate", "latency_p50_s", "latency_p95_s", "latency_p99_s", "input_tokens", "cost_usd")
    trace_id = first.parts["trace_id"][0].as_py()
    call_id = first.parts["call_id"][0].as_py()
    late = Filters(since_ns=FIRST_NS, until_ns=all_time.until_ns, service="shop-1", request_model="gpt-4o")
    found = Filters(since_ns=FIRST_NS, until_ns=all_time.until_ns, text="refund policy")
    page = {f"Overview: {name}": partial(store.aggregate, asked) for name, asked in overview_page(all_time).items()}
    return page | {
        "overview by hour and model": lambda: store.aggregate(
            Aggregation(filters=all_time, metrics=overview, step_s=3600, by=("request_model",))
        ),
        "services by cost": lambda: store.aggregate(
            Aggregation(filters=all_time, metrics=("cost_usd",), by=("service",))
        ),
        "page of filtered calls": lambda: store.calls(late, limit=100),
        "page of calls with a text": lambda: store.calls(found, limit=100),
        "count of calls with a text": lambda: store.aggregate(Aggregation(filters=found, metrics=("requests",))),
        "oldest trace": lambda: store.trace(trace_id),
        "oldest call": lambda: store.call(call_id),
        "scan of 500": lambda: store.scan(after_seq=n_spans // 4, limit=500),
    }


def overview_page(filters: Filters) -> dict[str, Aggregation]:
    """What the dashboard's Overview asks a store for the range of `filters`, by name."""
    asked: list[Aggregation] = []

    def aggregate(aggregation: Aggregation) -> Columns:
        asked.append(aggregation)
        return {}

    store = SimpleNamespace(aggregate=aggregate)
    ask_store(cast(View, SimpleNamespace(calls=filters, services=SimpleNamespace(store=store))))
    names = ("totals", "totals before", "series", "errors", "costs", "grounded by service", "models",
             "grounded by model")  # fmt: skip
    return dict(zip(names, asked, strict=True))


def scores_of(batch: Batch) -> list[Score]:
    """One of groundedness for each call of `batch`."""
    return [
        Score(
            target_id=part["call_id"], target_start_ns=part["start_ns"], created_ns=part["start_ns"] + 10**9,
            evaluator="groundedness", version="1", source="model", value=0.9, label="grounded",
            service=part["service"], environment=part["environment"], request_model=part["request_model"],
            trace_id=part["trace_id"],
        )
        for part in batch.parts.select(_OF_SCORES).to_pylist()
    ]  # fmt: skip


def measure(asked: argparse.Namespace, data_dir: Path) -> dict[str, Any]:
    rng = random.Random(0)
    waiting = batches(asked.spans, asked.batch, asked.days, rng)
    store = open_store(data_dir)
    wall_s = cpu_s = 0.0
    commits_ms: list[float] = []
    while group := [batch for _, batch in zip(range(asked.group), waiting, strict=False)]:
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        store.write(group)
        commits_ms.append((time.perf_counter() - start_s) * 1e3)
        wall_s += time.perf_counter() - start_s
        cpu_s += time.process_time() - start_cpu_s
        store.write_scores([score for batch in group for score in scores_of(batch)])
    first, second = islice(batches(asked.spans, asked.batch, asked.days, random.Random(0)), 2)
    start_s = time.perf_counter()
    store.close()
    close_s = time.perf_counter() - start_s
    n_bytes = sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file())
    start_s = time.perf_counter()
    store = open_store(data_dir)
    open_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    store.write([first])  # the first one after a start reads back what spans may belong to
    recall_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    store.write([second])
    retry_us = (time.perf_counter() - start_s) / second.spans.num_rows * 1e6
    queries = queries_of(store, first, asked.spans, asked.days)
    result = {
        "spans": asked.spans,
        "days": asked.days,
        "spans_per_s": round(asked.spans / wall_s),
        "cpu_us_per_span": round(cpu_s / asked.spans * 1e6, 1),
        "commit_ms": {"p50": round(statistics.median(commits_ms), 1), "max": round(max(commits_ms), 1)},
        "first_write_after_start_s": round(recall_s, 2),
        "retry_us_per_span": round(retry_us, 1),
        "close_s": round(close_s, 2),
        "open_s": round(open_s, 2),
        "bytes_per_span": round(n_bytes / asked.spans),
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "query_ms": {name: median_ms(ask) for name, ask in queries.items()},
        "cpus": os.cpu_count(),
    }
    store.close()
    return result


if __name__ == "__main__":
    main()
