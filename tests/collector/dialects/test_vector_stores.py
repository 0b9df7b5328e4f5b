"""Queries to vector stores are retrievals, and each of their events is a document."""

import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.normalise import normalise
from collector.otlp.table import read_export
from tests.collector.dialects.conftest import START_NS, Event, pairs


def the_span(attributes: dict[str, Any], *events: Event) -> dict[str, Any]:
    export = ExportTraceServiceRequest()
    export.resource_spans.add().scope_spans.add().spans.append(
        Span(
            trace_id=b"t" * 16,
            span_id=b"s" * 8,
            start_time_unix_nano=START_NS,
            end_time_unix_nano=START_NS + 10**9,
            attributes=pairs(attributes),
            events=[Span.Event(name=event.name, attributes=pairs(event.attributes)) for event in events],
        )
    )
    batch = normalise(read_export(export.SerializeToString()))
    assert batch.parts.num_rows == 0
    (span,) = batch.spans.to_pylist()
    return dict(span) | {"documents": span["documents"] and json.loads(span["documents"])}


def test_results_of_chroma_are_documents() -> None:
    results = [
        Event(
            "db.query.result",
            {
                "db.query.result.id": f"d{n}",
                "db.query.result.distance": 0.5,
                "db.query.result.document": f"Text {n}",
                "db.query.result.metadata": '{"source": "policy.md"}',
            },
        )
        for n in (1, 2)
    ]
    span = the_span({"db.system": "chroma", "db.operation": "query", "db.chroma.query.n_results": 2}, *results)
    assert span["operation"] == "retrieval"
    assert span["documents"] == [
        {"id": f"d{n}", "distance": 0.5, "content": f"Text {n}", "metadata": {"source": "policy.md"}} for n in (1, 2)
    ]


def test_the_text_of_a_result_may_stand_in_its_metadata() -> None:
    result = {
        "db.query.result.id": "d1",
        "db.query.result.score": 0.9,
        "db.query.result.metadata": str({"text": "It's here", "page": 3}),
    }
    span = the_span({"db.system": "Pinecone", "pinecone.query.top_k": 1}, Event("db.query.result", result))
    assert span["documents"] == [
        {"content": "It's here", "id": "d1", "score": 0.9, "metadata": {"text": "It's here", "page": 3}}
    ]


def test_writing_to_a_store_is_no_retrieval() -> None:
    assert the_span({"db.system": "chroma", "db.operation": "add", "db.chroma.add.ids_count": 2})["operation"] is None
