"""AnyValue, the recursive part of OTLP: from its bytes on the wire to the value of Python that people read."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList

from collector.otlp.schema import message_class

MAX_DEPTH = 64
TOO_DEEP = "...[cut by Watchkeeper: nested too deep]"


def any_value(kind: str, raw: bytes) -> Any:
    """The Python value of an `array`, `kvlist` or `bytes` attribute, given as its bytes on the wire.

    Bytes are shown in hex, as is what cannot be read: the request around it was readable and is stored.
    """
    try:
        if kind == "array":
            return [plain(value) for value in ArrayValue.FromString(raw).values]
        if kind == "kvlist":
            return {pair.key: plain(pair.value) for pair in KeyValueList.FromString(raw).values}
    except DecodeError:  # nested deeper than protobuf reads at once, or text that is not UTF-8
        return _level(kind, raw, depth=1)
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


def plain_fields(value: Mapping[str, Any] | None) -> Any:
    """The Python value of an AnyValue given as its fields, of which arrays, maps and bytes are still bytes."""
    for name, item in (value or {}).items():
        if item is not None:
            return any_value(name, item) if isinstance(item, bytes) else item
    return None


def _level(kind: str, raw: bytes, *, depth: int) -> Any:
    """As `any_value`, one level at a time, so that neither depth nor a broken text makes all of it unreadable."""
    if kind == "bytes":
        return raw.hex()
    if depth > MAX_DEPTH:
        return TOO_DEEP
    try:
        items = message_class("Array" if kind == "array" else "KvList").FromString(raw).values
    except DecodeError:
        return raw.hex()
    if kind == "array":
        return [_item(item, depth) for item in items]
    return {_text(pair.key): _item(pair.value, depth) for pair in items}


def _item(value: Any, depth: int) -> Any:
    for field, item in value.ListFields():
        match field.name:
            case "string":
                return _text(item)
            case "array" | "kvlist" | "bytes":
                return _level(field.name, item, depth=depth + 1)
            case _:
                return item
    return None


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
