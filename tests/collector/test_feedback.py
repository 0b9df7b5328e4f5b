"""Opinions that came as telemetry become scores of the calls they speak of."""

from collections.abc import Callable
from typing import Any

import pytest

from collector.call import Call
from collector.feedback import scores_of
from collector.scorelog import OWN_EVALUATORS, score_document

Make = Callable[..., Call]


def an_opinion(**given: Any) -> dict[str, Any]:
    opinion = dict.fromkeys(("trace_id", "span_id", "response_id", "session_id", "label", "explanation", "author"))
    return (
        opinion
        | {
            "target_kind": "call",
            "project": "default",
            "time_ns": 9,
            "name": "Relevance",
            "value": 4.0,
            "source": "model",
        }
        | given
    )


def test_an_opinion_becomes_a_score_of_the_call_of_its_span(a_call: Make) -> None:
    call, other = a_call(), a_call()
    (score,) = scores_of([an_opinion(trace_id=call.trace_id, span_id=call.span_id, author="judge-v2")], [other, call])
    assert (score.target_kind, score.target_id, score.target_start_ns) == ("call", call.call_id, call.start_ns)
    assert (score.value, score.source, score.author, score.created_ns) == (4.0, "model", "judge-v2", 9)
    assert (score.service, score.request_model, score.trace_id) == (call.service, call.request_model, call.trace_id)


def test_a_span_that_is_no_call_gives_way_to_the_response_id(a_call: Make) -> None:
    call = a_call(response_id="r-1")
    (score,) = scores_of([an_opinion(trace_id="0" * 32, span_id="0" * 16, response_id="r-1")], [call])
    assert score.target_id == call.call_id


def test_traces_and_sessions_begin_with_their_first_call(a_call: Make) -> None:
    first, second = (a_call(trace_id="ab" * 16, session_id="s-1") for _ in range(2))
    of_trace, of_session = scores_of(
        [
            an_opinion(target_kind="trace", trace_id="ab" * 16),
            an_opinion(target_kind="session", session_id="s-1", trace_id="cd" * 16),
        ],
        [second, first],
    )
    assert (of_trace.target_id, of_trace.target_start_ns) == ("ab" * 16, first.start_ns)
    assert (of_session.target_id, of_session.target_start_ns) == ("s-1", first.start_ns)


def test_an_opinion_without_its_call_waits_and_never_crosses_projects(a_call: Make) -> None:
    call = a_call(response_id=None)
    opinion = an_opinion(trace_id=call.trace_id, span_id=call.span_id)
    assert scores_of([opinion], []) == []
    assert scores_of([opinion | {"project": "other"}], [call]) == []
    assert scores_of([an_opinion(response_id="r-9")], [call]) == []


@pytest.mark.parametrize("name", [*OWN_EVALUATORS, "judge:tone"])
def test_an_evaluator_elsewhere_never_takes_the_name_of_one_of_ours(a_call: Make, name: str) -> None:
    call = a_call()
    (score,) = scores_of([an_opinion(name=name, trace_id=call.trace_id, span_id=call.span_id)], [call])
    # The check of what anybody posts: it refuses our own names.
    score_document({"target_id": call.call_id, "evaluator": score.evaluator, "source": "user", "value": 1.0})
