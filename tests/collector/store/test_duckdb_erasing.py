"""After an erasure nothing in a table or in a file mentions the person, and nobody else has lost anything."""

import json
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.batch import LOG_SCHEMA, OPINION_SCHEMA, PART_SCHEMA, POINT_SCHEMA, Batch
from collector.query import Filters
from collector.score import Score
from collector.store import open_store
from collector.store.base import TextVector
from collector.store.named import USER_KEYS
from collector.times import parse_rfc3339
from collector.verdict import Pair, Verdict

DAY_NS = 86_400 * 10**9
NOON_NS = parse_rfc3339("2026-11-21T12:00:00Z")
EVERYTHING = Filters(since_ns=0, until_ns=2**62)
THEIRS, OTHERS = "Watzmann-4711", "Hochkalter-0815"
"""Texts of the person and of others, and their ids."""


@pytest.fixture
def opened(tmp_path):
    """`opened()`: the store on the data of this test, opened anew."""
    stores = []

    def again():
        for store in stores:
            store.close()
        stores.append(open_store(tmp_path))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


def message(content):
    return [{"role": "user", "parts": [{"type": "text", "content": content}]}]


def a_score(call, **given):
    values = {
        "target_kind": "call", "target_id": call.call_id, "evaluator": "e", "version": "1", "source": "judge",
        "value": 1.0, "explanation": f"about {call.user_id}", "target_start_ns": call.start_ns,
        "created_ns": call.start_ns, "project": call.project, "trace_id": call.trace_id,
    }  # fmt: skip
    return Score(**values | given)


def a_verdict(verdict_id, *calls):
    pairs = tuple(
        Pair(
            prompt_before=c.user_id, before=c.user_id, before_call_id=c.call_id,
            prompt_after="-", after="-", after_call_id="0" * 32,
        )
        for c in calls
    )  # fmt: skip
    return Verdict(
        verdict_id=verdict_id, monitor="m", project=calls[0].project, service=None, request_model=None,
        outcome="no_change", decided_ns=NOON_NS, reference_start_ns=0, reference_end_ns=1, current_start_ns=1,
        current_end_ns=2, n_reference=1, n_current=1, statistic=0.0, p_value=1.0, alpha=0.01, guarantee="",
        explanation="", pairs=pairs,
    )  # fmt: skip


def erase(store, user=THEIRS, project=None, *more):
    return store.erase(store.belongings([user, *more], project=project))


def mentions(folder, text):
    """Where the text stands: tables and columns of the files, and files in whose bytes it is."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and text.encode() in path.read_bytes():
            found.append(path.name)
        if path.name[0] == "2" and path.suffix == ".duckdb":
            with duckdb.connect(path, read_only=True) as file:
                for (table,) in file.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    rows = json.dumps(file.execute(f"FROM {table}").fetchall(), default=str)
                    found += [f"{path.name}: {table}"] * (text in rows)
    return found


def test_a_person_goes_with_all_that_hangs_on_them(opened, tmp_path, a_call, a_span, a_batch):
    store = opened()
    own = a_call(user_id=THEIRS, session_id="s1", input_messages=message(THEIRS), response_id="r1")
    shared = a_call(user_id=THEIRS, session_id="s2", input_messages=message(THEIRS))
    other = a_call(user_id=OTHERS, session_id="s2", trace_id=shared.trace_id, input_messages=message(OTHERS))
    spans = [
        a_span(trace_id=own.trace_id, name=THEIRS),
        a_span(trace_id=own.trace_id, start_ns=NOON_NS + DAY_NS, end_ns=NOON_NS + DAY_NS, name=THEIRS),
        a_span(trace_id=shared.trace_id, name="of both"),
        a_span(trace_id=shared.trace_id, attributes={"enduser.id": THEIRS}),
        a_span(name="of nobody"),
    ]
    store.write([a_batch([own, shared, other], spans)])
    store.write_scores([
        *(a_score(call) for call in (own, shared, other)),
        a_score(own, target_kind="session", target_id="s1"),
        a_score(own, target_kind="trace", target_id=own.trace_id),
        a_score(other, target_kind="session", target_id="s2", explanation="of both"),
        a_score(other, target_kind="trace", target_id=other.trace_id, explanation="of both"),
        a_score(other, evaluator="thumbs", source="user", author=THEIRS, explanation=THEIRS),
    ])  # fmt: skip
    for call in (own, shared, other):
        store.write_vectors(
            [TextVector(call_id=call.call_id, call_start_ns=call.start_ns, kind="k", version="1", values=[1.0])]
        )
    store.write_verdicts([a_verdict("v1", own, other), a_verdict("v2", other)])
    found = store.belongings([THEIRS], project=None)
    assert found.calls == {("default", own.call_id), ("default", shared.call_id)}
    assert found.sessions == {("default", "s1")}
    assert found.traces == {("default", own.trace_id)}
    erased = store.erase(found)
    assert erased.days == ("2026-11-21", "2026-11-22")
    assert erased.counts == {
        "calls": 2, "spans": 5, "parts": 0, "logs": 0, "points": 0, "opinions": 0, "scores": 5, "vectors": 2,
        "verdict_pairs": 1,
    }  # fmt: skip
    assert [call.call_id for call in store.calls(EVERYTHING).items] == [other.call_id]
    assert sorted(s.name for s in store.spans(EVERYTHING).items if s.span_id != other.span_id) == [
        "of both",
        "of nobody",
    ]
    assert len(store.scores(EVERYTHING).items) == 3
    assert list(store.vectors([own.call_id, shared.call_id, other.call_id], kind="k", version="1")) == [other.call_id]
    assert sorted(len(verdict.pairs) for verdict in store.verdicts(EVERYTHING).items) == [1, 1]
    again = erase(store)
    assert not any(again.counts.values())
    assert again.days == ()
    store.close()
    assert mentions(tmp_path, THEIRS) == []
    assert mentions(tmp_path, OTHERS)


def test_calls_that_name_nobody_are_those_of_the_one_whom_their_trace_names(opened, tmp_path, a_call, a_span, a_batch):
    store = opened()
    calls = [a_call(input_messages=message(text)) for text in (THEIRS, OTHERS, "of both")]
    roots = [
        a_span(trace_id=calls[0].trace_id, attributes={"user.id": THEIRS}),
        a_span(trace_id=calls[1].trace_id, attributes={"user.id": OTHERS}),
        a_span(trace_id=calls[2].trace_id, attributes={"user.id": OTHERS}),
        a_span(trace_id=calls[2].trace_id, attributes={"user.id": THEIRS}),
    ]
    store.write([a_batch(calls, roots)])
    erased = erase(store)
    assert (erased.counts["calls"], erased.counts["spans"]) == (1, 3)
    assert {call.call_id for call in store.calls(EVERYTHING).items} == {call.call_id for call in calls[1:]}
    store.close()
    assert mentions(tmp_path, THEIRS) == []


def test_what_waits_for_its_call_goes_too(opened, tmp_path, a_call, a_batch, a_part):
    store = opened()
    other = a_call(user_id=OTHERS)
    waiting = a_part(user_id=THEIRS, input_messages=json.dumps(message(THEIRS)))
    beside = a_part(user_id=THEIRS, trace_id=other.trace_id, input_messages=json.dumps(message(THEIRS)))
    batch = a_batch([other])
    store.write([batch, a_part.batch([waiting, beside])])
    store.close()
    assert mentions(tmp_path, THEIRS)
    store = opened()
    assert erase(store).counts["parts"] == 2
    assert [call.call_id for call in store.calls(EVERYTHING).items] == [other.call_id]
    store.close()
    assert mentions(tmp_path, THEIRS) == []


def test_another_project_loses_nothing(opened, a_call, a_batch):
    store = opened()
    mine = a_call(project="mine", user_id=THEIRS, session_id="s")
    theirs = [
        a_call(project="theirs", user_id=THEIRS, session_id="s"),
        a_call(project="theirs", user_id=THEIRS, trace_id=mine.trace_id),
        a_call(project="theirs", user_id=THEIRS, call_id=mine.call_id),
    ]
    store.write([a_batch([mine, *theirs])])
    store.write_scores([a_score(call) for call in (mine, *theirs[:2])])
    store.write_vectors(
        [TextVector(call_id=mine.call_id, call_start_ns=mine.start_ns, kind="k", version="1", values=[1.0])]
    )
    before = [store.calls(replace(EVERYTHING, project="theirs")), store.spans(replace(EVERYTHING, project="theirs"))]
    erased = erase(store, THEIRS, "mine")
    assert (erased.counts["calls"], erased.counts["spans"], erased.counts["scores"]) == (1, 1, 1)
    assert erased.counts["vectors"] == 0  # a call of theirs has the same id: the vector may be theirs
    assert store.calls(replace(EVERYTHING, project="mine")).items == []
    assert [
        store.calls(replace(EVERYTHING, project="theirs")),
        store.spans(replace(EVERYTHING, project="theirs")),
    ] == before
    assert {score.project for score in store.scores(EVERYTHING).items} == {"theirs"}
    assert not any(erase(store, THEIRS, "it's no project").counts.values())


def test_every_form_of_the_id_counts_and_no_other(opened, a_call, a_batch):
    store = opened()
    users = [THEIRS, "[EMAIL:3f2a9c0d41be]", 'it\'s "odd" ü', THEIRS.lower(), THEIRS + "1", None]
    store.write([a_batch([a_call(user_id=user) for user in users])])
    assert erase(store, THEIRS, None, *users[1:3]).counts["calls"] == 3
    assert {call.user_id for call in store.calls(EVERYTHING).items} == set(users[3:])


def test_what_was_replaced_before_leaves_no_bytes_either(opened, tmp_path, a_call, a_batch):
    store = opened()
    call = a_call(user_id=THEIRS)
    store.write([a_batch([call])])
    for n in range(3):
        store.write_scores([a_score(call, explanation=f"{THEIRS} {n}")])
    store = opened()  # all is in the file now, the old ones too
    store.write_scores([a_score(call, explanation="nothing")])
    erase(store)
    store.close()
    assert mentions(tmp_path, THEIRS) == []


def test_numbers_go_on_after_the_newest_call_went(opened, a_call, a_batch):
    store = opened()
    store.write([a_batch([a_call(), a_call(user_id=THEIRS)])])
    erase(store)
    store = opened()
    store.write([a_batch([a_call()])])
    assert [call.seq for call in store.scan(after_seq=0, limit=9)] == [1, 3]


def test_logs_points_and_opinions_of_the_person_go(opened, tmp_path, a_call, a_batch, a_log, a_point, an_opinion):
    store = opened()
    own, other = a_call(user_id=THEIRS, response_id="r1", session_id="s1"), a_call(user_id=OTHERS, response_id="r2")
    batch = a_batch([own, other])
    logs = [
        a_log(trace_id=own.trace_id, body=THEIRS),
        a_log(attributes=json.dumps({"user.id": THEIRS})),
        a_log(trace_id=other.trace_id, body=OTHERS),
    ]
    points = [a_point(attributes=json.dumps({"user.id": THEIRS})), a_point(attributes=json.dumps({"a": THEIRS[:3]}))]
    opinions = [
        an_opinion(trace_id=own.trace_id, span_id=own.span_id, explanation=THEIRS),
        an_opinion(response_id="r1"),
        an_opinion(target_kind="session", session_id="s1"),
        an_opinion(response_id="r2", author=THEIRS),
        an_opinion(response_id="r2", author=OTHERS),
    ]
    store.write([batch, a_log.batch(logs), a_point.batch(points), an_opinion.batch(opinions)])
    counts = erase(store).counts
    assert {name: counts[name] for name in ("calls", "logs", "points", "opinions")} == {
        "calls": 1, "logs": 2, "points": 1, "opinions": 4,
    }  # fmt: skip
    store.close()
    assert mentions(tmp_path, THEIRS) == []


@pytest.fixture
def made():
    """Rows of the tables of a batch that `a_batch` does not make."""

    def of(name, schema, defaults):
        n = 0

        def make(**given):
            nonlocal n
            n += 1
            return dict.fromkeys(schema.names) | defaults | {schema.names[0]: f"{name}{n}"} | given

        make.batch = lambda rows: Batch(**{name: pa.Table.from_pylist(rows, schema=schema)})
        return make

    return of


@pytest.fixture
def a_part(made):
    """A log record about a call whose span has not come, and the record itself: a part stands on something new."""
    make = made("parts", PART_SCHEMA, {"start_ns": NOON_NS, "end_ns": NOON_NS, "project": "default"})
    n = 0

    def a_part(**given):
        nonlocal n
        n += 1
        ids = {"part_id": f"log{n}", "call_id": f"log{n}", "span_id": f"{n:016x}", "trace_id": f"{n:032x}"}
        return make(**ids | {"part_kind": "event"} | given)

    def batch(parts):
        logs = [
            dict.fromkeys(LOG_SCHEMA.names) | {"log_id": p["part_id"], "time_ns": NOON_NS, "project": "default"}
            for p in parts
        ]
        return replace(make.batch(parts), logs=pa.Table.from_pylist(logs, schema=LOG_SCHEMA))

    a_part.batch = batch
    return a_part


@pytest.fixture
def a_log(made):
    return made("logs", LOG_SCHEMA, {"time_ns": NOON_NS, "project": "default"})


@pytest.fixture
def a_point(made):
    return made("points", POINT_SCHEMA, {"time_ns": NOON_NS, "project": "default", "name": "n"})


@pytest.fixture
def an_opinion(made):
    given = {"time_ns": NOON_NS, "project": "default", "target_kind": "call", "name": "thumbs", "source": "user"}
    return made("opinions", OPINION_SCHEMA, given)


def test_every_key_that_names_a_user_is_known():
    assert {"user.id", "enduser.id", "langfuse.user.id", "llm.user"} <= set(USER_KEYS)


who = st.sampled_from([THEIRS, OTHERS, None])


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(who, st.integers(0, 3), st.integers(0, 2), st.sampled_from(["default", "shop"]), who, st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_whoever_is_erased_is_nowhere_and_the_others_are_where_they_were(a_call, a_span, a_batch, made_of):
    """Each entry is a call: its user, trace, day and project, whom a span beside it names, and whether a write ends."""
    traces = [f"{n:032x}" for n in range(1, 5)]
    with tempfile.TemporaryDirectory() as name:
        folder, calls, spans, writes = Path(name), [], [], [[]]
        for user, trace, day, project, named, is_last in made_of:
            start_ns = NOON_NS + day * DAY_NS
            call = a_call(
                user_id=user,
                trace_id=traces[trace],
                start_ns=start_ns,
                project=project,
                input_messages=message(f"{user}"),
            )
            calls.append(call)
            writes[-1].append(call)
            span = a_span(
                trace_id=traces[trace],
                start_ns=start_ns,
                project=project,
                attributes={"user.id": named} if named else {},
            )
            spans.append((span, named))
            writes[-1].append(span)
            if is_last:
                writes.append([])
        store = open_store(folder)
        for written in writes:
            of_calls = [item for item in written if item in calls]
            store.write([a_batch(of_calls, [item for item in written if item not in of_calls])])
        store.write_scores([a_score(call) for call in calls])
        users = defaultdict(set)
        for call in calls:
            users[call.project, call.trace_id].add(call.user_id)
        erase(store)
        left = {call.call_id for call in store.calls(EVERYTHING, limit=100).items}
        assert {call.call_id for call in calls if call.user_id == OTHERS} <= left
        span_ids = {span.span_id for span in store.spans(EVERYTHING, limit=100).items}
        for span, named in spans:
            if (
                users[span.project, span.trace_id] - {THEIRS}
                and named != THEIRS
                and OTHERS in users[span.project, span.trace_id]
            ):
                assert span.span_id in span_ids
        store.close()
        assert mentions(folder, THEIRS) == []
