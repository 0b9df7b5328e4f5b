"""The messages of OTLP as Arrow can hold them.

`AnyValue` is recursive and Arrow has no recursive types. The messages below have the field numbers of the OTLP
definition, which are frozen, but declare arrays and maps as `bytes`: on the wire a nested message and a bytes field are
the same. Who wants such a value parses it (`anyvalue.any_value`).
"""

import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FileDescriptor

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
MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
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
    "Array": {"values": (1, "AnyValue", True)},
    "KvList": {"values": (1, "KeyValue", True)},
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
    "ScopeSpans": {"scope": (1, "Scope", False), "items": (2, "Span", True)},
    "ResourceSpans": {"resource": (1, "Resource", False), "scopes": (2, "ScopeSpans", True)},
    "TraceExport": {"groups": (1, "ResourceSpans", True)},
    "LogRecord": {
        "time": (1, "fixed64", False),
        "severity_number": (2, "enum", False),
        "severity_text": (3, "string", False),
        "body": (5, "AnyValue", False),
        "attributes": (6, "KeyValue", True),
        "trace_id": (9, "bytes", False),
        "span_id": (10, "bytes", False),
        "observed": (11, "fixed64", False),
        "event_name": (12, "string", False),
    },
    "ScopeLogs": {"scope": (1, "Scope", False), "items": (2, "LogRecord", True)},
    "ResourceLogs": {"resource": (1, "Resource", False), "scopes": (2, "ScopeLogs", True)},
    "LogExport": {"groups": (1, "ResourceLogs", True)},
}


@functools.cache
def file(*, texts: str = "string") -> FileDescriptor:
    """`texts` "bytes": texts are not checked to be UTF-8 while reading."""
    # proto2: every field knows whether it was there, so an attribute of "" or 0 is not taken for a missing one.
    package = f"watchkeeper.otlp.{texts}_texts"
    described = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for message_name, message_fields in MESSAGES.items():
        message = described.message_type.add(name=message_name)
        for name, (number, kind, repeated) in message_fields.items():
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            field = message.field.add(name=name, number=number, label=label)
            if kind in _SCALARS:
                field.type = _SCALARS[texts if kind == "string" else kind]
            else:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{package}.{kind}"
    return descriptor_pool.DescriptorPool().AddSerializedFile(described.SerializeToString())


@functools.cache
def message_class(name: str) -> Any:
    """A class to read `name` with, one level at a time; its texts are bytes."""
    return message_factory.GetMessageClass(file(texts="bytes").message_types_by_name[name])
