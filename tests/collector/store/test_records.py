"""Log records and data points of metrics, read page by page."""

from dataclasses import replace

import pytest

from collector.errors import BadRequest
from tests.collector.records import batch_of_logs, batch_of_points

DAY_NS = 86_400 * 10**9
START_NS = 1_795_262_400 * 10**9


def all_pages(read, filters, limit, **chosen):
    cursor, found = None, []
    while True:
        page = read(filters, limit=limit, cursor=cursor, **chosen)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 4, 20])
def test_records_come_once_newest_first_over_days_ties_by_id(store, everything, limit):
    times = [START_NS + day * DAY_NS // 2 for day in (0, 3, 1, 3, 0, 2)]
    store.write([batch_of_logs([{"log_id": f"l{i}", "time_ns": t} for i, t in enumerate(times)])])
    store.write([batch_of_points([{"point_id": f"p{i}", "time_ns": t} for i, t in enumerate(times)])])
    order = [1, 3, 5, 2, 0, 4]
    assert [r.log_id for r in all_pages(store.logs, everything, limit)] == [f"l{i}" for i in order]
    assert [p.point_id for p in all_pages(store.points, everything, limit)] == [f"p{i}" for i in order]


def test_a_record_is_read_as_it_was_sent(store, everything):
    log = {
        "log_id": "l", "time_ns": START_NS + 1, "trace_id": "ab" * 16, "span_id": "cd" * 8, "event_name": "e",
        "severity": "WARN", "body": '{"a":1}', "attributes": {"k": [1, None]}, "resource": {"host": "h"},
    }  # fmt: skip
    point = {
        "point_id": "p", "time_ns": START_NS + 2, "start_ns": START_NS, "unit": "s", "kind": "histogram",
        "temporality": "delta", "distribution": {"count": 3, "bounds": [1.0]}, "attributes": {"route": "/"},
    }  # fmt: skip
    store.write([batch_of_logs([log]), batch_of_points([point, {"point_id": "g", "time_ns": START_NS, "value": 2.5}])])
    [record] = store.logs(everything).items
    assert {name: getattr(record, name) for name in log} == log
    histogram, gauge = store.points(everything).items
    assert {name: getattr(histogram, name) for name in point} == point
    assert (histogram.value, gauge.value, gauge.distribution, gauge.attributes) == (None, 2.5, None, {})


def test_records_are_filtered(store, everything):
    store.write([
        batch_of_logs([
            {"log_id": "a", "time_ns": START_NS, "service": "bank", "severity": "ERROR", "body": "Card was DECLINED"},
            {"log_id": "b", "time_ns": START_NS, "trace_id": "ab" * 16, "event_name": "login", "body": "50 % declined"},
            {"log_id": "c", "time_ns": START_NS + 1, "project": "other"},
        ]),
        batch_of_points([
            {"point_id": "a", "time_ns": START_NS, "name": "x"}, {"point_id": "b", "time_ns": START_NS, "project": "p"},
        ]),
    ])  # fmt: skip

    def ids(**chosen):
        of_record = {name: chosen.pop(name) for name in ("event_name", "severity") if name in chosen}
        return [record.log_id for record in store.logs(replace(everything, **chosen), **of_record).items]

    assert ids() == ["c", "a", "b"]
    assert ids(service="bank") == ids(severity="ERROR") == ["a"]
    assert ids(trace_id="ab" * 16) == ids(event_name="login") == ids(text="% DECLINED") == ["b"]
    assert ids(text="declined") == ["a", "b"]
    assert ids(project="other") == ids(since_ns=START_NS + 1) == ["c"]
    assert ids(severity="ERROR", event_name="login") == []
    assert [p.point_id for p in store.points(everything, name="x").items] == ["a"]
    assert [p.point_id for p in store.points(replace(everything, project="p")).items] == ["b"]


def test_a_filter_that_they_do_not_have_is_refused(store, everything):
    with pytest.raises(BadRequest, match="request_model"):
        store.logs(replace(everything, request_model="m"))
    with pytest.raises(BadRequest, match="text"):
        store.points(replace(everything, text="t"))
