"""How long what is kept: the days are counted from the end of the UTC day."""

import asyncio
import threading

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry

from collector.errors import StoreUnavailable
from collector.exports import Exports
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.projects.access import OPEN
from collector.retention import NS_PER_DAY, Keep, Kept, Retention, RetentionLoop, is_over, n_before
from collector.store import open_store

DAY = 20_000
END_NS = (DAY + 1) * NS_PER_DAY


@pytest.mark.parametrize(
    ("kept_days", "now_ns", "over"),
    [
        (None, END_NS + 10**6 * NS_PER_DAY, False),
        (1, END_NS + NS_PER_DAY - 1, False),
        (1, END_NS + NS_PER_DAY, True),
        (30, END_NS + 30 * NS_PER_DAY - 1, False),
        (30, END_NS + 31 * NS_PER_DAY, True),
    ],
)
def test_a_day_is_kept_for_whole_days_after_its_end(kept_days, now_ns, over):
    assert is_over(DAY, kept_days, now_ns) is over


def test_a_project_goes_before_the_installation_in_what_it_says():
    retention = Retention(
        default=Keep(telemetry_days=30, content_days=7),
        projects={"short": Keep(telemetry_days=2), "texts": Keep(content_days=20), "open": Keep()},
    )
    assert retention.of("short") == Keep(telemetry_days=2, content_days=7)
    assert retention.of("texts") == Keep(telemetry_days=30, content_days=20)
    assert retention.of("open") == retention.of("nobody knows it") == Keep(telemetry_days=30, content_days=7)
    due = retention.due(DAY, END_NS + 10 * NS_PER_DAY)
    assert due.rows_of(["short", "texts", "open"]) == ["short"]
    assert due.texts_of(["texts", "open"]) == ["open"]


days = st.none() | st.integers(1, 400)


@given(days, days, st.dictionaries(st.sampled_from("abc"), st.tuples(days, days)), st.integers(-10, 500))
def test_where_nothing_is_possible_nothing_is_due(telemetry_days, content_days, projects, n_days_later):
    retention = Retention(
        default=Keep(telemetry_days=telemetry_days, content_days=content_days),
        projects={name: Keep(telemetry_days=t, content_days=c) for name, (t, c) in projects.items()},
    )
    due = retention.due(DAY, END_NS + n_days_later * NS_PER_DAY)
    anything = due.rows_of("abcd") or due.texts_of("abcd")
    assert due.is_possible or not anything


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers((DAY - 5) * NS_PER_DAY, END_NS)), max_size=20),
    st.none() | st.integers(1, 4),
    st.dictionaries(st.sampled_from("ab"), st.integers(1, 4)),
    st.integers(0, NS_PER_DAY - 1),
)
def test_late_is_what_lies_in_a_day_that_is_over(rows, telemetry_days, projects, time_of_day_ns):
    retention = Retention(
        default=Keep(telemetry_days=telemetry_days), projects={p: Keep(telemetry_days=n) for p, n in projects.items()}
    )
    now_ns = END_NS + time_of_day_ns
    late = sum(is_over(time // NS_PER_DAY, retention.of(project).telemetry_days, now_ns) for project, time in rows)
    columns = [pa.array([p for p, _ in rows], pa.string()), pa.array([t for _, t in rows], pa.int64())]
    assert n_before(retention, *columns, now_ns=now_ns) == late


class Store:
    """Notes what is asked of it; `retain` raises what it is given first."""

    def __init__(self, *errors):
        self.errors, self.asked, self.seen = list(errors), [], threading.Event()

    def retain(self, retention, *, now_ns):
        self.asked.append((retention.default.telemetry_days, now_ns))
        if len(self.asked) == 3:
            self.seen.set()
        if self.errors:
            raise self.errors.pop(0)
        return Kept(n_days_dropped=1)

    def compact(self, *, now_ns):
        return Kept(n_days_compacted=2)

    def stop_keeping(self):
        self.stopped = True


def test_the_loop_asks_for_the_rules_and_the_time_each_run_and_survives_what_fails():
    store, times, rules = Store(StoreUnavailable("disk"), ValueError("a mistake")), iter(range(10)), iter(range(1, 11))
    loop = RetentionLoop(
        store,
        lambda: Retention(default=Keep(telemetry_days=next(rules))),
        clock=lambda: next(times),
        first_after_s=0.0,
        every_s=0.001,
    )
    loop.start()
    assert store.seen.wait(30)
    loop.close()
    assert store.stopped
    assert store.asked[:3] == [(2, 0), (3, 1), (4, 2)]  # the first rules were asked for at the start
    assert loop.run_once() == Kept(n_days_dropped=1, n_days_compacted=0)


def test_records_before_the_horizon_are_taken_and_counted(tmp_path):
    now_ns = END_NS + 40 * NS_PER_DAY
    request = ExportTraceServiceRequest()
    for n, start_ns in enumerate((now_ns, END_NS, END_NS - 1), start=1):
        span = request.resource_spans.add().scope_spans.add().spans.add()
        span.trace_id, span.span_id = bytes([n] * 16), bytes([n] * 8)
        span.start_time_unix_nano = span.end_time_unix_nano = start_ns
    metrics = CollectorMetrics(CollectorRegistry())
    for days, n_late in ((30, 2), (40, 1), (41, None), (None, None)):
        rules = Retention(default=Keep(telemetry_days=days))
        ingest = Ingest(open_store(tmp_path / str(days)), metrics)
        exports = Exports(ingest, metrics, retention=lambda rules=rules: rules, clock=lambda: now_ns)
        sent = asyncio.run(exports.take("traces", request.SerializeToString(), OPEN))
        outcome = ingest.submit(sent).result(30).outcome
        ingest.close()
        assert (outcome.n_kept, outcome.noted.get("before_retention")) == (3, n_late)
