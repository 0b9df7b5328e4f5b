"""Parts of a call become one call: in whatever order and in whatever company they come."""

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from collector.batch import LOG_SCHEMA, PART_SCHEMA, SPAN_SCHEMA, Batch
from collector.call import Call
from collector.joining.relations import Relations
from collector.query import Filters
from collector.store import open_store
from collector.times import parse_rfc3339

EVERYTHING = Filters(since_ns=0, until_ns=2**62)
NOON = parse_rfc3339("2026-11-21T12:00:00Z")
S = 10**9
ASKED = '[{"role":"user","parts":[{"type":"text","content":"Why?"}]}]'
TOLD = '[{"role":"assistant","parts":[{"type":"text","content":"So."}]}]'

SpanKey = tuple[str, str | None]
"""A span and the one above it, by letters."""


def ids(name: str, trace: str = "t") -> tuple[str, str]:
    return trace.encode().hex().zfill(32), name.encode().hex().zfill(16)


def a_span(name: str, parent: str | None = None, *, trace: str = "t", **call: Any) -> Batch:
    """A span, and the part it is if `call` says something of a model call."""
    trace_id, span_id = ids(name, trace)
    start_ns = NOON + round(call.pop("at_s", 0.0) * S)
    end_ns = start_ns + round(call.pop("took_s", 1.0) * S)
    both = {
        "trace_id": trace_id, "span_id": span_id, "parent_span_id": ids(parent, trace)[1] if parent else None,
        "start_ns": start_ns, "end_ns": end_ns, "project": call.pop("project", "default"), "service": "shop",
        "scope": call.pop("scope", "scope-a"),
    }  # fmt: skip
    spans = pa.Table.from_pylist([dict.fromkeys(SPAN_SCHEMA.names) | both], schema=SPAN_SCHEMA)
    if not call:
        return Batch(spans=spans)
    key = trace_id[16:] + span_id
    part = {
        "call_id": key,
        "part_id": key,
        "part_kind": "span",
        "operation": "chat",
        "latency_s": (end_ns - start_ns) / S,
    }
    rows = [dict.fromkeys(PART_SCHEMA.names) | both | part | call]
    return Batch(spans=spans, parts=pa.Table.from_pylist(rows, schema=PART_SCHEMA))


def an_event(name: str, log_id: str, *, kind: str = "message", at_s: float = 0.0, **call: Any) -> Batch:
    """A log record about the call of a span."""
    trace_id, span_id = ids(name)
    time_ns = NOON + round(at_s * S)
    log = {"log_id": log_id, "time_ns": time_ns, "trace_id": trace_id, "span_id": span_id, "project": "default"}
    part = {
        "call_id": trace_id[16:] + span_id, "part_id": log_id, "part_kind": kind, "trace_id": trace_id,
        "span_id": span_id, "start_ns": time_ns, "end_ns": time_ns, "project": "default", "scope": "scope-a",
    }  # fmt: skip
    logs = pa.Table.from_pylist([dict.fromkeys(LOG_SCHEMA.names) | log], schema=LOG_SCHEMA)
    rows = [dict.fromkeys(PART_SCHEMA.names) | part | call]
    return Batch(logs=logs, parts=pa.Table.from_pylist(rows, schema=PART_SCHEMA))


def orders(batches: Sequence[Batch]) -> Iterable[Sequence[Batch]]:
    """All orders of a few, some of many."""
    if len(batches) <= 4:
        return itertools.permutations(batches)
    rng = random.Random(3)
    return [rng.sample(batches, len(batches)) for _ in range(12)]


@pytest.fixture
def calls_of(tmp_path: Path) -> Callable[[Sequence[Batch]], list[Call]]:
    """What is stored of batches, the same in every order, sent twice, in one write or in many, and over a restart."""

    def stored(writes: Sequence[Sequence[Batch]], folder: Path, *, reopen: bool = False) -> list[Call]:
        store = open_store(folder)
        for batches in writes:
            store.write(batches)
            if reopen:
                store.close()
                store = open_store(folder)
        with closing(store):
            return sorted(store.calls(EVERYTHING).items, key=lambda call: (call.project, call.start_ns, call.call_id))

    def calls(batches: Sequence[Batch]) -> list[Call]:
        expected = stored([batches], tmp_path / "together")
        for n, order in enumerate(orders(batches)):
            writes = [[batch] for batch in (*order, *order)]
            assert stored(writes, tmp_path / f"order-{n}") == expected
        assert stored([[batch] for batch in batches], tmp_path / "restarts", reopen=True) == expected
        return expected

    return calls


def test_a_span_and_the_messages_in_its_log_records_are_one_call(calls_of: Any) -> None:
    (call,) = calls_of(
        [
            a_span("a", request_model="gpt-4o", input_tokens=5, output_tokens=2),
            an_event("a", "l1", at_s=0.1, input_messages=ASKED),
            an_event("a", "l2", at_s=0.9, output_messages=TOLD, finish_reasons=["stop"]),
        ]
    )
    assert (call.prompt_text, call.output_text, call.finish_reasons) == ("Why?", "So.", ["stop"])
    assert (call.request_model, call.input_tokens, call.latency_s) == ("gpt-4o", 5, 1.0)


def test_messages_stand_in_the_order_of_their_time_and_answers_in_that_of_their_index(calls_of: Any) -> None:
    def one(role: str, text: str, **more: Any) -> str:
        import json

        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}], **more}])

    (call,) = calls_of(
        [
            an_event("a", "z", at_s=0.1, input_messages=one("system", "Be brief.")),
            an_event("a", "y", at_s=0.2, input_messages=one("user", "Why?")),
            an_event("a", "x", at_s=0.9, output_messages=one("assistant", "second", index=1)),
            an_event("a", "w", at_s=0.95, output_messages=one("assistant", "first", index=0)),
            a_span("a", input_tokens=1),
        ]
    )
    assert [message["role"] for message in call.input_messages] == ["system", "user"]
    assert call.output_text == "first\nsecond"
    assert "index" not in call.output_messages[0]


def test_nested_spans_of_one_call_count_once_with_the_time_of_the_innermost(calls_of: Any) -> None:
    usage = {"input_tokens": 10, "output_tokens": 4}
    (call,) = calls_of(
        [
            a_span("root"),
            a_span("outer", "root", took_s=1.2, **usage, session_id="s1", request_model="openai/gpt-4o", scope="x"),
            a_span("between", "outer"),
            a_span("inner", "between", at_s=0.1, **usage, response_id="r1", request_model="gpt-4o"),
        ]
    )
    assert (call.span_id, call.latency_s, call.session_id, call.response_id) == (ids("inner")[1], 1.0, "s1", "r1")
    assert call.request_model == "gpt-4o"


def test_a_span_over_several_calls_is_none(calls_of: Any) -> None:
    calls = calls_of(
        [
            a_span("outer", input_tokens=30, output_tokens=8),
            a_span("one", "outer", input_tokens=10, output_tokens=4),
            a_span("two", "outer", at_s=1.0, input_tokens=20, output_tokens=4),
        ]
    )
    assert [call.input_tokens for call in calls] == [10, 20]


def test_a_chain_of_wrappers_leaves_the_calls_at_the_bottom(calls_of: Any) -> None:
    calls = calls_of(
        [
            a_span("a", input_tokens=30),
            a_span("b", "a", input_tokens=30),
            a_span("c", "b", input_tokens=10),
            a_span("d", "b", input_tokens=20, at_s=1.0),
        ]
    )
    assert [call.input_tokens for call in calls] == [10, 20]


def test_an_embedding_below_a_chat_is_a_call_of_its_own(calls_of: Any) -> None:
    calls = calls_of([a_span("a", input_tokens=30), a_span("b", "a", at_s=0.1, input_tokens=5, operation="embeddings")])
    assert [call.operation for call in calls] == ["chat", "embeddings"]


@pytest.mark.parametrize("has_child", [True, False])
def test_an_agent_stands_in_only_for_calls_that_nobody_reported(calls_of: Any, has_child: bool) -> None:
    agent = {"part_kind": "wrapper", "operation": "invoke_agent", "input_tokens": 30, "request_model": "gpt-4o"}
    batches = [a_span("agent", **agent), a_span("step", "agent")]
    calls = calls_of([*batches, a_span("call", "step", input_tokens=10)] if has_child else batches)
    assert [(call.operation, call.input_tokens) for call in calls] == (
        [("chat", 10)] if has_child else [("invoke_agent", 30)]
    )


def test_two_instrumentations_in_unlinked_traces_are_joined_by_the_response_id(calls_of: Any) -> None:
    (call,) = calls_of(
        [
            a_span("a", trace="t1", response_id="r1", input_tokens=10, scope="x", took_s=1.5, user_id="u1"),
            a_span("b", trace="t2", response_id="r1", input_tokens=10, scope="y", at_s=0.2),
        ]
    )
    assert (call.latency_s, call.user_id) == (1.0, "u1")


def test_the_response_id_of_another_project_or_another_hour_is_another_call(calls_of: Any) -> None:
    same = {"response_id": "r1", "input_tokens": 10}
    calls = calls_of(
        [
            a_span("a", trace="t1", **same),
            a_span("b", trace="t2", project="other", scope="y", **same),
            a_span("c", trace="t3", at_s=3600, scope="z", **same),
        ]
    )
    assert len(calls) == 3


def test_a_stub_that_repeats_its_ids_answers_as_often_as_it_is_asked(calls_of: Any) -> None:
    same = {"response_id": "chatcmpl-123", "input_tokens": 10}
    assert len(calls_of([a_span(name, trace=name, **same) for name in "abcdef"])) == 6


def test_without_ids_two_instrumentations_are_joined_by_what_was_asked(calls_of: Any) -> None:
    looks = {"error_type": "429", "input_messages": ASKED, "request_model": "gpt-4o"}
    other = looks | {"input_messages": ASKED.replace("Why?", "How?")}
    calls = calls_of(
        [
            a_span("a", trace="t1", scope="x", **looks),
            a_span("b", trace="t2", scope="y", at_s=0.4, **looks),
            a_span("c", trace="t3", scope="y", at_s=0.5, **other),
        ]
    )
    assert [call.prompt_text for call in calls] == ["Why?", "How?"]


def test_the_same_question_twice_is_two_calls(calls_of: Any) -> None:
    looks = {"input_messages": ASKED, "output_messages": TOLD, "input_tokens": 10}
    assert len(calls_of([a_span(name, trace=name, **looks) for name in "ab"])) == 2


def test_a_stream_and_the_later_record_of_its_answer_are_one_call(calls_of: Any) -> None:
    opened = {"stream": True, "input_messages": ASKED, "took_s": 0.1}
    record = {"input_messages": ASKED, "output_messages": TOLD, "input_tokens": 9, "took_s": 0.0}
    calls = calls_of(
        [
            a_span("a", trace="t1", **opened),
            a_span("b", trace="t2", at_s=2.0, **opened),
            a_span("c", trace="t3", at_s=5.0, **record),
        ]
    )
    assert [(call.latency_s, call.input_tokens) for call in calls] == [(0.1, None), (3.0, 9)]


def test_a_detailed_record_without_its_span_is_a_call_until_the_span_comes(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.write([an_event("a", "l1", kind="event", at_s=1.0, input_messages=ASKED, input_tokens=3)])
        (before,) = store.calls(EVERYTHING).items
        store.write([a_span("a", request_model="gpt-4o")])
        (after,) = store.calls(EVERYTHING).items
        assert (before.request_model, after.request_model, after.input_tokens) == (None, "gpt-4o", 3)
        assert before.call_id == after.call_id


def test_the_id_of_a_part_leads_to_its_call(tmp_path: Path) -> None:
    usage = {"input_tokens": 10, "output_tokens": 4}
    with closing(open_store(tmp_path)) as store:
        store.write([a_span("outer", **usage), a_span("inner", "outer", **usage)])
        outer, inner = (ids(name)[0][16:] + ids(name)[1] for name in ("outer", "inner"))
        found = store.call(outer)
        assert found is not None
        assert found.call_id == inner


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.write([a_span("a", "b", input_tokens=1), a_span("b", "a", input_tokens=2)])
        assert len(store.calls(EVERYTHING).items) <= 2


def test_two_projects_with_the_same_ids_have_a_call_each(calls_of: Any) -> None:
    usage = {"input_tokens": 10, "output_tokens": 4}
    calls = calls_of(
        [
            a_span("outer", **usage, request_model="gpt-4o"),
            a_span("inner", "outer", at_s=0.1, **usage),
            a_span("inner", "outer", at_s=0.1, project="other", **usage),
        ]
    )
    assert [(call.project, call.request_model) for call in calls] == [("default", "gpt-4o"), ("other", None)]


def test_what_is_long_ago_is_forgotten() -> None:
    relations = Relations(n_spans=10)
    for n in range(100):
        batch = a_span(f"s{n}", f"p{n}", response_id=f"r{n}", input_tokens=1)
        assert relations.add(batch.spans, batch.parts) == []
    held = [len(recent.values()) for recent in vars(relations).values() if hasattr(recent, "values")]
    assert max(held) <= 20
