"""OTLP in its JSON encoding, to the protobuf bytes that the rest reads.

Written straight to the wire by tables made from the descriptors: the JSON parser of protobuf takes ten times as long.

Source: OpenTelemetry Protocol specification, "JSON Protobuf Encoding": ids are hex, enums are numbers (names are taken
too), unknown fields are passed over.
"""

import base64
import binascii
import functools
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from pydantic_core import from_json

from collector.errors import BadRequest, TooLarge
from collector.otlp.anyvalue import MAX_DEPTH, TOO_DEEP
from collector.otlp.signal import Signal

MAX_CONTAINERS = 2 * 2**20
_IDS = ("trace_id", "span_id", "parent_span_id")
_REQUESTS = {
    "traces": ExportTraceServiceRequest.DESCRIPTOR,
    "logs": ExportLogsServiceRequest.DESCRIPTOR,
    "metrics": ExportMetricsServiceRequest.DESCRIPTOR,
}
# Metrics are read by protobuf itself, which goes to 100 messages below each other; three are one level of a map.
_FIRST_DEPTH = {"traces": 0, "logs": 0, "metrics": MAX_DEPTH - 30}

Writer = Callable[[Any, int], bytes]
"""Of one value, without its tag; a text, bytes or a message with the length before it. The number is the depth of
AnyValues around it: they alone can stand in each other."""


class _Wrong(Exception):
    """A value that does not fit; `path` grows on the way out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.path: list[str] = []


@dataclass(frozen=True, slots=True)
class _Field:
    """`tag` as on the wire: before each value, and before the whole list where it is packed."""

    tag: bytes
    write: Writer
    repeated: bool
    packed: bool


def protobuf_of_json(body: bytes, signal: Signal = "traces") -> bytes:
    """The protobuf form of a JSON export.

    Raises:
        BadRequest: if `body` is not JSON, or no such export; the text names the place.
        TooLarge: if it holds so many objects and lists that they would fill the memory.
    """
    if not body:
        return b""
    if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS:
        raise TooLarge(f"the body holds more than {MAX_CONTAINERS} objects and lists; export smaller batches")
    document, request = _parsed(body), _REQUESTS[signal]
    if not isinstance(document, dict):
        raise BadRequest(f"{request.name} is a JSON object with {request.fields[0].json_name}, got {_shown(document)}")
    try:
        return _message(request, document, _FIRST_DEPTH[signal])
    except _Wrong as wrong:
        place = "".join(reversed(wrong.path)).lstrip(".")
        raise BadRequest(f"the body is JSON but no OTLP {request.name}: {place} {wrong}") from wrong


def _parsed(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        pass  # half a character, as cutting by UTF-16 length leaves it, or nested deeper than that parser goes
    try:
        return json.loads(body.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def _message(descriptor: Descriptor, value: Any, depth: int) -> bytes:
    """The fields of one message, without tag and length."""
    if not isinstance(value, dict):
        raise _Wrong(f"must be an object, got {_shown(value)}")
    fields, pieces = _fields(descriptor), []
    for key, item in value.items():
        field = fields.get(key)
        if field is None or item is None:
            continue
        try:
            pieces.append(_items(field, item, depth) if field.repeated else field.tag + field.write(item, depth))
        except _Wrong as wrong:
            wrong.path.append(f".{key}")
            raise
    return b"".join(pieces)


def _items(field: _Field, value: Any, depth: int) -> bytes:
    if not isinstance(value, list):
        raise _Wrong(f"must be a list, got {_shown(value)}")
    tag = b"" if field.packed else field.tag
    pieces = []
    for place, item in enumerate(value):
        try:
            pieces.append(tag + field.write(item, depth))
        except _Wrong as wrong:
            wrong.path.append(f"[{place}]")
            raise
    return field.tag + _with_length(b"".join(pieces)) if field.packed else b"".join(pieces)


@functools.cache
def _fields(descriptor: Descriptor) -> dict[str, _Field]:
    """The fields by their names, in camel case as OTLP writes them and in snake case as some senders do."""
    fields: dict[str, _Field] = {}
    for field in descriptor.fields:
        wire_type, write = _writer(field)
        packed = field.is_repeated and wire_type != _BYTES
        tag = _varint(field.number << 3 | (_BYTES if packed else wire_type))
        fields[field.json_name] = fields[field.name] = _Field(tag, write, field.is_repeated, packed)
    return fields


def _writer(field: FieldDescriptor) -> tuple[int, Writer]:
    """The wire type of a field and what writes it."""
    if (of := field.message_type) is not None:
        if of is AnyValue.DESCRIPTOR:
            return _BYTES, _any_value
        return _BYTES, lambda value, depth: _with_length(_message(of, value, depth))
    if (names := field.enum_type) is not None:
        return _VARINT, _enum_writer({name: value.number for name, value in names.values_by_name.items()})
    if field.type == FieldDescriptor.TYPE_BYTES and field.name in _IDS:
        return _BYTES, _id
    return _SCALARS[field.type]


def _any_value(value: Any, depth: int) -> bytes:
    if value is None:
        return b"\0"
    if depth >= MAX_DEPTH:
        return _any_value({"stringValue": TOO_DEEP}, 0)
    return _with_length(_message(AnyValue.DESCRIPTOR, value, depth + 1))


def _id(value: Any, _depth: int) -> bytes:
    try:
        return _with_length(binascii.unhexlify(value))
    except (TypeError, ValueError) as error:
        raise _Wrong(f"must be hex, got {_shown(value)}") from error


def _text(value: Any, _depth: int) -> bytes:
    if not isinstance(value, str):
        raise _Wrong(f"must be a text, got {_shown(value)}")
    return _with_length(value.encode(errors="replace"))


def _base64(value: Any, _depth: int) -> bytes:
    try:
        given = value.encode("ascii").translate(_URL_SAFE)
        return _with_length(base64.b64decode(given + b"=" * (-len(given) % 4), validate=True))
    except (AttributeError, ValueError) as error:
        raise _Wrong(f"must be base64, got {_shown(value)}") from error


def _bool(value: Any, _depth: int) -> bytes:
    if not isinstance(value, bool):
        raise _Wrong(f"must be true or false, got {_shown(value)}")
    return b"\1" if value else b"\0"


def _enum_writer(numbers: dict[str, int]) -> Writer:
    write = _varint_writer(-(2**31), 2**31)

    def enum(value: Any, depth: int) -> bytes:
        # A name that is not known is of a newer version: unspecified, as protobuf itself reads it.
        is_name = isinstance(value, str) and not value.lstrip("-").isdecimal()
        return write(numbers.get(value, 0) if is_name else value, depth)

    return enum


def _varint_writer(least: int, end: int) -> Writer:
    return lambda value, _depth: _varint(_whole(value, least, end) % 2**64)


def _zigzag(value: Any, _depth: int) -> bytes:
    number = _whole(value, -(2**31), 2**31)
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _packed_writer(form: str, least: int, end: int) -> Writer:
    packer = struct.Struct(form)
    return lambda value, _depth: packer.pack(_whole(value, least, end))


def _double(value: Any, _depth: int) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _Wrong(f"must be a number, got {_shown(value)}")
    try:
        return _DOUBLE.pack(float(value))  # which reads "NaN" and "Infinity" too
    except (ValueError, OverflowError) as error:
        raise _Wrong(f"must be a number, got {_shown(value)}") from error


def _whole(value: Any, least: int, end: int) -> int:
    """A whole number, as number or as text."""
    try:
        number = int(value)
        if isinstance(value, bool) or (isinstance(value, float) and number != value):
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise _Wrong(f"must be a whole number, got {_shown(value)}") from error
    if not least <= number < end:
        raise _Wrong(f"must be from {least} to {end - 1}, got {_shown(value)}")
    return number


def _with_length(raw: bytes) -> bytes:
    return _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    if number < 128:
        return _SMALL[number]
    septets = bytearray()
    while number > 127:
        septets.append(number & 127 | 128)
        number >>= 7
    septets.append(number)
    return bytes(septets)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str) if not isinstance(value, dict | list) else type(value).__name__
    return text if len(text) <= 40 else text[:40] + "..."


_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_SMALL = [bytes([number]) for number in range(128)]
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_DOUBLE = struct.Struct("<d")
_SCALARS: dict[int, tuple[int, Writer]] = {
    FieldDescriptor.TYPE_STRING: (_BYTES, _text),
    FieldDescriptor.TYPE_BYTES: (_BYTES, _base64),
    FieldDescriptor.TYPE_BOOL: (_VARINT, _bool),
    FieldDescriptor.TYPE_DOUBLE: (_FIXED_64, _double),
    FieldDescriptor.TYPE_INT32: (_VARINT, _varint_writer(-(2**31), 2**31)),
    FieldDescriptor.TYPE_INT64: (_VARINT, _varint_writer(-(2**63), 2**63)),
    FieldDescriptor.TYPE_UINT32: (_VARINT, _varint_writer(0, 2**32)),
    FieldDescriptor.TYPE_UINT64: (_VARINT, _varint_writer(0, 2**64)),
    FieldDescriptor.TYPE_SINT32: (_VARINT, _zigzag),
    FieldDescriptor.TYPE_FIXED32: (_FIXED_32, _packed_writer("<I", 0, 2**32)),
    FieldDescriptor.TYPE_FIXED64: (_FIXED_64, _packed_writer("<Q", 0, 2**64)),
    FieldDescriptor.TYPE_SFIXED64: (_FIXED_64, _packed_writer("<q", -(2**63), 2**63)),
}
