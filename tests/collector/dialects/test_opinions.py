"""What people and evaluators elsewhere say of calls, as events in logs, on spans, and as attributes of spans."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import OPINION_SCHEMA
from collector.dialects.opinions import opinions_of_logs, opinions_of_spans
from collector.otlp.table import read_export

from .conftest import START_NS, Event, pairs

Logs = Callable[..., pa.Table]
RESULT = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 4,
    "gen_ai.evaluation.score.label": "relevant",
    "gen_ai.evaluation.explanation": "Says what was asked.",
}
SPAN, TRACE = (b"s" * 8).hex(), (b"t" * 16).hex()


def of_span(attributes: dict[str, Any], *, events: tuple[Event, ...] = (), **fields: Any) -> list[dict[str, Any]]:
    export = ExportTraceServiceRequest()
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=START_NS, end_time_unix_nano=START_NS + 1)
    span.attributes.extend(pairs(attributes))
    span.events.extend(Span.Event(name=e.name, attributes=pairs(e.attributes), time_unix_nano=7) for e in events)
    span.MergeFrom(Span(**fields))
    export.resource_spans.add().scope_spans.add().spans.append(span)
    opinions = opinions_of_spans(read_export(export.SerializeToString()))
    assert opinions.schema == OPINION_SCHEMA
    rows: list[dict[str, Any]] = opinions.to_pylist()
    return rows


def inline(form: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {f"{form}s.{index}.{form.rpartition('.')[2]}.{name}": value for name, value in fields.items()}


def test_an_evaluation_event_speaks_of_its_span(logs_of: Logs) -> None:
    table = opinions_of_logs(logs_of(("gen_ai.evaluation.result", None, RESULT | {"gen_ai.response.id": "r-1"})))
    assert table.schema == OPINION_SCHEMA
    (opinion,) = table.to_pylist()
    assert (opinion["target_kind"], opinion["trace_id"], opinion["span_id"]) == ("call", TRACE, SPAN)
    assert (opinion["response_id"], opinion["time_ns"]) == ("r-1", START_NS)
    said = ("Relevance", 4.0, "relevant", "Says what was asked.", "model", None)
    assert tuple(opinion[name] for name in ("name", "value", "label", "explanation", "source", "author")) == said


def test_an_evaluation_that_failed_or_says_nothing_is_no_opinion(logs_of: Logs) -> None:
    failed = ("gen_ai.evaluation.result", None, RESULT | {"error.type": "timeout"})
    empty = ("gen_ai.evaluation.result", None, {"gen_ai.evaluation.name": "Relevance"})
    nameless = ("gen_ai.evaluation.result", None, {"gen_ai.evaluation.score.value": 1.0})
    other: tuple[Any, ...] = ("gen_ai.user.message", {"content": "gen_ai.evaluation"}, {})
    assert opinions_of_logs(logs_of(failed, empty, nameless, other)).num_rows == 0
    assert opinions_of_logs(logs_of(("gen_ai.evaluation.result", None, RESULT), span=b"")).num_rows == 0


def test_the_same_record_is_the_same_opinion_on_every_retry(logs_of: Logs) -> None:
    records = [("gen_ai.evaluation.result", None, RESULT), ("gen_ai.evaluation.result", None, RESULT)]
    first, again = (opinions_of_logs(logs_of(*records))["opinion_id"].to_pylist() for _ in range(2))
    assert first == again
    assert len(set(first)) == 2  # two records at two times are two opinions


def test_feedback_of_users_names_the_response(logs_of: Logs) -> None:
    record = (
        "gen_ai.evaluation.user_feedback",
        {"comment": "Wrong."},
        {"gen_ai.response.id": "r-1", "gen_ai.evaluation.score": -1.0},
    )
    (opinion,) = opinions_of_logs(logs_of(record, span=b"")).to_pylist()
    assert (opinion["name"], opinion["source"], opinion["value"]) == ("user_feedback", "user", -1.0)
    assert (opinion["response_id"], opinion["span_id"], opinion["explanation"]) == ("r-1", None, "Wrong.")


def test_older_events_carry_the_method_in_their_name(logs_of: Logs) -> None:
    record = ("gen_ai.evaluation.groundedness", None, {"gen_ai.evaluation.score": 0.5})
    (opinion,) = opinions_of_logs(logs_of(record)).to_pylist()
    assert (opinion["name"], opinion["value"], opinion["source"]) == ("groundedness", 0.5, "model")


@pytest.mark.parametrize(
    ("kind", "source"),
    [("HUMAN", "human"), ("LLM", "judge"), ("CODE", "model"), ("llm_judge", "judge"), ("x", "model")],
)
def test_who_judges(logs_of: Logs, kind: str, source: str) -> None:
    attributes = RESULT | {"gen_ai.evaluation.evaluator.type": kind, "gen_ai.evaluation.evaluator.id": "judge-v2"}
    (opinion,) = opinions_of_logs(logs_of(("gen_ai.evaluation.result", None, attributes))).to_pylist()
    assert (opinion["source"], opinion["author"]) == (source, "judge-v2")


@pytest.mark.parametrize("form", ["annotation", "evaluation"])
def test_openinference_says_it_on_the_span_itself(form: str) -> None:
    said = inline(
        form, name="hallucination", score=1, label="hallucinated", annotator_kind="LLM", identifier="judge-v2"
    )
    (opinion,) = of_span({"openinference.span.kind": "LLM"} | said)
    assert (opinion["span_id"], opinion["target_kind"], opinion["value"]) == (SPAN, "call", 1.0)
    assert (opinion["source"], opinion["author"], opinion["label"]) == ("judge", "judge-v2", "hallucinated")


def test_both_forms_of_one_result_are_one_opinion() -> None:
    both = inline("annotation", name="a", score=1) | inline("evaluation", name="a", score=1)
    assert len(of_span(both)) == 1
    assert len(of_span(both | inline("annotation", 1, name="a", score=0))) == 2


def test_trace_and_session_have_opinions_of_their_own() -> None:
    said = inline("trace.annotation", name="goal", label="reached") | inline(
        "session.evaluation", name="mood", score=0.5
    )
    opinions = of_span(said | {"session.id": "s-1"})
    assert {(o["target_kind"], o["trace_id"], o["session_id"], o["name"]) for o in opinions} == {
        ("trace", TRACE, "s-1", "goal"),
        ("session", TRACE, "s-1", "mood"),
    }
    assert of_span(inline("session.annotation", name="mood", score=0.5)) == []  # of which session?


def test_what_is_said_of_the_root_of_a_trace_is_said_of_the_trace() -> None:
    said = {"openinference.span.kind": "CHAIN"} | inline("annotation", name="goal", score=1)
    assert of_span(said)[0]["target_kind"] == "trace"
    assert of_span(said, parent_span_id=b"p" * 8)[0]["target_kind"] == "call"


def test_a_later_span_speaks_of_the_one_it_links_to() -> None:
    said = {"openinference.span.kind": "EVALUATOR"} | inline(
        "annotation", name="tone", score=0.25, annotator_kind="HUMAN"
    )
    link = Span.Link(trace_id=b"u" * 16, span_id=b"v" * 8)
    (opinion,) = of_span(said, links=[link])
    assert (opinion["trace_id"], opinion["span_id"]) == ((b"u" * 16).hex(), (b"v" * 8).hex())
    assert (opinion["target_kind"], opinion["source"]) == ("call", "human")
    (two,) = of_span(said, links=[link, link])
    assert two["span_id"] == SPAN  # of two links none is the target


def test_an_event_on_a_span_is_read_like_one_in_a_log() -> None:
    (opinion,) = of_span({}, events=(Event("gen_ai.evaluation.result", RESULT),))
    assert (opinion["name"], opinion["value"], opinion["span_id"], opinion["time_ns"]) == ("Relevance", 4.0, SPAN, 7)


def test_logfires_feedback_speaks_of_its_parent() -> None:
    feedback = {"feedback.name": "helpful", "feedback.assertion": False, "feedback.comment": "No."}
    (opinion,) = of_span(feedback, parent_span_id=b"p" * 8)
    assert (opinion["span_id"], opinion["value"], opinion["source"]) == ((b"p" * 8).hex(), 0.0, "user")
    assert of_span(feedback) == []


def test_other_spans_bring_none() -> None:
    assert of_span({"annotations": "x", "evaluations.x.evaluation.name": "y", "gen_ai.operation.name": "chat"}) == []
