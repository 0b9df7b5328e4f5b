"""Calls and spans for tests, built as the product builds them."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pytest

from collector.batch import Batch, call_id_of
from collector.call import Call
from collector.rows import batch_of, span_of_call
from collector.span import Span
from collector.times import parse_rfc3339

START_NS = parse_rfc3339("2026-11-21T12:00:00Z")


class BatchOf(Protocol):
    def __call__(
        self,
        calls: Sequence[Call] = (),
        spans: Sequence[Span] = (),
        *,
        documents: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    ) -> Batch: ...


@pytest.fixture
def a_call() -> Callable[..., Call]:
    """`a_call(**fields)`: a chat call with new ids; each one starts a second after the one before."""
    rng = random.Random(7)
    n_made = 0

    def make(**given: Any) -> Call:
        nonlocal n_made
        values: dict[str, Any] = {
            "trace_id": rng.randbytes(16).hex(),
            "span_id": rng.randbytes(8).hex(),
            "start_ns": START_NS + n_made * 10**9,
            "service": "shop",
            "environment": "prod",
            "provider": "openai",
            "request_model": "gpt-4o",
            "operation": "chat",
            "latency_s": 0.5,
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_usd": 0.001,
        } | given
        n_made += 1
        return Call(**{"call_id": call_id_of(values["trace_id"], values["span_id"])} | values)

    return make


@pytest.fixture
def a_span() -> Callable[..., Span]:
    """`a_span(**fields)`: an internal span with new ids."""
    rng = random.Random(8)

    def make(**given: Any) -> Span:
        values: dict[str, Any] = {
            "trace_id": rng.randbytes(16).hex(),
            "span_id": rng.randbytes(8).hex(),
            "parent_span_id": None,
            "name": "retrieve",
            "kind": "internal",
            "operation": "retrieval",
            "start_ns": START_NS,
            "end_ns": START_NS + 10**8,
            "status": "unset",
            "status_message": None,
            "project": "default",
            "service": "shop",
            "environment": "prod",
            "scope": "test",
        } | given
        return Span(**values)

    return make


@pytest.fixture
def a_batch() -> BatchOf:
    """`a_batch(calls, spans)`: each call brings its own span; `spans` are further ones."""

    def make(
        calls: Sequence[Call] = (),
        spans: Sequence[Span] = (),
        *,
        documents: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    ) -> Batch:
        return batch_of(calls, [*map(span_of_call, calls), *spans], documents=documents)

    return make
