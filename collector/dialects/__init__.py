"""How instrumentations write model calls: one file each, merged field by field in this order."""

from collector.dialects.anthropic_sdk import ANTHROPIC_SDK
from collector.dialects.base import Dialect, SpanView
from collector.dialects.genai import GENAI
from collector.dialects.inference_server import INFERENCE_SERVER
from collector.dialects.langfuse import LANGFUSE
from collector.dialects.litellm import LITELLM, LITELLM_RAW
from collector.dialects.logfire import LOGFIRE
from collector.dialects.mlflow import MLFLOW
from collector.dialects.openinference import OPENINFERENCE
from collector.dialects.openlit import OPENLIT
from collector.dialects.pydantic_ai import PYDANTIC_AI
from collector.dialects.span_events import SPAN_EVENTS
from collector.dialects.traceloop import TRACELOOP
from collector.dialects.traceloop_legacy import TRACELOOP_LEGACY
from collector.dialects.vector_stores import VECTOR_STORES
from collector.dialects.vercel import VERCEL

DIALECTS: tuple[Dialect, ...] = (
    GENAI,
    SPAN_EVENTS,
    ANTHROPIC_SDK,
    INFERENCE_SERVER,
    OPENINFERENCE,
    LANGFUSE,
    MLFLOW,
    VERCEL,
    PYDANTIC_AI,
    LOGFIRE,
    OPENLIT,
    LITELLM,
    LITELLM_RAW,
    TRACELOOP_LEGACY,
    TRACELOOP,
    VECTOR_STORES,
)
"""Best first: where several dialects on one span tell the same field, the earlier one wins."""

__all__ = ["DIALECTS", "Dialect", "SpanView"]
