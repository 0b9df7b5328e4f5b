"""OTLP trace exports from wire bytes straight to Arrow, no object per span.

`AnyValue` is recursive and Arrow has no recursive types. The messages below have the field numbers of the OTLP
definition, which are frozen, but declare arrays and maps as `bytes`: on the wire a nested message and a bytes field are
the same. Who wants such a value parses it (`any_value`).
"""

import functools
import zlib
from typing import Any

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList
from ptars import HandlerPool

from collector.errors import BadRequest, TooLarge

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bytes": _Field.TYPE_BYTES,
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int64": _Field.TYPE_INT64,
    "double": _Field.TYPE_DOUBLE,
    "fixed64": _Field.TYPE_FIXED64,
    "enum": _Field.TYPE_INT32,
}

# message: field name -> (number, type, repeated); a type that is no scalar is one of these messages.
_MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
    "AnyValue": {
        "string": (1, "string", False),
        "bool": (2, "bool", False),
        "int": (3, "int64", False),
        "double": (4, "double", False),
        "array": (5, "bytes", False),
        "kvlist": (6, "bytes", False),
        "bytes": (7, "bytes", False),
    },
    "KeyValue": {"key": (1, "string", False), "value": (2, "AnyValue", False)},
    "Resource": {"attributes": (1, "KeyValue", True)},
    "Scope": {"name": (1, "string", False), "version": (2, "string", False)},
    "Event": {
        "time": (1, "fixed64", False),
        "name": (2, "string", False),
        "attributes": (3, "KeyValue", True),
    },
    "Link": {
        "trace_id": (1, "bytes", False),
        "span_id": (2, "bytes", False),
        "attributes": (4, "KeyValue", True),
    },
    "Status": {"message": (2, "string", False), "code": (3, "enum", False)},
    "Span": {
        "trace_id": (1, "bytes", False),
        "span_id": (2, "bytes", False),
        "parent_span_id": (4, "bytes", False),
        "name": (5, "string", False),
        "kind": (6, "enum", False),
        "start": (7, "fixed64", False),
        "end": (8, "fixed64", False),
        "attributes": (9, "KeyValue", True),
        "events": (11, "Event", True),
        "links": (13, "Link", True),
        "status": (15, "Status", False),
    },
    "ScopeSpans": {"scope": (1, "Scope", False), "spans": (2, "Span", True)},
    "ResourceSpans": {"resource": (1, "Resource", False), "scope_spans": (2, "ScopeSpans", True)},
    "Export": {"resource_spans": (1, "ResourceSpans", True)},
}
_PACKAGE = "watchkeeper.otlp"

MAX_GZIP_MEMBERS = 64  # the rest of the body is copied for each, so their number must not grow with it


def _file() -> descriptor_pb2.FileDescriptorProto:
    # proto2: every field knows whether it was there, so an attribute of "" or 0 is not taken for a missing one.
    file = descriptor_pb2.FileDescriptorProto(name="watchkeeper_otlp.proto", package=_PACKAGE, syntax="proto2")
    for message_name, message_fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind, repeated) in message_fields.items():
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            field = message.field.add(name=name, number=number, label=label)
            if kind in _SCALARS:
                field.type = _SCALARS[kind]
            else:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    return file


@functools.cache
def _handler() -> Any:
    file = descriptor_pool.DescriptorPool().AddSerializedFile(_file().SerializeToString())
    return HandlerPool([file]).get_for_message(file.message_types_by_name["Export"])


def decode_export(body: bytes) -> pa.RecordBatch:
    """One row with the columns of `ExportTraceServiceRequest`, nested as on the wire.

    Raises:
        BadRequest: if `body` is no such message.
    """
    try:
        return _handler().list_to_record_batch([body])
    except ValueError as error:
        raise BadRequest(f"the body is not an OTLP ExportTraceServiceRequest in protobuf: {error}") from error


def any_value(kind: str, raw: bytes) -> Any:
    """The Python value of an `array`, `kvlist` or `bytes` attribute, given as its bytes on the wire."""
    try:
        if kind == "array":
            return [plain(value) for value in ArrayValue.FromString(raw).values]
        if kind == "kvlist":
            return {pair.key: plain(pair.value) for pair in KeyValueList.FromString(raw).values}
    except DecodeError:
        pass  # shown as it came: the request around it was readable and is stored
    return raw.hex()


def plain(value: AnyValue) -> Any:
    """The Python value of an AnyValue; bytes as hex, an empty one as None."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return value.bytes_value.hex()
        case field:
            return getattr(value, field)


def decompress(body: bytes, *, max_bytes: int) -> bytes:
    """The content of a gzip body.

    Raises:
        BadRequest: if it is not gzip.
        TooLarge: if it unpacks to more than `max_bytes`; no more than that is ever unpacked.
    """
    members: list[bytes] = []
    n_bytes, rest = 0, body
    while rest or not members:  # one gzip member after the other, which RFC 1952 allows
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            members.append(unpacker.decompress(rest, max_bytes - n_bytes + 1))
        except zlib.error as error:
            raise BadRequest(f"the body says Content-Encoding: gzip but does not unpack: {error}") from error
        n_bytes += len(members[-1])
        if n_bytes > max_bytes:
            raise TooLarge(f"the body unpacks to more than {max_bytes} bytes; export smaller batches")
        if not unpacker.eof:
            raise BadRequest("the gzip body ends early; was the request cut?")
        if len(members) > MAX_GZIP_MEMBERS:
            raise BadRequest(f"the gzip body has more than {MAX_GZIP_MEMBERS} members; send it as one")
        rest = unpacker.unused_data
    return b"".join(members)
