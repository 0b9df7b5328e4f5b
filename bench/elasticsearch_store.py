"""What the store on Elasticsearch costs: spans written per second, CPU of both sides, bytes per document, query times.

usage: python -m bench.elasticsearch_store --spans 200000 --days 7 [--batch 512] [--group 8] [--url http://host:9200]
The spans are those of bench/store.py. Without --url a server of its own is started, with --heap-mb and one node, on the
same machine. Prints one JSON line.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from typing import Any

from elasticsearch import Elasticsearch

from bench.store import batches, median_ms, queries_of, scores_of
from collector.errors import UnsupportedQuery
from collector.store import open_elasticsearch
from collector.store.base import TelemetryStore
from collector.store.elasticsearch.config import ElasticsearchConfig
from tests.services.elasticsearch.fixtures import started_server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--heap-mb", type=int, default=2048)
    parser.add_argument("--url")
    asked = parser.parse_args()
    with nullcontext() if asked.url else started_server(measured=True, heap_mb=asked.heap_mb) as server:
        config = ElasticsearchConfig(url=asked.url or server.url, prefix=f"bench-{int(time.time())}", replicas=0)
        with closing(open_elasticsearch(config)) as store, Elasticsearch(config.url) as client:
            print(json.dumps(measure(asked, store, client, config.prefix)))
            client.indices.delete(index=list(client.indices.get_settings(index=f"{config.prefix}-*").body))
            client.indices.delete_index_template(name=f"{config.prefix}-*")


def measure(asked: argparse.Namespace, store: TelemetryStore, client: Elasticsearch, prefix: str) -> dict[str, Any]:
    # Made before the clock starts, and not beside the server, which has the same cores.
    made = list(batches(asked.spans, asked.batch, asked.days, random.Random(0)))
    server_before_s, wall_s, cpu_s = server_cpu_s(client), 0.0, 0.0
    writes_ms: list[float] = []
    for group in grouped(made, asked.group):
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        store.write(group)
        writes_ms.append((time.perf_counter() - start_s) * 1e3)
        wall_s += time.perf_counter() - start_s
        cpu_s += time.process_time() - start_cpu_s
    server_s = server_cpu_s(client) - server_before_s
    for group in grouped(made, asked.group):
        store.write_scores([score for batch in group for score in scores_of(batch)])
    start_s = time.perf_counter()
    store.write([made[0]])
    retry_us = (time.perf_counter() - start_s) / made[0].spans.num_rows * 1e6
    queries = queries_of(store, made[0], asked.spans, asked.days)
    client.options(request_timeout=600).indices.forcemerge(index=f"{prefix}-*", max_num_segments=1)
    client.indices.refresh(index=f"{prefix}-*")
    return {
        "spans": asked.spans,
        "days": asked.days,
        "spans_per_s": round(asked.spans / wall_s),
        "client_cpu_us_per_span": round(cpu_s / asked.spans * 1e6, 1),
        "server_cpu_us_per_span": round(server_s / asked.spans * 1e6, 1),
        "write_ms": {"p50": round(statistics.median(writes_ms), 1), "max": round(max(writes_ms), 1)},
        "retry_us_per_span": round(retry_us, 1),
        "bytes_per_document": bytes_per_document(client, prefix),
        "query_ms": {name: asked_ms(ask) for name, ask in queries.items()},
        "scan": scanned(store, page_calls=2_000),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def asked_ms(ask: Callable[[], object]) -> float | str:
    try:
        return median_ms(ask)
    except UnsupportedQuery as error:
        return str(error)


def scanned(store: TelemetryStore, page_calls: int) -> dict[str, float]:
    """All calls in the order of their arrival, as an evaluator follows them."""
    ids: set[str] = set()
    n_seen, after_seq, pages_ms = 0, 0, []
    while True:
        start_s = time.perf_counter()
        page = store.scan(after_seq=after_seq, limit=page_calls)
        if not page:
            break
        pages_ms.append((time.perf_counter() - start_s) * 1e3)
        ids.update(call.call_id for call in page)
        n_seen, after_seq = n_seen + len(page), page[-1].seq
    told = {"calls": n_seen, "twice": n_seen - len(ids), "pages": len(pages_ms), "page_calls": page_calls}
    return told | {"page_p50_ms": round(statistics.median(pages_ms), 1), "page_max_ms": round(max(pages_ms), 1)}


def grouped(made: list[Any], size: int) -> list[list[Any]]:
    return [made[first : first + size] for first in range(0, len(made), size)]


def server_cpu_s(client: Elasticsearch) -> float:
    nodes = client.nodes.stats(metric="process").body["nodes"].values()
    return sum(node["process"]["cpu"]["total_in_millis"] for node in nodes) / 1e3


def bytes_per_document(client: Elasticsearch, prefix: str) -> dict[str, int]:
    """By kind, merged."""
    found: dict[str, int] = {}
    for kind in ("spans", "calls"):
        told = client.indices.stats(index=f"{prefix}-{kind}-*", metric=["docs", "store"]).body["_all"]["primaries"]
        found[kind] = round(told["store"]["size_in_bytes"] / max(1, told["docs"]["count"]))
    return found


if __name__ == "__main__":
    main()
