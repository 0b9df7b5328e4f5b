"""Spans and log records as libraries send them, and the recorded exports of real ones (in ../shared, never copied)."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import Batch
from collector.normalise import normalise
from collector.otlp.jsonform import protobuf_of_json
from collector.otlp.logs import read_logs
from collector.otlp.signal import Signal
from collector.otlp.table import read_export

START_NS = 1_790_000_000_000_000_000
CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "otlp-captures"
JSON_FIELDS = (
    "parameters", "metadata", "system_instructions", "input_messages", "output_messages", "tool_definitions",
    "contexts",
)  # fmt: skip


class Event(NamedTuple):
    name: str
    attributes: Mapping[str, Any]


def any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value={"values": [any_value(item) for item in value]})
        case dict():
            return AnyValue(kvlist_value={"values": pairs(value)})
        case _:
            return AnyValue(string_value=value)


def pairs(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def opened(part: Mapping[str, Any]) -> dict[str, Any]:
    """A row of parts with its JSON texts as values; messages that are no JSON stay texts."""
    return {name: _opened(value) if name in JSON_FIELDS else value for name, value in part.items()}


def _opened(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


@pytest.fixture
def parts_of_span() -> Callable[..., list[dict[str, Any]]]:
    """`parts_of_span(attributes, scope="", events=(), **fields)`: the parts that one span of 2.5 s becomes."""

    def make(
        attributes: Mapping[str, Any], *, scope: str = "", events: tuple[Event, ...] = (), **fields: Any
    ) -> list[dict[str, Any]]:
        export = ExportTraceServiceRequest()
        of_scope = export.resource_spans.add().scope_spans.add()
        of_scope.scope.name = scope
        given = {
            "trace_id": b"t" * 16,
            "span_id": b"s" * 8,
            "kind": Span.SPAN_KIND_CLIENT,
            "start_time_unix_nano": START_NS,
            "end_time_unix_nano": START_NS + 2_500_000_000,
            "attributes": pairs(attributes),
            "events": [Span.Event(name=event.name, attributes=pairs(event.attributes)) for event in events],
        } | fields
        of_scope.spans.append(Span(**given))
        return [opened(part) for part in normalise(read_export(export.SerializeToString())).parts.to_pylist()]

    return make


@pytest.fixture
def logs_of() -> Callable[..., pa.Table]:
    """`logs_of((event_name, body, attributes), ..., scope="", span=b"s" * 8)`: log records, a second apart, as read."""

    def make(*records: tuple[str, Any, Mapping[str, Any]], scope: str = "", span: bytes = b"s" * 8) -> pa.Table:
        export = ExportLogsServiceRequest()
        of_scope = export.resource_logs.add().scope_logs.add()
        of_scope.scope.name = scope
        for number, (name, body, attributes) in enumerate(records):
            of_scope.log_records.append(
                LogRecord(
                    time_unix_nano=START_NS + number * 10**9,
                    trace_id=b"t" * 16 if span else b"",
                    span_id=span,
                    event_name=name,
                    body=any_value(body),
                    attributes=pairs(attributes),
                )
            )
        return read_logs(export.SerializeToString()).table

    return make


class Capture:
    """What one library version sent while it made known calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        truth = json.loads((folder / "expected.json").read_text())
        self.calls: list[dict[str, Any]] = truth["calls"]
        self.with_response_id = {call["response_id"]: call for call in self.calls if call["visible"]["response_id"]}

    def _bodies(self, signal: Signal) -> Iterator[bytes]:
        for entry in json.loads((self.folder / "index.json").read_text()):
            if entry["signal"] == signal:
                raw = (self.folder / entry["file"]).read_bytes()
                body = gzip.decompress(raw) if entry["file"].endswith(".gz") else raw
                yield protobuf_of_json(body, signal) if entry["transport"] == "http/json" else body

    def parts(self) -> list[dict[str, Any]]:
        """The parts of all its spans."""
        return [opened(part) for batch in self.batches() for part in batch.parts.to_pylist()]

    def batches(self) -> list[Batch]:
        """What its trace exports become, one batch each."""
        return [normalise(read_export(body)) for body in self._bodies("traces")]

    def logs(self) -> pa.Table:
        return pa.concat_tables([read_logs(body).table for body in self._bodies("logs")])


@pytest.fixture
def captured() -> Callable[[str], Capture]:
    """`captured("anthropic-sdk-native")`: the one recorded folder with that in its name."""

    def find(name: str) -> Capture:
        if not CAPTURES.is_dir():
            pytest.skip("the recorded exports are not beside this repository")
        (folder,) = (path for path in CAPTURES.iterdir() if name in path.name)
        return Capture(folder)

    return find
