"""Queries to vector stores, as the instrumentations of OpenLLMetry and OpenLIT write them: retrievals.

One event a result. Source: opentelemetry-instrumentation-{chromadb,pinecone,milvus,qdrant} 0.62.4.
"""

from collections.abc import Mapping
from typing import Any

from collector.dialects.base import Dialect, Facts, SpanView
from collector.dialects.openai_shapes import json_or_text, mapping
from collector.dialects.payloads import known
from collector.dialects.python_literals import literal_or_text

_RESULTS = {"db.query.result": "db.query.result.", "db.search.result": "db.search.result."}
"""Events of which each is one result, with the prefix of their attributes."""
_FIELDS = {"document": "content", "entity": "metadata"}
_UNUSED = ("vector", "query_id")
_TEXTS = ("text", "content", "page_content", "document")


def describe(span: SpanView) -> Facts:
    """The documents found."""
    results = [_result(event["attributes"], prefix) for event in span.events if (prefix := _RESULTS.get(event["name"]))]
    return known({"documents": [result for result in results if result]})


def _result(attributes: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """One result; Milvus writes those of plain queries with the names of its own columns."""
    own = {key.removeprefix(prefix): value for key, value in attributes.items() if key.startswith(prefix)}
    told = {_FIELDS.get(name, name): value for name, value in (own or attributes).items() if name not in _UNUSED}
    metadata = mapping(json_or_text(told.get("metadata"))) or mapping(literal_or_text(told.get("metadata")))
    if metadata:
        text = next((metadata[key] for key in _TEXTS if isinstance(metadata.get(key), str)), None)
        told = {"content": text, **told, "metadata": dict(metadata)}
    return {name: value for name, value in told.items() if value not in (None, "", "None")}


VECTOR_STORES = Dialect(
    name="vector stores",
    operation="retrieval",
    details=frozenset(
        (
            "db.vector.query.",
            "db.chroma.query.n_results",
            "db.chroma.query.texts_count",
            "db.chroma.query.embeddings_count",
            "db.milvus.query.collection_name",
            "db.milvus.search.collection_name",
            "pinecone.query.",
            "qdrant.search.collection_name",
        )
    ),
    events=frozenset(_RESULTS),
    describe=describe,
)
