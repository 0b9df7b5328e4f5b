"""Log records as columns."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.batch import LOG_SCHEMA
from collector.otlp.limits import Limits
from collector.otlp.logs import read_logs

LogOf = Callable[..., LogRecord]
ExportOf = Callable[..., bytes]
SECOND_NS = 1_000_000_000


def the_row(body: bytes, **options: Any) -> dict[str, Any]:
    (row,) = read_logs(body, **options).table.to_pylist()
    result: dict[str, Any] = row
    return result


def test_a_record_keeps_what_it_says(a_log: LogOf, log_export: ExportOf, now_ns: int) -> None:
    record = a_log(
        body="refund refused",
        attributes={"user.id": "u1", "n": 2, "share": 0.5, "ok": True, "tags": ["a", "b"], "raw": b"\x01\xff"},
        severity_number=17,
        severity_text="Error",
        trace_id=b"\x0a" * 16,
        span_id=b"\x0b" * 8,
    )
    resource = {"service.name": "shop", "deployment.environment.name": "prod", "host.name": "h1"}
    row = the_row(log_export(record, resource=resource), now_ns=now_ns)
    assert json.loads(row.pop("attributes")) == {
        "user.id": "u1", "n": 2, "share": 0.5, "ok": True, "tags": ["a", "b"], "raw": "01ff",
    }  # fmt: skip
    assert json.loads(row.pop("resource")) == resource
    assert len(row.pop("log_id")) == 32
    assert row == {
        "time_ns": now_ns - SECOND_NS,
        "trace_id": "0a" * 16,
        "span_id": "0b" * 8,
        "project": "default",
        "service": "shop",
        "environment": "prod",
        "scope": "shop.logs",
        "event_name": None,
        "severity": "Error",
        "body": "refund refused",
    }


def test_the_schema_holds_with_nothing_in_it(log_export: ExportOf) -> None:
    for body in (b"", log_export()):
        table = read_logs(body).table
        assert (table.schema, table.num_rows) == (LOG_SCHEMA, 0)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain", "plain"),
        ("null", "null"),
        ("", ""),
        (None, None),
        (7, "7"),
        (0.5, "0.5"),
        (True, "true"),
        ({"role": "user", "content": ["hi", None]}, '{"role":"user","content":["hi",null]}'),
        ([1, "two"], '[1,"two"]'),
    ],
)
def test_a_text_body_stays_as_it_came_and_a_structured_one_becomes_json(
    a_log: LogOf, log_export: ExportOf, body: Any, text: str | None, now_ns: int
) -> None:
    table = read_logs(log_export(a_log(body=body), a_log(body="beside it")), now_ns=now_ns).table
    assert table.column("body").to_pylist() == [text, "beside it"]


def test_a_record_without_a_body_has_none(a_log: LogOf, log_export: ExportOf, now_ns: int) -> None:
    assert the_row(log_export(a_log()), now_ns=now_ns)["body"] is None


def test_the_event_name_is_looked_for_in_three_places_in_order(a_log: LogOf, log_export: ExportOf, now_ns: int) -> None:
    older, oldest = {"event.name": "older"}, {"event_name": "oldest"}
    records = [
        a_log(event_name="field", attributes=older | oldest),
        a_log(attributes=oldest | older),
        a_log(attributes=oldest),
        a_log(),
    ]
    names = read_logs(log_export(*records), now_ns=now_ns).table.column("event_name").to_pylist()
    assert names == ["field", "older", "oldest", None]


def test_the_time_is_that_of_the_event_else_of_observation_else_of_receipt(
    a_log: LogOf, log_export: ExportOf, now_ns: int
) -> None:
    seen_ns = now_ns - 5 * SECOND_NS
    records = [
        a_log(observed_time_unix_nano=seen_ns),
        a_log(time_unix_nano=0, observed_time_unix_nano=seen_ns),
        a_log(time_unix_nano=0),
    ]
    times = read_logs(log_export(*records), now_ns=now_ns).table.column("time_ns").to_pylist()
    assert times == [now_ns - SECOND_NS, seen_ns, now_ns]


def test_severity_comes_from_the_text_else_from_the_number(a_log: LogOf, log_export: ExportOf, now_ns: int) -> None:
    records = [
        a_log(severity_text="warning", severity_number=9),
        *(a_log(severity_number=n) for n in (1, 4, 9, 17, 24, 0, 99)),
    ]
    severities = read_logs(log_export(*records), now_ns=now_ns).table.column("severity").to_pylist()
    assert severities == ["warning", "TRACE", "TRACE4", "INFO", "ERROR", "FATAL4", None, None]


def test_ids_that_are_none_are_null_and_the_record_is_kept(a_log: LogOf, log_export: ExportOf, now_ns: int) -> None:
    row = the_row(log_export(a_log(trace_id=b"short", span_id=bytes(8))), now_ns=now_ns)
    assert (row["trace_id"], row["span_id"]) == (None, None)


def test_a_retry_has_the_same_ids_and_another_record_has_another(
    a_log: LogOf, log_export: ExportOf, now_ns: int
) -> None:
    records = [
        a_log(body="x"),
        a_log(body="y"),
        a_log(body="x", attributes={"n": 1}),
        a_log(body="x", event_name="e"),
        a_log(body="x", span_id=b"s" * 8),
        a_log(body="x", time_unix_nano=0),
    ]
    first = read_logs(log_export(*records), now_ns=now_ns).table.column("log_id").to_pylist()
    again = read_logs(log_export(*reversed(records)), now_ns=now_ns + 60 * SECOND_NS).table.column("log_id").to_pylist()
    assert first == again[::-1]
    assert len(set(first)) == len(records)
    elsewhere = read_logs(log_export(*records, resource={"service.name": "other"}), now_ns=now_ns).table
    assert not set(first) & set(elsewhere.column("log_id").to_pylist())


def test_times_out_of_bounds_are_rejected_with_the_reason_and_the_rest_is_kept(
    a_log: LogOf, log_export: ExportOf, now_ns: int
) -> None:
    records = [
        a_log(body="kept"),
        a_log(body="an hour ahead", time_unix_nano=now_ns + 3600 * SECOND_NS),
        a_log(time_unix_nano=now_ns + 2 * 86_400 * SECOND_NS),
        a_log(time_unix_nano=1),
        a_log(time_unix_nano=2**64 - 1),
    ]
    logs = read_logs(log_export(*records), Limits(max_future_s=86_400.0), now_ns=now_ns)
    assert logs.table.column("body").to_pylist() == ["kept", "an hour ahead"]
    assert logs.rejected == {
        "the time is missing or before the year 2000": 1,
        "the time is more than 86400 s ahead of this server's clock": 2,
    }
    assert logs.noted == {"from_the_future": 1}


def test_long_bodies_and_values_are_cut_and_counted(a_log: LogOf, log_export: ExportOf, now_ns: int) -> None:
    record = a_log(body="b" * 3000, attributes={"long": "a" * 3000, "short": "s"})
    logs = read_logs(log_export(record), Limits(max_value_chars=2000), now_ns=now_ns)
    (row,) = logs.table.to_pylist()
    mark = "...[cut by Watchkeeper: 2000 of 3000 characters kept]"
    assert row["body"] == "b" * 2000 + mark
    assert json.loads(row["attributes"]) == {"long": "a" * 2000 + mark, "short": "s"}
    assert logs.noted == {"log_bodies": 1, "attribute_values": 1}
