"""Opinions that came as telemetry -> Scores, once the call they speak of is known. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from collector.call import Call
from collector.score import Score, target_facts

PREFIX = "otel:"
"""Before the name of every evaluator elsewhere: charts, alerts and the review queue read our own by name."""

Opinion = Mapping[str, Any]
"""A row of OPINION_SCHEMA."""


def scores_of(opinions: Iterable[Opinion], calls: Iterable[Call]) -> list[Score]:
    """Scores of the opinions whose target is among `calls`, or begins with one of them; the others must wait.

    An opinion about a call names its span, or, where it has none or one that is no call, the provider's response id.
    """
    in_order = sorted(calls, key=lambda call: call.start_ns, reverse=True)  # so that of several the first one stays
    by_place: dict[tuple[Any, ...], Call] = {}
    for call in in_order:
        by_place[call.project, "session", call.session_id] = call
        by_place[call.project, "trace", call.trace_id] = call
        by_place[call.project, "response", call.response_id] = call
        by_place[call.project, "span", call.trace_id, call.span_id] = call
    scores = []
    for opinion in opinions:
        found = next((by_place[place] for place in _places(opinion) if place in by_place), None)
        if found is not None:
            scores.append(score_of(opinion, found))
    return scores


def score_of(opinion: Opinion, call: Call) -> Score:
    """`call` is the target, or the one that it begins with. The value stays as it was sent, on whatever scale."""
    targets = {"call": call.call_id, "trace": call.trace_id, "session": opinion["session_id"]}
    return Score(
        target_kind=opinion["target_kind"],
        target_id=targets[opinion["target_kind"]],
        evaluator=PREFIX + opinion["name"],
        version="1",
        source=opinion["source"],
        value=opinion["value"],
        label=opinion["label"],
        explanation=opinion["explanation"],
        created_ns=opinion["time_ns"],
        author=opinion["author"],
        **target_facts(call),
    )


def _places(opinion: Opinion) -> Iterable[tuple[Any, ...]]:
    """Where the target of `opinion` is looked for, best first."""
    project = opinion["project"]
    match opinion["target_kind"]:
        case "session":
            yield project, "session", opinion["session_id"]
        case "trace":
            yield project, "trace", opinion["trace_id"]
        case _:
            yield project, "span", opinion["trace_id"], opinion["span_id"]
            if opinion["response_id"] is not None:
                yield project, "response", opinion["response_id"]
