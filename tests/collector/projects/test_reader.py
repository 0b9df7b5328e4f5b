"""What one project sees of a store that others write to as well: every method of a reader."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.call import Call
from collector.errors import Forbidden
from collector.projects.reader import ProjectReader, reader_of
from collector.query import Aggregation, Filters
from collector.rows import batch_of
from collector.score import Score, target_facts
from collector.span import Span
from collector.store import open_store
from collector.store.base import TelemetryReader, TelemetryStore, TextVector
from collector.times import parse_rfc3339
from collector.verdict import Verdict
from tests.collector.records import batch_of_logs, batch_of_points

START_NS = parse_rfc3339("2026-11-21T12:00:00Z")
EVER = Filters(since_ns=0, until_ns=2**62)
TRACE = "ab" * 16
"""One trace that runs through both projects."""


def a_span(project: str, span_id: str, start_ns: int, *, operation: str) -> Span:
    return Span(
        trace_id=TRACE, span_id=span_id, parent_span_id=None, name=f"of {project}", kind="client", operation=operation,
        start_ns=start_ns, end_ns=start_ns + 1000, status="unset", status_message=None, project=project,
        service=project, environment=project, scope=None,
    )  # fmt: skip


def a_call(project: str, span_id: str, start_ns: int) -> Call:
    return Call(
        call_id=TRACE[16:] + span_id, trace_id=TRACE, span_id=span_id, start_ns=start_ns, project=project,
        service=project, environment=project, provider=project, request_model=f"model of {project}",
        operation="chat", session_id="s", user_id="u", error_type=f"error of {project}",
    )  # fmt: skip


def a_score(call: Call, kind: Any = "call", target_id: str | None = None) -> Score:
    return Score(
        target_kind=kind, target_id=target_id or call.call_id, evaluator="user:stars", version="1", source="user",
        value=0.5, created_ns=START_NS, **target_facts(call),
    )  # fmt: skip


def a_verdict(project: str) -> Verdict:
    return Verdict(
        verdict_id=f"v-{project}", monitor="m", project=project, service=project, request_model=None,
        outcome="no_change", decided_ns=START_NS, reference_start_ns=1, reference_end_ns=2, current_start_ns=3,
        current_end_ns=4, n_reference=1, n_current=1, statistic=0.0, p_value=1.0, alpha=0.01, guarantee="",
        explanation="",
    )  # fmt: skip


PROJECTS = ("mine", "theirs")
CALLS = {p: [a_call(p, f"{i:015x}{j}", START_NS + i * 10**6) for i in range(1, 4)] for j, p in enumerate(PROJECTS)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelemetryStore]:
    store = open_store(tmp_path_factory.mktemp("store"))
    for place, project in enumerate(PROJECTS):
        calls = CALLS[project]
        found = a_span(project, f"{place:015x}f", START_NS - 10**6, operation="retrieval")
        spans = [found] + [a_span(project, c.span_id, c.start_ns, operation="chat") for c in calls]
        store.write([batch_of(calls, spans, documents={found.span_id: [{"content": f"secret of {project}"}]})])
        store.write_scores([a_score(calls[0]), a_score(calls[0], "session", "s"), a_score(calls[0], "trace", TRACE)])
        store.write_vectors(
            [
                TextVector(call_id=c.call_id, call_start_ns=c.start_ns, kind="k", version="1", values=[1.0])
                for c in calls
            ]
        )
        store.write_verdicts([a_verdict(project)])
        row = {"time_ns": START_NS, "project": project}
        store.write([batch_of_logs([row | {"log_id": project}]), batch_of_points([row | {"point_id": project}])])
    yield store
    store.close()


@pytest.fixture(scope="module")
def mine(store: TelemetryStore) -> ProjectReader:
    return ProjectReader(store, "mine")


ALL_IDS = [call.call_id for calls in CALLS.values() for call in calls]
Ask = Callable[[TelemetryReader], Any]
QUESTIONS: dict[str, Ask] = {
    "calls": lambda r: r.calls(EVER).items,
    "call": lambda r: [r.call(call_id) for call_id in ALL_IDS],
    "trace": lambda r: r.trace(TRACE),
    "spans": lambda r: r.spans(EVER).items,
    "logs": lambda r: r.logs(EVER).items,
    "points": lambda r: r.points(EVER).items,
    "scan": lambda r: r.scan(after_seq=0, limit=100),
    "aggregate": lambda r: r.aggregate(
        Aggregation(filters=EVER, metrics=("requests", "score:user:stars:n"), by=("project", "service"))
    ),
    "values": lambda r: [
        r.values(d, EVER) for d in ("project", "environment", "service", "provider", "request_model", "error_type")
    ],
    "scores": lambda r: [r.scores(EVER).items, *(r.scores(EVER, target_id=i).items for i in (TRACE, "s", *ALL_IDS))],
    "calls_of": lambda r: r.calls_of(ALL_IDS),
    "score_values": lambda r: r.score_values(ALL_IDS, evaluator="user:stars"),
    "vectors": lambda r: r.vectors(ALL_IDS, kind="k", version="1"),
    "verdicts": lambda r: r.verdicts(EVER).items,
}
TELLS_NOTHING = {"last_seq"}


def test_every_method_of_a_reader_is_asked_below() -> None:
    methods = {name for name, _ in inspect.getmembers(TelemetryReader, inspect.isfunction) if not name.startswith("_")}
    assert methods == QUESTIONS.keys() | TELLS_NOTHING


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_of_others_is_in_any_answer(store: TelemetryStore, mine: ProjectReader, name: str) -> None:
    everything, seen = repr(QUESTIONS[name](store)), repr(QUESTIONS[name](mine))
    marks = ("theirs", *(call.call_id for call in CALLS["theirs"]))
    assert any(mark in everything for mark in marks), "the whole store holds what is to be kept out"
    assert not any(mark in seen for mark in marks)
    assert any(mark in seen for mark in ("mine", *(call.call_id for call in CALLS["mine"])))


def test_all_of_its_own_is_there(mine: ProjectReader) -> None:
    own = {call.call_id for call in CALLS["mine"]}
    assert {call.call_id for call in mine.calls(EVER).items} == own
    assert {call.call_id for call in mine.scan(after_seq=0, limit=100)} == own
    assert mine.vectors(ALL_IDS, kind="k", version="1").keys() == own
    assert len(mine.scores(EVER).items) == 3
    trace = mine.trace(TRACE)
    assert trace is not None
    assert (len(trace.spans), len(trace.calls), len(trace.scores)) == (4, 3, 3)


def test_scores_of_a_session_that_two_projects_have_both_stay(store: TelemetryStore) -> None:
    assert {score.project for score in store.scores(EVER, target_id="s").items} == set(PROJECTS)


def test_contexts_come_from_the_own_project_alone(store: TelemetryStore) -> None:
    for project in PROJECTS:
        call = store.call(CALLS[project][0].call_id)
        assert call is not None
        assert [context["content"] for context in call.contexts or ()] == [f"secret of {project}"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_scan_goes_over_what_is_not_its_own(store: TelemetryStore, limit: int) -> None:
    theirs, seq, seen = ProjectReader(store, "theirs"), 0, []
    while found := theirs.scan(after_seq=seq, limit=limit):
        assert len(found) <= limit
        seq = max(call.seq or 0 for call in found)
        seen += [call.call_id for call in found]
    assert seen == [call.call_id for call in CALLS["theirs"]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda r, f: r.calls(f),
        lambda r, f: r.aggregate(Aggregation(filters=f, metrics=("requests",))),
        lambda r, f: r.values("service", f),
        lambda r, f: r.scores(f),
        lambda r, f: r.verdicts(f),
        lambda r, f: r.spans(f),
        lambda r, f: r.call(ALL_IDS[0], project=f.project),
    ],
)
def test_to_name_another_project_is_refused(mine: ProjectReader, ask: Callable[..., Any]) -> None:
    ask(mine, replace(EVER, project="mine"))
    with pytest.raises(Forbidden, match="for 'mine', not for 'theirs'"):
        ask(mine, replace(EVER, project="theirs"))


def test_a_trace_of_others_alone_is_not_there(store: TelemetryStore) -> None:
    assert ProjectReader(store, "third").trace(TRACE) is None
    assert reader_of(store, None) is store


def test_one_id_in_two_projects_is_two_calls(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    try:
        for place, project in enumerate(PROJECTS):
            store.write([batch_of([replace(a_call(project, f"{place:016x}", START_NS), call_id="1")],
                                  [a_span(project, f"{place:016x}", START_NS, operation="chat")])])  # fmt: skip
        for project in PROJECTS:
            found = ProjectReader(store, project).call("1")
            assert found is not None
            assert found.project == project
    finally:
        store.close()
