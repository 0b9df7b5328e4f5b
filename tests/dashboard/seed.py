"""A day of traffic in a real store, scored, watched and alarmed by the real evaluators.

The model behind `gpt-4` in `support` changes silently before the end, so that every page has something to say.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from collector.batch import call_id_of
from collector.call import Call
from collector.health import Health
from collector.metrics import CollectorMetrics
from collector.redaction import Mode, RedactionConfig
from collector.redaction.config import PatternConfig, ProjectRedaction
from collector.redactions import Redactions
from collector.rows import batch_of
from collector.score import Score
from collector.span import Span, SpanEvent
from collector.store.base import TelemetryStore, TextVector
from collector.system import Lag
from collector.times import NS_PER_S
from dashboard.colours import SeriesColours
from dashboard.services import Services
from evaluators import features
from evaluators.alerts import AlertBook
from evaluators.alerts.defaults import DEFAULT_RULES
from evaluators.alerts.evaluate import evaluate
from evaluators.checkpoints import save_checkpoint
from evaluators.drift.config import DriftConfig
from evaluators.drift.monitors.monitors import Monitors
from evaluators.review import ReviewConfig, ReviewQueue
from evaluators.scoring import CallTexts, Scored
from evaluators.scoring import score as score_texts
from evaluators.text import TEXT
from tests.dashboard import seed_texts

HOUR_NS = 3600 * NS_PER_S
ERRORS = (
    ("timeout", "no answer within 30 s"),
    ("rate_limit", "429: too many requests"),
    ("server_error", "502: bad gateway"),
)

_PRICES = {"gpt-4": (30e-6, 60e-6), "gpt-4.1-mini": (0.4e-6, 1.6e-6), "claude-sonnet-4-5": (3e-6, 15e-6)}
_score = lru_cache(maxsize=4096)(score_texts)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now_ns: int

    def __call__(self) -> int:
        return self.now_ns


@dataclass(frozen=True, kw_only=True)
class World:
    """The real parts behind the pages, and the clock that they share."""

    store: TelemetryStore
    engine: Engine
    clock: Clock
    book: AlertBook
    monitors: Monitors
    queue: ReviewQueue
    metrics: CollectorMetrics
    health: Health
    redactions: Redactions
    calls: list[Call] = field(default_factory=list)

    @property
    def services(self) -> Services:
        return Services(
            store=self.store, alerts=self.book, review=self.queue, monitors=self.monitors,
            colours=SeriesColours(self.engine), health=self.health, redactions=self.redactions, clock=self.clock,
        )  # fmt: skip


def world(store: TelemetryStore, engine: Engine, now_ns: int, *, n_reference: int = 200, n_window: int = 50) -> World:
    """The parts on an empty store, with the rules of a new installation."""
    clock = Clock(now_ns)
    book = AlertBook(engine, receivers=("on-call",))
    book.save_first_rules(DEFAULT_RULES, now_ns)
    metrics = CollectorMetrics(CollectorRegistry())
    health = Health(
        metrics, checks={"store": lambda: None, "ingest": lambda: None}, max_queue_bytes=128 * 2**20, load=lambda: 0.0,
        footprint=store.footprint, lags=lambda: [Lag(evaluator="text", n_calls=0, wait_s=0.0)], clock=clock,
    )  # fmt: skip
    redaction = RedactionConfig(
        projects={
            "shop": ProjectRedaction(
                mode=Mode.HASH, kinds=("all",), patterns=(PatternConfig(name="order_number", regex=r"ORD-[0-9]{6}"),)
            )
        }
    )
    policies = partial(redaction.policy, installation_key=b"k" * 16)
    drift = DriftConfig(n_reference=n_reference, n_window=n_window)
    return World(
        store=store, engine=engine, clock=clock, book=book, monitors=Monitors(engine, store, clock, drift),
        queue=ReviewQueue(engine, store, clock, ReviewConfig(random_share=0.05)), metrics=metrics, health=health,
        redactions=Redactions(policies, lambda: ["default", "shop"]),
    )  # fmt: skip


def seed(world: World, *, hours: float = 24, calls_per_hour: int = 180, changed_hours: float = 1.2) -> None:
    """Play `hours` up to the clock, step by step as it happened; the change comes `changed_hours` before the end."""
    rng = random.Random(7)
    end_ns = world.clock.now_ns
    change_ns = end_ns - round(changed_hours * HOUR_NS)
    start_ns = end_ns - round(hours * HOUR_NS)
    while start_ns < end_ns:
        # Less at night: a day has a shape. Alarms are looked at more often once there is something to see.
        step_ns = HOUR_NS if start_ns + HOUR_NS < change_ns else HOUR_NS // 6
        until_ns = min(start_ns + step_ns, end_ns)
        share = 0.35 + 0.65 * abs(((start_ns // HOUR_NS + 2) % 24) - 12) / 12
        n_calls = max(1, round(calls_per_hour * share * (until_ns - start_ns) / HOUR_NS))
        starts = sorted(rng.randrange(start_ns, until_ns) for _ in range(n_calls))
        play(world, [_exchange(rng, t, changed=t >= change_ns) for t in starts], until_ns=until_ns)
        start_ns = until_ns


def play(world: World, exchanges: Sequence["Exchange"], *, until_ns: int) -> None:
    """Store what happened, score it, and let monitors and rules look at it at `until_ns`."""
    calls = [exchange.call for exchange in exchanges]
    world.store.write([batch_of(calls, [span for exchange in exchanges for span in exchange.spans])])
    world.clock.now_ns = until_ns
    scores, vectors = [], []
    for call in calls:
        scored = _score(CallTexts(prompt=call.prompt_text, output=call.output_text, contexts=tuple(call.context_texts)))
        scores += list(_scores(call, scored))
        vectors += [
            TextVector(
                call_id=call.call_id, call_start_ns=call.start_ns, kind=kind, version=features.VERSION, values=values
            )
            for kind, values in scored.features.items()
        ]
    world.store.write_scores(scores)
    world.store.write_vectors(vectors)
    world.queue.fill(calls, scores)
    with world.engine.begin() as connection:
        save_checkpoint(connection, TEXT, seq=world.store.last_seq(), now_ns=until_ns)
    world.monitors.tick()
    evaluate(world.book.rules(), world.store, world.book, until_ns)
    world.calls.extend(calls)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    call: Call
    spans: tuple[Span, ...]


def _scores(call: Call, scored: Scored) -> Iterator[Score]:
    for finding in scored.findings:
        yield Score(
            target_id=call.call_id, target_start_ns=call.start_ns, source="model",
            created_ns=call.start_ns + 3 * NS_PER_S, evaluator=finding.evaluator,
            version=finding.version, value=finding.value, label=finding.label,
            explanation=finding.explanation, marks=finding.marks, project=call.project, service=call.service,
            environment=call.environment, request_model=call.request_model, trace_id=call.trace_id,
        )  # fmt: skip


def _exchange(rng: random.Random, start_ns: int, *, changed: bool) -> Exchange:
    kind = rng.choices(("support", "search", "summarise"), (5, 3, 2))[0]
    make: Callable[[random.Random, int, bool], Exchange] = _support if kind == "support" else _plain(kind)
    return make(rng, start_ns, changed)


def _support(rng: random.Random, start_ns: int, changed: bool) -> Exchange:
    """An agent that looks a document up, asks the model, and guards the answer."""
    question, answer, document = seed_texts.support(rng, changed=changed)
    trace_id, span_ids = f"{rng.getrandbits(128):032x}", [f"{rng.getrandbits(64):016x}" for _ in range(6)]
    root, guard, retrieve, chat, tool, http = span_ids
    latency_s = rng.lognormvariate(0.5, 0.45) * (1.4 if changed else 1)
    t_chat = start_ns + 380_000_000
    contexts = [{"content": seed_texts.DOCUMENTS[document], "id": document, "score": round(rng.uniform(0.8, 0.95), 2)}]
    if rng.random() < 0.5:
        other = rng.choice(list(seed_texts.DOCUMENTS))
        contexts.append(
            {"content": seed_texts.DOCUMENTS[other], "id": other, "score": round(rng.uniform(0.4, 0.75), 2)}
        )
    call = _call(
        rng, trace_id, chat, t_chat, service="support", model="gpt-4", provider="openai",
        response_model="gpt-4-0613" if changed else "gpt-4-0314", latency_s=latency_s, question=question, answer=answer,
        system="You answer customers of the shop. Use only the documents that you are given.", contexts=contexts,
        session_id=f"chat-{rng.randrange(40_000)}", error_share=0.012,
    )  # fmt: skip
    end_ns = t_chat + round((call.latency_s or 0) * NS_PER_S)

    def span(span_id: str, parent: str | None, name: str, from_ns: int, to_ns: int, **more: Any) -> Span:
        facts: dict[str, Any] = {
            "kind": "internal", "operation": None, "status": "unset", "status_message": None, "scope": "support",
            "resource": {"service.name": "support", "deployment.environment.name": call.environment},
        }  # fmt: skip
        return Span(
            trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=name, start_ns=from_ns, end_ns=to_ns,
            project="default", service="support", environment=call.environment, **(facts | more),
        )  # fmt: skip

    error = {"status": "error", "status_message": call.error_message} if call.error_type else {}
    spans = [
        span(root, None, "support.answer", start_ns, end_ns + 60_000_000, operation="invoke_agent", **error),
        span(guard, root, "guard input", start_ns + 2_000_000, start_ns + 40_000_000),
        span(retrieve, root, "retrieve", start_ns + 45_000_000, t_chat - 20_000_000, operation="retrieval",
             attributes={"retrieval.k": len(contexts)}),
        span(chat, root, "chat gpt-4", t_chat, end_ns, kind="client", operation="chat",
             attributes={"gen_ai.request.model": "gpt-4", "gen_ai.request.temperature": 0.2},
             events=(SpanEvent(name="first token", time_ns=t_chat + 300_000_000),), **error),
    ]  # fmt: skip
    if rng.random() < 0.5:
        spans.append(
            span(
                tool,
                root,
                "execute_tool order_lookup",
                end_ns + 2_000_000,
                end_ns + 30_000_000,
                operation="execute_tool",
            )
        )
        failed = {"status": "error", "status_message": "timeout after 25 ms"} if rng.random() < 0.1 else {}
        spans.append(span(http, tool, "GET /orders", end_ns + 4_000_000, end_ns + 29_000_000, kind="client", **failed))
    return Exchange(call=call, spans=tuple(spans))


def _plain(service: str) -> Callable[[random.Random, int, bool], Exchange]:
    """One model call and nothing around it."""

    def make(rng: random.Random, start_ns: int, changed: bool) -> Exchange:
        question, answer = seed_texts.search(rng) if service == "search" else seed_texts.summary(rng)
        model = "qwen3-8b" if service == "search" else rng.choices(("claude-sonnet-4-5", "gpt-4.1-mini"), (2, 1))[0]
        provider = {"qwen3-8b": "vllm", "claude-sonnet-4-5": "anthropic"}.get(model, "openai")
        trace_id, span_id = f"{rng.getrandbits(128):032x}", f"{rng.getrandbits(64):016x}"
        call = _call(
            rng, trace_id, span_id, start_ns, service=service, model=model, provider=provider, response_model=model,
            latency_s=rng.lognormvariate(-0.3, 0.5), question=question, answer=answer, system=None, contexts=None,
            session_id=None, error_share=0.008,
        )  # fmt: skip
        span = Span(
            trace_id=trace_id, span_id=span_id, parent_span_id=None, name=f"chat {model}", kind="client",
            operation="chat", start_ns=start_ns, end_ns=start_ns + round((call.latency_s or 0) * NS_PER_S),
            status="error" if call.error_type else "unset", status_message=call.error_message, project="default",
            service=service, environment=call.environment, scope="openai", attributes={"gen_ai.request.model": model},
            resource={"service.name": service},
        )  # fmt: skip
        return Exchange(call=call, spans=(span,))

    return make


def _call(
    rng: random.Random, trace_id: str, span_id: str, start_ns: int, *, service: str, model: str, provider: str,
    response_model: str, latency_s: float, question: str, answer: str, system: str | None,
    contexts: list[dict[str, Any]] | None, session_id: str | None, error_share: float,
) -> Call:  # fmt: skip
    failed = rng.random() < error_share
    error_type, error_message = rng.choice(ERRORS) if failed else (None, None)
    n_input, n_output = len(question) // 4 + 160, 0 if failed else len(answer) // 4
    price = _PRICES.get(model)
    return Call(
        call_id=call_id_of(trace_id, span_id), trace_id=trace_id, span_id=span_id, start_ns=start_ns, service=service,
        environment="staging" if rng.random() < 0.08 else "production", provider=provider, request_model=model,
        response_model=response_model, operation="chat", stream=service == "support",
        latency_s=30.0 if error_type == "timeout" else latency_s,
        ttft_s=rng.uniform(0.15, 0.4) if service == "support" and not failed else None,
        input_tokens=n_input, output_tokens=n_output, cache_read_tokens=80 if service == "support" else None,
        cost_usd=None if price is None else n_input * price[0] + n_output * price[1],
        finish_reasons=None if failed else ["stop"], error_type=error_type, error_message=error_message,
        parameters={"temperature": 0.2, "max_tokens": 400}, session_id=session_id,
        system_instructions=[{"type": "text", "content": system}] if system else None,
        input_messages=[{"role": "user", "parts": [{"type": "text", "content": question}]}],
        output_messages=None if failed else
        [{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}],
        contexts=contexts,
    )  # fmt: skip
