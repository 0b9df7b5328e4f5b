"""One span per request, in the OpenTelemetry GenAI conventions, sent by the OpenTelemetry SDK.

Source: open-telemetry/semantic-conventions-genai, docs/gen-ai/client-inference.md (status Development). The model runs
in this process, so the span's kind is INTERNAL.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from serving.config import ServingConfig
from serving.engine.base import Prompt
from serving.engine.generation import FinishReason, Usage
from serving.protocol.errors import ApiError
from serving.protocol.requests import CompletionRequest, Operation

PROVIDER = "watchkeeper"

_EXPORT_EVERY_MS = 1000  # the SDK's own 5 s make a live view look dead
_EXPORT_TIMEOUT_S = 5  # retries included; also how long a collector that is away can hold up the stop


class CallSpan:
    """The record of one request; each method adds what has become known."""

    def __init__(self, span: Span, *, capture_content: bool, clock: Callable[[], float]) -> None:
        self._span = span
        self._capture_content = capture_content
        self._clock = clock
        self._started_s = clock()
        self._streams = False

    def asked(self, request: CompletionRequest) -> None:
        self._streams = request.stream
        self._span.update_name(f"{request.operation} {request.model}")
        self._span.set_attribute("gen_ai.request.model", request.model)
        self._span.set_attribute("gen_ai.request.stream", request.stream)
        for name, value in request.parameters.items():
            self._span.set_attribute(f"gen_ai.request.{name}", value)
        if request.user is not None:
            self._span.set_attribute("user.id", request.user)
        if self._capture_content:
            self._span.set_attribute("gen_ai.input.messages", json.dumps(_input_messages(request.prompt)))

    def first_chunk(self) -> None:
        if self._streams:
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", self._clock() - self._started_s)

    def answered(self, *, response_id: str, model: str, text: str, finish_reason: FinishReason, usage: Usage) -> None:
        self._span.set_attributes(
            {
                "gen_ai.response.id": response_id,
                "gen_ai.response.model": model,
                "gen_ai.response.finish_reasons": (finish_reason,),
                "gen_ai.usage.input_tokens": usage.input_tokens,
                "gen_ai.usage.output_tokens": usage.output_tokens,
            }
        )
        if self._capture_content:
            answer = {**_message("assistant", text), "finish_reason": finish_reason}
            self._span.set_attribute("gen_ai.output.messages", json.dumps([answer]))

    def failed(self, error_type: str, message: str) -> None:
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR, message))


class Telemetry:
    """Starts spans, and sends them where an endpoint is configured."""

    def __init__(self, config: ServingConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._capture_content = config.capture_content
        self._clock = clock
        self._provider = None if config.otlp_endpoint is None else _provider(config.otlp_endpoint, config.service_name)
        self._tracer: Tracer = (self._provider or NoOpTracerProvider()).get_tracer("watchkeeper.serving")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def record(self, operation: Operation, headers: Mapping[str, str]) -> Iterator[CallSpan]:
        """The span of a request, as a child of the caller's span where `headers` name one.

        An exception is written down and passed on; the span ends with the block.
        """
        span = self._tracer.start_span(
            operation,
            context=self._propagator.extract(headers),
            kind=SpanKind.INTERNAL,
            attributes={"gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER},
        )
        call = CallSpan(span, capture_content=self._capture_content, clock=self._clock)
        try:
            yield call
        except Exception as error:
            call.failed(error.code if isinstance(error, ApiError) else type(error).__name__, str(error))
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Send what is left. Blocks for as long as that takes or the exporter's timeout allows."""
        if self._provider is not None:
            self._provider.shutdown()


def traces_url(endpoint: str) -> str:
    """Where to send spans, given a base URL or the full one, as OTEL_EXPORTER_OTLP_ENDPOINT has it."""
    return endpoint if endpoint.endswith("/v1/traces") else endpoint.rstrip("/") + "/v1/traces"


def _provider(endpoint: str, service_name: str) -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({"service.name": service_name}))
    exporter = OTLPSpanExporter(endpoint=traces_url(endpoint), timeout=_EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_EVERY_MS))
    return provider


def _input_messages(prompt: Prompt) -> list[dict[str, Any]]:
    if isinstance(prompt, str):
        return [_message("user", prompt)]
    return [_message(message.role, message.content) for message in prompt]


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}
