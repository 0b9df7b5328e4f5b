"""OpenLLMetry (Traceloop) as it is now: OTel GenAI, and beside it workflows, associations and prompts of its own.

Source: opentelemetry-semantic-conventions-ai 0.5.1; instrumentations 0.62.4 for openai, anthropic, langchain and
llamaindex.
"""

from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.openai_shapes import json_or_text
from collector.dialects.payloads import known
from collector.dialects.retrieved import documents_of

_ASSOCIATION = "traceloop.association.properties."
_PROMPT = "traceloop.prompt."
_OUTPUT = "traceloop.entity.output"


def describe(span: SpanView) -> Facts:
    """The documents that a retriever found, and the template that a prompt was made of."""
    documents = documents_of(json_or_text(span.attributes.get(_OUTPUT)))
    prompt = _prompt(span.attributes)
    return known(
        {
            "documents": documents,
            "metadata": {**_associated(span.attributes), "prompt": prompt} if prompt else None,
        }
    )


def _prompt(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A managed prompt: name, version, template and variables."""
    told = {
        "name": attributes.get(f"{_PROMPT}key"),
        "version": attributes.get(f"{_PROMPT}version_name", attributes.get(f"{_PROMPT}version")),
        "template": attributes.get(f"{_PROMPT}template"),
        "variables": json_or_text(attributes.get(f"{_PROMPT}template_variables")),
    }
    return {name: value for name, value in told.items() if value not in (None, "", {})}


def _associated(attributes: Mapping[str, Any]) -> dict[str, Any]:
    used = {key for keys in TRACELOOP.columns.values() for key in keys}
    return {
        key.removeprefix(_ASSOCIATION): value
        for key, value in attributes.items()
        if key.startswith(_ASSOCIATION) and key not in used
    }


TRACELOOP = Dialect(
    name="traceloop",
    operation_key="traceloop.span.kind",
    operations={
        "workflow": "invoke_workflow",
        "agent": "invoke_agent",
        "tool": "execute_tool",
        "task": "task",
    },
    columns={
        "stream": ("gen_ai.is_streaming",),
        "reasoning_tokens": ("gen_ai.usage.reasoning_tokens",),
        "finish_reasons": ("gen_ai.response.finish_reason", "gen_ai.response.stop_reason"),
        "session_id": (
            f"{_ASSOCIATION}session_id",
            f"{_ASSOCIATION}conversation_id",
            f"{_ASSOCIATION}chat_id",
            f"{_ASSOCIATION}thread_id",
        ),
        "user_id": (f"{_ASSOCIATION}user_id", f"{_ASSOCIATION}customer_id", "gen_ai.user"),
        "tenant": (f"{_ASSOCIATION}tenant_id", f"{_ASSOCIATION}tenant"),
    },
    parameters={
        "max_tokens": "gen_ai.request.max_completion_tokens",
        "repetition_penalty": "gen_ai.request.repetition_penalty",
        "reasoning_summary": "gen_ai.request.reasoning_summary",
    },
    metadata=(_ASSOCIATION,),
    details=frozenset((_OUTPUT, f"{_PROMPT}key", f"{_PROMPT}template")),
    corrects=frozenset(("metadata",)),
    first_chunk_events=("gen_ai.content.completion.chunk",),
    describe=describe,
)
