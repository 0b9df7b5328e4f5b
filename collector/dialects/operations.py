"""What a span did where no dialect knows its word for it, or it has none."""

import pyarrow as pa
import pyarrow.compute as pc

from collector.otlp.attributes import AttributeTable

_KEY = "gen_ai.operation.name"
_MODELS = ("gen_ai.request.model", "gen_ai.response.model")
_USAGE = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.completion_tokens",
)


def named_otherwise(attributes: AttributeTable, operation: pa.Array) -> pa.Array:
    """The words of `gen_ai.operation.name` that no dialect knows, where `operation` is null.

    The convention allows them. Such a span may be a call or hold several, so its tokens count like those of a wrapper:
    where no model call is below it.
    """
    words = attributes.strings(_KEY) if _KEY in attributes else pa.nulls(attributes.n_rows, pa.string())
    return pc.if_else(pc.is_null(operation), words, None)


def guessed(attributes: AttributeTable, kind: pa.Array) -> pa.Array:
    """`chat` for a span without any word that names a model, counts its tokens and reaches out for it; else null."""
    models = [attributes.has(key) for key in _MODELS if key in attributes]
    usage = [attributes.has(key) for key in _USAGE if key in attributes]
    if not models or not usage:
        return pa.nulls(attributes.n_rows, pa.string())
    is_call = sum(models[1:], models[0]) & sum(usage[1:], usage[0])
    if _KEY in attributes:
        is_call &= ~attributes.has(_KEY)
    return pc.if_else(pc.and_(pa.array(is_call), pc.equal(kind, "client")), "chat", pa.scalar(None, pa.string()))
