"""What the collector tells of itself: the same counters as /metrics, over the last minutes."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from sqlalchemy import Engine

from collector.api import install_error_answers
from collector.api.guard import Guard
from collector.api.system import SystemShape, system_router
from collector.health import EVERY_S, WINDOW_S, Health
from collector.metrics import CollectorMetrics
from collector.projects.gate import Gate
from collector.readings import quantile, reading_of
from collector.store import open_store
from collector.store.base import TelemetryStore
from collector.system import Lag
from tests.collector.records import batch_of_logs

S = 10**9
LAG = Lag(evaluator="text", n_calls=3, wait_s=1.5)


class Clock:
    now_ns = 1_795_262_400 * S

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> CollectorMetrics:
    return CollectorMetrics(registry)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def health(metrics: CollectorMetrics, store: TelemetryStore, clock: Clock) -> Health:
    return Health(
        metrics, checks={"store": lambda: None, "ingest": lambda: "the disk is full"}, max_queue_bytes=1000,
        load=lambda: 0.25, footprint=store.footprint, lags=lambda: [LAG], clock=clock,
    )  # fmt: skip


def wait(health: Health, clock: Clock, seconds: float) -> None:
    for _ in range(int(seconds / EVERY_S)):
        clock.now_ns += int(EVERY_S * S)
        health.look()


def test_counts_are_since_the_start_and_of_the_last_minutes(
    health: Health, metrics: CollectorMetrics, clock: Clock
) -> None:
    metrics.took("traces", "http", 100, rejected={"no id": 2}, noted={"from_the_future": 1})
    metrics.took("logs", "grpc", 7, rejected={}, noted={})
    wait(health, clock, WINDOW_S + 60)
    metrics.took("traces", "http", 50, rejected={}, noted={"sampled_out": 4})
    metrics.rejected_requests.labels("grpc", "UNAVAILABLE").inc(3)
    figures = health.figures()
    assert [(t.labels, t.total, t.recent) for t in figures.accepted] == [
        ({"signal": "traces", "transport": "http"}, 150, 50),
        ({"signal": "logs", "transport": "grpc"}, 7, 0),
    ]
    assert [(t.labels, t.total, t.recent) for t in figures.rejected] == [
        ({"signal": "traces", "reason": "no id"}, 2, 0)
    ]
    assert [(t.labels["reason"], t.recent) for t in figures.refused] == [("UNAVAILABLE", 3)]
    assert [(t.labels["what"], t.total, t.recent) for t in figures.adapted] == [("from_the_future", 1, 0)]
    assert (figures.sampled_out_spans.total, figures.sampled_out_spans.recent) == (4, 4)
    assert health.n_refused() == 3
    assert figures.window_s == WINDOW_S
    assert figures.trends.accepted_per_s[:2] == [0.0, 0.0]


def test_nothing_is_counted_twice(health: Health, metrics: CollectorMetrics, registry: CollectorRegistry) -> None:
    before = generate_latest(registry)
    health.look()
    health.figures()
    assert generate_latest(registry) == before


def test_what_cannot_be_told_is_none_and_the_rest_still_is(
    health: Health, metrics: CollectorMetrics, store: TelemetryStore
) -> None:
    assert health.figures().commit_p99_s is None
    metrics.queue_bytes.set(800)
    store.close()
    figures = health.figures()
    assert (figures.footprint, figures.queue_bytes, figures.load) == (None, 800, 0.25)
    assert figures.problems == {"store": None, "ingest": "the disk is full"}


def test_the_footprint_is_that_of_the_days(health: Health, store: TelemetryStore, clock: Clock) -> None:
    empty = store.footprint()
    assert (empty.n_days, empty.first_day, empty.last_day) == (0, None, None)
    rows = [{"log_id": str(i), "time_ns": clock.now_ns + i * 86_400 * S, "body": "x" * 1000} for i in (0, 2)]
    store.write([batch_of_logs(rows)])
    found = health.figures().footprint
    assert found is not None
    assert (found.n_days, found.first_day, found.last_day) == (2, "2026-11-21", "2026-11-23")
    assert found.n_bytes > empty.n_bytes
    assert found.free_bytes > 0


def test_the_thread_looks_by_itself_and_ends(
    metrics: CollectorMetrics, store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.health.EVERY_S", 0.01)
    running = Health(metrics, checks={}, max_queue_bytes=1, load=lambda: 0.0, footprint=store.footprint, lags=list)
    running.start()
    deadline_s = time.monotonic() + 10
    while len(running.figures().trends.queue_bytes) < 4:
        assert time.monotonic() < deadline_s, "nobody looked"
        time.sleep(0.01)
    running.close()
    assert "health" not in {thread.name for thread in threading.enumerate()}


@given(st.lists(st.floats(0.0, 4.9), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    bounds = (0.01, 0.1, 1.0, 5.0)
    histogram = Histogram("t", "t", buckets=bounds, registry=None)
    histogram.observe(0.5)
    before = reading_of(histogram.collect(), 0)
    for value in values:
        histogram.observe(value)
    found = quantile("t", share, before, reading_of(histogram.collect(), 1))
    true = float(np.quantile(values, share, method="inverted_cdf"))
    place = int(np.searchsorted(bounds, true))
    assert found is not None
    assert (bounds[place - 1] if place else 0.0) - 1e-9 <= found <= bounds[place] + 1e-9


def test_a_quantile_beyond_the_last_bucket_is_its_bound() -> None:
    histogram = Histogram("t", "t", buckets=(0.01, 1.0), registry=None)
    before = reading_of(histogram.collect(), 0)
    histogram.observe(30.0)
    assert quantile("t", 0.99, before, reading_of(histogram.collect(), 1)) == 1.0


@pytest.fixture
def api(health: Health, store: TelemetryStore, engine: Engine) -> Callable[..., TestClient]:
    def serve(**options: Any) -> TestClient:
        app = FastAPI()
        install_error_answers(app)
        app.include_router(system_router(Guard(Gate(engine, **options), store), health.figures))
        return TestClient(app)

    return serve


def test_the_figures_are_read_over_rest(api: Callable[..., TestClient], metrics: CollectorMetrics) -> None:
    metrics.rejected_requests.labels("http", "413").inc()
    metrics.understood({"email": 2, "unpriced": 1})
    metrics.commit_seconds.observe(0.015)
    answer = api().get("/api/v1/system")
    assert answer.status_code == 200
    body = answer.json()
    SystemShape.model_validate(body)
    assert body["refused"] == [{"transport": "http", "reason": "413", "total": 1, "recent": 1}]
    assert body["redactions"] == [{"kind": "email", "total": 2, "recent": 2}]
    assert body["unpriced_calls"] == {"total": 1, "recent": 1}
    assert body["lags"] == [{"evaluator": "text", "calls": 3, "wait_s": 1.5}]
    assert body["problems"] == {"store": None, "ingest": "the disk is full"}
    assert 0.01 <= body["commit_p99_s"] <= 0.02
    assert body["disk"].keys() == {"bytes", "free_bytes", "days", "first_day", "last_day"}


def test_where_keys_are_needed_one_is_needed(api: Callable[..., TestClient]) -> None:
    assert api(auth="required").get("/api/v1/system").status_code == 401
    assert api().get("/api/v1/system?x=1").status_code == 400
