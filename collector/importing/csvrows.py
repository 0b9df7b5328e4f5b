"""CSV with a header line, read row by row."""

import csv
import io
from typing import BinaryIO

from collector.importing.row import MAX_ROW_BYTES, BadRow, FileBroken, Row, Rows
from collector.validation import shorten

DELIMITERS = ",;\t|"


def csv_rows(stream: BinaryIO) -> Rows:
    """One row a record, its values texts by the names of the header. `number` is the line where the record begins.

    The delimiter is the one of `,` `;` tab `|` that the header holds most of.

    Raises:
        FileBroken: if there is no header, or one that names a column twice.
    """
    csv.field_size_limit(MAX_ROW_BYTES)
    # What is no UTF-8 comes through as lone surrogates, so that it spoils its own row only.
    lines = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    first = lines.readline(MAX_ROW_BYTES)
    delimiter = max(DELIMITERS, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter), [])
    _check(header)
    reader = csv.reader(iter(lambda: lines.readline(MAX_ROW_BYTES), ""), delimiter=delimiter)
    while True:
        number = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(number, f"not CSV: {error}; is a quotation mark missing?", None)
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            reason = (
                f"has {len(cells)} cells where the header names {len(header)}; quote a cell that holds {delimiter!r}"
            )
            yield BadRow(number, reason, [_shown(cell) for cell in cells])
            continue
        values = dict(zip(header, cells, strict=True))
        if all(map(_is_utf8, cells)):
            yield Row(number, values)
        else:
            shown = {name: _shown(cell) for name, cell in values.items()}
            yield BadRow(number, "not UTF-8; convert the file, such as with iconv", shown)


def _check(header: list[str]) -> None:
    if not any(name.strip() for name in header):
        raise FileBroken("line 1: must name the columns")
    for name in header:
        if header.count(name) > 1:
            raise FileBroken(f"line 1: names the column {shorten(name)} twice; rename one")
        if not _is_utf8(name):
            raise FileBroken("line 1: not UTF-8; convert the file, such as with iconv")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
