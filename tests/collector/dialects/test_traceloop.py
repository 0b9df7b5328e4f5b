"""What OpenLLMetry adds to OTel GenAI: associations, workflows, prompts, what retrievers found."""

import json
from collections.abc import Callable
from typing import Any

from collector.dialects.base import SpanView
from collector.dialects.traceloop import describe

Parts = Callable[..., list[dict[str, Any]]]
ASSOCIATION = "traceloop.association.properties."
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}


def test_associations_are_user_session_tenant_and_metadata(parts_of_span: Parts) -> None:
    associated = {"user_id": "u", "session_id": "s", "tenant_id": "t", "scenario": "plain", "attempt": 2, "empty": ""}
    (call,) = parts_of_span(CHAT | {f"{ASSOCIATION}{name}": value for name, value in associated.items()})
    assert (call["user_id"], call["session_id"], call["tenant"]) == ("u", "s", "t")
    assert call["metadata"] == {"scenario": "plain", "attempt": 2}


def test_streams_reasoning_and_the_user_of_the_request(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(
        CHAT | {"gen_ai.is_streaming": True, "gen_ai.usage.reasoning_tokens": 8, "gen_ai.user": "u"}
    )
    assert (call["stream"], call["reasoning_tokens"], call["user_id"]) == (True, 8, "u")


def test_workflows_agents_and_tasks_are_no_calls(parts_of_span: Parts) -> None:
    for kind in ("workflow", "task", "agent", "tool"):
        assert parts_of_span({"traceloop.span.kind": kind, "traceloop.entity.name": "step"}) == []


def test_a_model_call_within_a_task_is_a_call_by_its_own_words(parts_of_span: Parts) -> None:
    (call,) = parts_of_span(CHAT | {"traceloop.span.kind": "task"})
    assert call["operation"] == "chat"


def test_a_prompt_from_the_registry_is_metadata_beside_the_associations(parts_of_span: Parts) -> None:
    prompt = {
        "traceloop.prompt.key": "greeting",
        "traceloop.prompt.version": 3,
        "traceloop.prompt.template_variables": json.dumps({"name": "Ada"}),
    }
    (call,) = parts_of_span(CHAT | prompt | {f"{ASSOCIATION}scenario": "plain"})
    assert call["metadata"] == {
        "scenario": "plain",
        "prompt": {"name": "greeting", "version": 3, "variables": {"name": "Ada"}},
    }


def test_what_a_retriever_found_are_documents() -> None:
    found = {"documents": [{"page_content": "Refunds take 14 days.", "metadata": {"doc_id": "d1"}}], "count": 1}
    attributes = {"gen_ai.operation.name": "vector_db_retrieve", "traceloop.entity.output": json.dumps(found)}
    facts = describe(SpanView(name="r", scope="", start_ns=1, end_ns=2, status="ok", attributes=attributes))
    assert facts["documents"] == [{"metadata": {"doc_id": "d1"}, "content": "Refunds take 14 days."}]


def test_the_recorded_calls_of_the_sdk(captured: Callable[[str], Any]) -> None:
    capture = captured("traceloop-sdk")
    parts = {part["response_id"]: part for part in capture.parts() if part["response_id"]}
    for response_id, truth in capture.with_response_id.items():
        part, context = parts[response_id], truth["context"]
        assert part["operation"] == "chat"
        assert (part["user_id"], part["session_id"]) == (context.get("user_id"), context.get("session_id"))
    stream = next(call for call in capture.calls if call["scenario"] == "stream_usage")
    waited_s = parts[stream["response_id"]]["ttft_s"]  # told by the event of the first chunk
    assert stream["ttft_ms"] / 1e3 <= waited_s < stream["ttft_ms"] / 1e3 + 0.1
    spans = [span for batch in capture.batches() for span in batch.spans.to_pylist()]
    (retrieval,) = (span for span in spans if span["operation"] == "retrieval")
    assert [document["metadata"]["doc_id"] for document in json.loads(retrieval["documents"])] == [
        "doc-refund",
        "doc-bread",
    ]
