"""What has had its time is gone, from the answers and from the bytes; the rest is as it was."""

import json
import logging
from dataclasses import replace

import pytest

from collector.errors import StoreUnavailable
from collector.query import Filters
from collector.retention import Keep, Kept, Retention
from collector.score import Score
from collector.span import SpanEvent
from collector.store import open_store
from collector.store.base import TextVector
from collector.times import parse_rfc3339

DAY_NS = 86_400 * 10**9
NOON_NS = parse_rfc3339("2026-11-21T12:00:00Z")
SECRET = "Zugspitze-4711"


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


def in_the_files(tmp_path, text):
    """Which files hold the text as it is: the logs do, and DuckDB files where they did not pack it."""
    found = (tmp_path / "telemetry").rglob("*")
    return [path.name for path in sorted(found) if path.is_file() and text.encode() in path.read_bytes()]


def keep(telemetry_days=None, content_days=None, **projects):
    return Retention(
        default=Keep(telemetry_days=telemetry_days, content_days=content_days),
        projects={name: Keep(telemetry_days=t, content_days=c) for name, (t, c) in projects.items()},
    )


def text(role, content):
    return [{"role": role, "parts": [{"type": "text", "content": content}]}]


def all_calls(store):
    return {call.call_id: call for call in store.calls(Filters(since_ns=0, until_ns=2**62)).items}


def test_a_day_that_is_over_for_everybody_is_dropped_as_files(opened, tmp_path, a_call, a_batch):
    store = opened()
    old, new = a_call(), replace(a_call(), start_ns=NOON_NS + 5 * DAY_NS)
    store.write([a_batch([old]), a_batch([new])])
    done = store.retain(keep(telemetry_days=3), now_ns=NOON_NS + 5 * DAY_NS)
    assert (done.n_days_dropped, done.n_days_rewritten, done.n_failed) == (1, 0, 0)
    assert done.bytes_freed > 0
    assert list(all_calls(store)) == [new.call_id]
    assert sorted(p.name for p in (tmp_path / "telemetry").glob("2*")) == [
        "2026-11-26.duckdb", "2026-11-26.duckdb.wal",
    ]  # fmt: skip
    assert store.retain(keep(telemetry_days=3), now_ns=NOON_NS + 5 * DAY_NS) == Kept()


def test_after_everything_was_dropped_numbers_go_on(opened, a_call, a_batch):
    store = opened()
    store.write([a_batch([a_call(), a_call(), a_call()])])
    store.retain(keep(telemetry_days=1), now_ns=NOON_NS + 9 * DAY_NS)
    assert store.last_seq() == 3
    store = opened()
    assert store.last_seq() == 3
    store.write([a_batch([a_call()])])
    assert [call.seq for call in store.scan(after_seq=3, limit=10)] == [4]


def test_only_the_projects_that_are_over_lose_their_rows(opened, tmp_path, a_call, a_span, a_batch, everything):
    store = opened()
    mine = a_call(project="mine", input_messages=text("user", "kept"))
    theirs = a_call(project="theirs", input_messages=text("user", SECRET))
    span = a_span(project="theirs", trace_id=theirs.trace_id, name=SECRET)
    store.write([a_batch([mine, theirs], [span])])
    for call in (mine, theirs):
        store.write_scores([
            Score(target_kind="call", target_id=call.call_id, evaluator="e", version="1", source="model", value=1.0,
                  target_start_ns=call.start_ns, created_ns=NOON_NS, project=call.project)
        ])  # fmt: skip
    store.write_vectors(
        [
            TextVector(call_id=c.call_id, call_start_ns=c.start_ns, kind="k", version="1", values=[1.0])
            for c in (mine, theirs)
        ]
    )
    done = store.retain(keep(telemetry_days=90, theirs=(1, None)), now_ns=NOON_NS + 9 * DAY_NS)
    assert (done.n_days_dropped, done.n_days_rewritten) == (0, 1)
    for _ in range(2):
        assert list(all_calls(store)) == [mine.call_id]
        assert {s.project for s in store.spans(everything).items} == {"mine"}
        assert {s.target_id for s in store.scores(everything).items} == {mine.call_id}
        assert list(store.vectors([mine.call_id, theirs.call_id], kind="k", version="1")) == [mine.call_id]
        assert store.retain(keep(telemetry_days=90, theirs=(1, None)), now_ns=NOON_NS + 9 * DAY_NS) == Kept()
        store = opened()
    assert in_the_files(tmp_path, SECRET) == []


def with_texts(a_call, a_span, project):
    call = a_call(
        project=project, user_id="u1", input_messages=text("user", SECRET), output_messages=text("assistant", SECRET),
        system_instructions=[{"type": "text", "content": SECRET}], contexts=[{"content": SECRET}],
    )  # fmt: skip
    span = a_span(
        project=project,
        trace_id=call.trace_id,
        attributes={"input.value": SECRET, "http.method": "GET", "gen_ai.tool.call.arguments": SECRET},
        events=(SpanEvent(name="chunk", time_ns=NOON_NS, attributes={"text": SECRET}),),
    )
    return call, span


def test_texts_go_before_the_figures(opened, tmp_path, a_call, a_span, a_batch, everything):
    store = opened()
    kept_call, kept_span = with_texts(a_call, a_span, "keeps")
    call, span = with_texts(a_call, a_span, "default")
    documents = {s.span_id: [{"content": SECRET}] for s in (span, kept_span)}
    store.write([a_batch([call, kept_call], [span, kept_span], documents=documents)])
    store.write_scores([
        Score(target_kind="call", target_id=call.call_id, evaluator="e", version="1", source="judge", value=0.5,
              explanation=f"says {SECRET}", target_start_ns=call.start_ns, created_ns=NOON_NS, project="default")
    ])  # fmt: skip
    rules = keep(content_days=7, keeps=(None, 36_500))
    assert store.retain(rules, now_ns=NOON_NS + 2 * DAY_NS) == Kept()
    assert store.retain(rules, now_ns=NOON_NS + 9 * DAY_NS).n_days_rewritten == 1
    for _ in range(2):
        calls = all_calls(store)
        bare = calls[call.call_id]
        assert not any((bare.input_messages, bare.output_messages, bare.system_instructions, bare.contexts))
        assert (bare.user_id, bare.input_tokens, bare.cost_usd, bare.seq) == ("u1", 10, 0.001, 1)
        assert calls[kept_call.call_id].input_messages == kept_call.input_messages
        spans = {s.span_id: s for s in store.spans(everything).items}
        assert spans[span.span_id].attributes == {"http.method": "GET"}
        assert [(e.name, e.time_ns, e.attributes) for e in spans[span.span_id].events] == [("chunk", NOON_NS, {})]
        assert spans[kept_span.span_id].attributes["input.value"] == SECRET
        assert [(s.value, s.explanation) for s in store.scores(everything).items] == [(0.5, None)]
        assert SECRET not in json.dumps([bare.to_json(), str(spans[span.span_id])])
        assert store.retain(rules, now_ns=NOON_NS + 9 * DAY_NS) == Kept()
        store = opened()
    late, _ = with_texts(a_call, a_span, "default")
    store.write([a_batch([late])])
    assert store.retain(rules, now_ns=NOON_NS + 9 * DAY_NS).n_days_rewritten == 1
    assert not all_calls(store)[late.call_id].input_messages


def test_no_byte_of_a_text_stays_in_a_file(opened, tmp_path, a_call, a_span, a_batch):
    store = opened()
    call, span = with_texts(a_call, a_span, "default")
    store.write([a_batch([call], [span], documents={span.span_id: [{"content": SECRET}]})])
    assert in_the_files(tmp_path, SECRET)  # in the log
    store = opened()
    store.retain(keep(content_days=1), now_ns=NOON_NS + 9 * DAY_NS)
    assert in_the_files(tmp_path, SECRET) == []
    store.close()
    assert in_the_files(tmp_path, SECRET) == []


def test_what_is_late_is_taken_and_goes_at_the_next_run(opened, a_call, a_batch):
    store = opened()
    rules = keep(telemetry_days=1)
    for _ in range(2):
        late = a_call()
        store.write([a_batch([late])])
        assert list(all_calls(store)) == [late.call_id]
        assert store.retain(rules, now_ns=NOON_NS + 9 * DAY_NS).n_days_dropped == 1
        assert all_calls(store) == {}


def test_a_day_that_cannot_be_changed_waits_and_the_others_do_not(opened, a_call, a_batch, caplog, monkeypatch):
    store = opened()
    first, second = a_call(), replace(a_call(), start_ns=NOON_NS + DAY_NS)
    store.write([a_batch([first, second])])
    replace_files, failed = store._days.replace, []

    def failing(old, *arguments, **options):
        if not failed:
            failed.append(old)
            raise StoreUnavailable("no space")
        return replace_files(old, *arguments, **options)

    monkeypatch.setattr(store._days, "replace", failing)
    with caplog.at_level(logging.WARNING):
        done = store.retain(keep(telemetry_days=1), now_ns=NOON_NS + 9 * DAY_NS)
    assert (done.n_days_dropped, done.n_failed) == (1, 1)
    assert "no space" in caplog.text
    assert list(all_calls(store)) == [first.call_id]
    assert store.retain(keep(telemetry_days=1), now_ns=NOON_NS + 9 * DAY_NS).n_days_dropped == 1
    assert all_calls(store) == {}


def test_a_day_is_compacted_once_when_it_is_over_and_quiet(opened, tmp_path, a_call, a_batch):
    store = opened()
    store.write([a_batch([a_call()])])
    (day,) = store._days.all()
    day.busy = True
    store.write([a_batch([a_call()])])
    day.busy = False
    before = all_calls(store)
    end_ns = (NOON_NS // DAY_NS + 1) * DAY_NS
    assert store.compact(now_ns=end_ns) == Kept()
    assert store.compact(now_ns=end_ns + 3600 * 10**9) == Kept()  # it was just written
    store = opened()
    assert store.compact(now_ns=end_ns + 3600 * 10**9 - 1) == Kept()
    assert store.compact(now_ns=end_ns + 3600 * 10**9).n_days_compacted == 1
    assert store.compact(now_ns=end_ns + 3600 * 10**9) == Kept()
    assert all_calls(store) == before
    assert len(list((tmp_path / "telemetry").glob("2*"))) == 1
