"""JSON, one object a line or a list of objects, read row by row: of the file no more than one row is in memory."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from collector.importing.row import MAX_ROW_BYTES, BadRow, FileBroken, Row, Rows
from collector.importing.values import finite
from collector.jsontext import parse

CHUNK_BYTES = 1 << 20
SHOWN_BYTES = 1000
"""Of a row that is too long to keep."""

# A whole string, or what opens, closes and parts values; a lone quote begins a string whose end is not read yet.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|"', re.DOTALL)
_NOT_FINITE = re.compile(rb"NaN|Infinity|\d[eE]\+?\d{3}")
"""Only such a text can hold a number that is none: looking costs less than walking through the values."""
_BOM = b"\xef\xbb\xbf"
_BETWEEN = b" \t\r\n,"


def json_lines(stream: BinaryIO, *, max_bytes: int = MAX_ROW_BYTES) -> Rows:
    """The object on each line; empty lines are passed over."""
    number = 0
    while line := stream.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes:
            shown = line[:SHOWN_BYTES]
            while line and not line.endswith(b"\n"):
                line = stream.readline(max_bytes)
            yield _too_long(number, shown, max_bytes)
        elif text := line.removeprefix(_BOM).strip():
            yield row_of(number, text)


def json_values(stream: BinaryIO, *, max_bytes: int = MAX_ROW_BYTES) -> Rows:
    """The objects of one JSON list, or one object after the other, with or without line breaks inside.

    Raises:
        FileBroken: where a value never ends; what stood before it was yielded.
    """
    for number, text in enumerate(_values(stream, max_bytes), start=1):
        yield row_of(number, text)


def row_of(number: int, text: bytes) -> Row | BadRow:
    """The row that `text` is: an object."""
    try:
        value = parse(text.decode())
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 (byte {error.start} of the row); convert the file, such as with iconv"
        return BadRow(number, reason, text.decode(errors="replace"))
    except ValueError as error:
        return BadRow(number, f"not JSON: {error}", text.decode(errors="replace"))
    if not isinstance(value, dict):
        return BadRow(number, f"must be a JSON object, got {type(value).__name__}", value)
    return Row(number, finite(value) if _NOT_FINITE.search(text) else value)


def _too_long(number: int, shown: bytes, max_bytes: int) -> BadRow:
    reason = f"longer than {max_bytes} bytes; shown are the first {len(shown)}"
    return BadRow(number, reason, shown.decode(errors="replace"))


def _values(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """The text of every value: those of the one list, or of the file where it begins with no list.

    Brackets are counted, outside of strings only, so that one broken value spoils none of the others.
    """
    buffer = _begin(stream)
    depth = base = 1 if buffer.startswith(b"[") else 0  # `base`: how deep the values lie
    start = at = base
    while True:
        for token in _TOKEN.finditer(buffer, at):
            mark = token.group()
            if mark == b'"':
                break  # the string goes on in what is not read yet: look at it again then
            at = token.end()
            depth += (mark in b"[{") - (mark in b"]}")
            if depth < base or (depth == base and mark in (b",}]" if base == 0 else b",")):
                if text := buffer[start : at if base == 0 else at - 1].strip(_BETWEEN):
                    yield text
                start, depth = at, base
        if len(buffer) - start > max_bytes:
            raise FileBroken(f"a value is longer than {max_bytes} bytes or never ends; nothing after it was read")
        if not (chunk := stream.read(CHUNK_BYTES)):
            break
        buffer, at, start = buffer[start:] + chunk, at - start, 0
    if text := buffer[start:].strip(_BETWEEN):
        yield text


def _begin(stream: BinaryIO) -> bytes:
    """What the file begins with, from its first character that is no space."""
    buffer = stream.read(CHUNK_BYTES).removeprefix(_BOM).lstrip()
    while not buffer and (chunk := stream.read(CHUNK_BYTES)):
        buffer = chunk.lstrip()
    return buffer
