"""OpenLIT: OTel GenAI with defaults that nobody asked for, and counts of its own where a stream has none.

Source: exports and code of openlit 1.45.0 (`instrumentation/openai/utils.py`, `instrumentation/anthropic/utils.py`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.openai_shapes import content_parts, items, json_or_text, mapping
from collector.otlp.attributes import AttributeTable

_OPENAI = "openai.api.type"
_CACHE = "gen_ai.usage.cache_read.input_tokens"
_STREAM = "gen_ai.request.stream"
_SYSTEM = "gen_ai.system_instructions"
_READS = ("QUERY", "SEARCH", "FETCH", "GET", "PEEK", "SELECT")


def describe(span: SpanView) -> Facts:
    """System instructions that are no second copy of the system message, and their blocks as parts of it."""
    text = span.attributes.get("gen_ai.input.messages")
    if not isinstance(text, str) or '"role": "system"' not in text:
        return {}
    facts: Facts = {"system_instructions": None}
    if '"content": [' in text:
        facts["input_messages"] = [_plain(mapping(message)) for message in items(json_or_text(text))]
    return facts


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in which no text is a list of texts."""
    parts = [mapping(part) for part in items(message.get("parts"))]
    plain = [content_parts(part["content"]) if isinstance(part.get("content"), list) else [part] for part in parts]
    return {**message, "parts": [part for some in plain for part in some]}


def estimates(attributes: AttributeTable) -> npt.NDArray[np.bool_]:
    """Streams of OpenAI's client without the count of cached tokens, which comes with any usage the provider sends."""
    if _OPENAI not in attributes or _STREAM not in attributes:
        return np.zeros(attributes.n_rows, dtype=bool)
    is_stream = pc.fill_null(attributes.bools(_STREAM), False).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.bool_] = is_stream & attributes.has(_OPENAI) & ~attributes.has(_CACHE)
    return found


OPENLIT = Dialect(
    name="openlit",
    scope="openlit.",
    operation_key="db.operation.name",
    operations=dict.fromkeys(_READS, "retrieval"),
    columns={
        "user_id": ("gen_ai.request.user",),
        "cost_usd": ("gen_ai.usage.cost",),
    },
    details=frozenset((_SYSTEM,)),
    corrects=frozenset(("system_instructions", "input_messages")),
    invented={
        "gen_ai.request.seed": (0,),
        "gen_ai.request.temperature": (1.0,),
        "gen_ai.request.top_p": (1.0,),
        "gen_ai.request.top_k": (1.0,),
        "gen_ai.request.max_tokens": (-1,),
        "gen_ai.request.frequency_penalty": (0.0,),
        "gen_ai.request.presence_penalty": (0.0,),
        "gen_ai.usage.cost": (0.0,),
    },
    estimates=estimates,
    cache_apart=("openlit.instrumentation.anthropic", "openlit.instrumentation.bedrock"),
    describe=describe,
)
