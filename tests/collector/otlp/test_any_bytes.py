"""Whatever comes in is read or refused: by every decoder, from noise, from damaged exports and from damaged captures.

`make fuzz` looks at the same for longer, guided by what of the code has run.
"""

import functools
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import LOG_SCHEMA, OPINION_SCHEMA, PART_SCHEMA, POINT_SCHEMA, SPAN_SCHEMA
from collector.errors import BadRequest
from collector.otlp.limits import Limits
from collector.otlp.signal import SIGNALS, Signal
from collector.otlp.unpack import unpack_gzip
from collector.prepared import prepared
from collector.understanding import understood

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "otlp-captures"
LIMITS = Limits(max_attributes=32, max_value_chars=2000)
NOW_NS = 1_795_500_000_000_000_000


def read_or_refused(signal: Signal, body: bytes, *, is_json: bool) -> bool:
    """Whether it was read; what was is whole."""
    try:
        done = prepared(signal, body, is_json=is_json, limits=LIMITS, now_ns=NOW_NS)
    except BadRequest:
        return False
    (batch,) = understood([done.load])
    schemas = {"spans": SPAN_SCHEMA, "parts": PART_SCHEMA, "opinions": OPINION_SCHEMA}
    for name, schema in (schemas | {"logs": LOG_SCHEMA, "points": POINT_SCHEMA}).items():
        table = getattr(batch, name)
        assert table.schema == schema
        table.validate(full=True)
        for column in {"attributes", "resource", "events", "links", "distribution"} & set(table.column_names):
            for text in table.column(column).to_pylist():
                if text is not None and "cut by Watchkeeper" not in text:
                    json.loads(text)
    counts = {"traces": batch.spans.num_rows, "logs": batch.logs.num_rows, "metrics": batch.points.num_rows}
    assert counts[signal] == done.n_kept
    return True


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("signal", SIGNALS)
@given(st.binary(max_size=200))
def test_noise_is_read_or_refused(signal: Signal, is_json: bool, body: bytes) -> None:
    read_or_refused(signal, body, is_json=is_json)


@given(st.binary(max_size=200), st.integers(1, 300))
def test_noise_is_no_gzip_and_gzip_never_unpacks_to_more_than_allowed(noise: bytes, max_bytes: int) -> None:
    for body in (noise, gzip.compress(noise), gzip.compress(noise * 50) + noise[:3]):
        try:
            assert len(unpack_gzip(body, max_bytes=max_bytes)) <= max_bytes
        except BadRequest:
            continue


@functools.cache
def captures(signal: str, suffix: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(CAPTURES.glob(f"*/{signal}-*{suffix}"))[:12]] or [a_small_one(signal)]


def a_small_one(signal: str) -> bytes:
    """For a check-out without the captures."""
    if signal == "traces":
        traces = ExportTraceServiceRequest()
        span = (
            traces.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="chat")
        )
        span.start_time_unix_nano = NOW_NS
        span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
        span.events.add(name="exception").attributes.add(key="k").value.array_value.values.add().int_value = 1
        return traces.SerializeToString()
    if signal == "logs":
        logs = ExportLogsServiceRequest()
        record = (
            logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=NOW_NS, event_name="gen_ai.choice")
        )
        record.body.kvlist_value.values.add(key="index").value.int_value = 0
        return logs.SerializeToString()
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    metric.histogram.data_points.add(time_unix_nano=NOW_NS, bucket_counts=[1, 2], explicit_bounds=[0.5])
    return metrics.SerializeToString()


def one_of(bodies: list[bytes], data: st.DataObject) -> bytes:
    return bodies[data.draw(st.integers(0, len(bodies) - 1))]  # its number, so that a failure does not print it


PLACES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


@pytest.mark.parametrize("signal", SIGNALS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), damage=PLACES, cut=st.floats(0, 1))
def test_damaged_captures_are_read_or_refused(
    signal: Signal, data: st.DataObject, damage: list[tuple[float, int]], cut: float
) -> None:
    body = bytearray(one_of(captures(signal, ".pb"), data))
    for place, octet in damage:
        body[int(place * len(body))] = octet
    read_or_refused(signal, bytes(body), is_json=False)
    read_or_refused(signal, bytes(body[: int(cut * len(body))]), is_json=False)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), damage=PLACES)
def test_damaged_json_captures_are_read_or_refused(data: st.DataObject, damage: list[tuple[float, int]]) -> None:
    body = bytearray(one_of(captures("traces", ".json"), data))
    for place, octet in damage:
        body[int(place * len(body))] = octet
    read_or_refused("traces", bytes(body), is_json=True)


@pytest.mark.parametrize("signal", SIGNALS)
def test_whole_captures_are_read(signal: Signal) -> None:
    assert all(read_or_refused(signal, body, is_json=False) for body in captures(signal, ".pb"))
