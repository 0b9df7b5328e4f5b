"""OTLP exports from wire bytes straight to Arrow, no object per record."""

import functools
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ptars import HandlerPool

from collector.errors import BadRequest, TooLarge
from collector.otlp.schema import MESSAGES, file

Export = Literal["TraceExport", "LogExport"]
_NAMES = {"TraceExport": "ExportTraceServiceRequest", "LogExport": "ExportLogsServiceRequest"}

MAX_SMALL_MESSAGES = 4 * 2**20
_SURELY_FEW_BYTES = 2**20


def decode_export(body: bytes, export: Export = "TraceExport") -> pa.RecordBatch:
    """One row with the columns of the export (`schema.MESSAGES`), nested as on the wire.

    Text that is not UTF-8 keeps its place, with a replacement character for each byte that is wrong.

    Raises:
        BadRequest: if `body` is no such message.
        TooLarge: if it holds so many small messages that they would fill the memory.
    """
    refuse_crumbs(body)
    try:
        return _decoded(body, export)
    except ValueError as error:
        if "UTF-8" in str(error):
            return _decode_broken_texts(body, export)
        raise _no_such_export(export, error) from error


def _decoded(body: bytes, export: Export, *, texts: str = "string") -> pa.RecordBatch:
    """Raises ValueError."""
    try:
        return _handler(export, texts=texts).list_to_record_batch([body])
    except BaseException as error:
        # A length beyond any memory makes the decoder panic. That is no Exception, and would end whoever called.
        if type(error).__name__ == "PanicException":
            raise ValueError("a length in it is out of range") from error
        raise


def _no_such_export(export: Export, error: ValueError) -> BadRequest:
    return BadRequest(f"the body is not an OTLP {_NAMES[export]} in protobuf: {error}")


def refuse_crumbs(body: bytes) -> None:
    """A message of two bytes takes a hundred in memory, so a body of nothing else would take gigabytes.

    Raises:
        TooLarge
    """
    if len(body) <= _SURELY_FEW_BYTES:
        return
    octets = np.frombuffer(body, np.uint8)
    # A field below 16 of wire type 2 and a length below 9. Text hardly ever has such a pair.
    n_small = int(np.count_nonzero(((octets[:-1] & 0x87) == 2) & (octets[1:] < 9)))
    if n_small > MAX_SMALL_MESSAGES:
        raise TooLarge(f"the body holds about {n_small} messages of a few bytes each; export smaller batches")


def _decode_broken_texts(body: bytes, export: Export) -> pa.RecordBatch:
    try:
        batch = _decoded(body, export, texts="bytes")
    except ValueError as error:
        raise _no_such_export(export, error) from error
    fixed = _with_texts(pa.StructArray.from_arrays(batch.columns, fields=list(batch.schema)), export)
    return pa.RecordBatch.from_struct_array(fixed)


def _with_texts(array: pa.Array, kind: str) -> pa.Array:
    """`array` of message `kind` with its texts, which were read as bytes, as text."""
    if isinstance(array, pa.ListArray):
        offsets = pa.concat_arrays([array.offsets]).cast(pa.int32())
        return pa.ListArray.from_arrays(offsets, _with_texts(array.values, kind), mask=_nulls_of(array))
    if kind == "string":
        return _text_column(array)
    if kind not in MESSAGES:
        return array
    children = [_with_texts(array.field(name), field[1]) for name, field in MESSAGES[kind].items()]
    return pa.StructArray.from_arrays(children, names=list(MESSAGES[kind]), mask=_nulls_of(array))


def _nulls_of(array: pa.Array) -> pa.Array | None:
    return pc.is_null(array) if array.null_count else None


def _text_column(raw: pa.Array) -> pa.Array:
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [None if item is None else item.decode(errors="replace") for item in raw.to_pylist()]
        return pa.array(texts, pa.string())


@functools.cache
def _handler(export: str, *, texts: str = "string") -> Any:
    described = file(texts=texts)
    return HandlerPool([described]).get_for_message(described.message_types_by_name[export])
