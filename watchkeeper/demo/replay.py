"""Turns as telemetry: what an instrumented application would have sent, by the real OpenTelemetry SDK."""

import json
from collections.abc import Iterable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer, set_span_in_context

from watchkeeper.demo.traffic import Turn


class Applications:
    """One instrumented application per service, each with a tracer provider of its own."""

    def __init__(self, otlp_url: str, services: Iterable[str]) -> None:
        self._providers = {service: _provider(otlp_url, service) for service in services}

    def answer(self, turn: Turn, end_ns: int) -> None:
        """Record `turn` as a trace that ends at `end_ns` (Unix nanoseconds)."""
        _record(self._providers[turn.service].get_tracer("watchkeeper.demo"), turn, end_ns)

    def flush(self) -> None:
        """Wait until everything recorded is acknowledged."""
        for provider in self._providers.values():
            provider.force_flush()

    def close(self) -> None:
        for provider in self._providers.values():
            provider.shutdown()


def _provider(otlp_url: str, service: str) -> TracerProvider:
    resource = Resource.create({"service.name": service, "deployment.environment.name": "demo"})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{otlp_url}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500, max_queue_size=20_000))
    return provider


def _record(tracer: Tracer, turn: Turn, end_ns: int) -> None:
    call_start_ns = end_ns - round(turn.latency_s * 1e9)
    start_ns = call_start_ns - round(turn.retrieval_s * 1e9)
    person = {"session.id": turn.session_id, "user.id": turn.user_id}
    root = tracer.start_span(f"{turn.service}.answer", kind=SpanKind.SERVER, start_time=start_ns, attributes=person)
    inside = set_span_in_context(root)
    if turn.exchange.document is not None:
        documents = [{"id": "questionnaire item", "content": turn.exchange.document}]
        found = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": json.dumps(documents)}
        retrieval = tracer.start_span("look up item", context=inside, start_time=start_ns, attributes=found)
        retrieval.end(call_start_ns)
    model = turn.exchange.model
    call = tracer.start_span(
        f"chat {model}",
        context=inside,
        kind=SpanKind.CLIENT,
        start_time=call_start_ns,
        attributes=person
        | {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            # The change is silent: the name in the answer is the one in the request.
            "gen_ai.response.model": model,
            "gen_ai.request.temperature": 0.1,
            "gen_ai.request.stream": True,
            "gen_ai.response.time_to_first_chunk": turn.ttft_s,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": turn.input_tokens,
            "gen_ai.usage.output_tokens": turn.output_tokens,
            "gen_ai.input.messages": _message("user", turn.exchange.prompt),
            "gen_ai.output.messages": _message("assistant", turn.answer),
        },
    )
    call.end(end_ns)
    root.end(end_ns)


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)
