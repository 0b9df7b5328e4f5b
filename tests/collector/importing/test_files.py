"""Files to rows: every format, packed or not, with bad rows between good ones."""

import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import WatchkeeperError
from collector.importing.csvrows import csv_rows
from collector.importing.jsonrows import CHUNK_BYTES, json_lines, json_values
from collector.importing.reading import format_of, open_rows
from collector.importing.row import BadRow, FileBroken, Row

TEXTS = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=4)


def rows_of(body: bytes, read: Any = json_values) -> list[Row | BadRow]:
    return list(read(io.BytesIO(body)))


def summary(rows: list[Row | BadRow]) -> list[tuple[int, Any]]:
    return [(row.number, row.values if isinstance(row, Row) else "bad") for row in rows]


@given(st.lists(OBJECTS, max_size=3), st.sampled_from([None, 1]), st.booleans())
def test_a_list_of_objects_comes_back_object_by_object(objects: list[Any], indent: int | None, escaped: bool) -> None:
    body = json.dumps(objects, indent=indent, ensure_ascii=escaped).encode()
    assert [row.values for row in rows_of(body) if isinstance(row, Row)] == objects


@given(st.lists(OBJECTS, max_size=3), st.sampled_from([None, 2]))
def test_objects_without_a_list_around_them_are_read_too(objects: list[Any], indent: int | None) -> None:
    body = "\n".join(json.dumps(item, indent=indent) for item in objects).encode()
    assert [row.values for row in rows_of(body) if isinstance(row, Row)] == objects


@given(st.lists(OBJECTS, max_size=3))
def test_lines_come_back_line_by_line(objects: list[Any]) -> None:
    body = "\n".join(map(json.dumps, objects)).encode()
    assert rows_of(body, json_lines) == [Row(i, item) for i, item in enumerate(objects, start=1)]


@given(st.binary(max_size=200), st.sampled_from([json_lines, json_values, csv_rows]))
def test_any_bytes_are_rows_or_told(body: bytes, read: Any) -> None:
    try:
        rows = rows_of(body, read)
    except FileBroken:
        return
    assert all(isinstance(row, Row | BadRow) for row in rows)


def test_values_over_the_edge_of_a_chunk_are_whole() -> None:
    text = 'a\\"]},{[' * (CHUNK_BYTES // 3)
    objects = [{"text": text, "i": i} for i in range(3)]
    assert [row.values for row in rows_of(json.dumps(objects).encode()) if isinstance(row, Row)] == objects


def test_a_broken_value_in_a_list_spoils_no_other() -> None:
    rows = rows_of(b'[{"a": 1}, {b}, 5, {"c": "}]"}, {"d": 1}}, {"e": 1}]')
    assert summary(rows) == [(1, {"a": 1}), (2, "bad"), (3, "bad"), (4, {"c": "}]"}), (5, {"d": 1}), (6, {"e": 1})]


def test_a_bad_line_is_told_with_its_number_its_reason_and_its_text() -> None:
    rows = rows_of(b'\n{"a": 1}\n{"b": \n[1]\n{"c": "\xff"}\n{"d": 1}', json_lines)
    assert summary(rows) == [(2, {"a": 1}), (3, "bad"), (4, "bad"), (5, "bad"), (6, {"d": 1})]
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert "not JSON" in bad[0].reason
    assert bad[0].row == '{"b":'
    assert "must be a JSON object" in bad[1].reason
    assert "UTF-8" in bad[2].reason


def test_a_line_that_is_too_long_is_rejected_and_the_next_one_read() -> None:
    body = b'{"a": "' + b"x" * 5000 + b'"}\n{"b": 1}\n'
    rows = list(json_lines(io.BytesIO(body), max_bytes=1000))
    assert summary(rows) == [(1, "bad"), (2, {"b": 1})]
    assert len(str(rows[0])) < 2000


def test_a_value_that_never_ends_stops_the_file_and_keeps_what_was_before() -> None:
    rows = json_values(io.BytesIO(b'[{"a": 1}, {"b": "' + b"x" * 5_000_000), max_bytes=1_000_000)
    assert next(rows) == Row(1, {"a": 1})
    with pytest.raises(FileBroken, match="never ends"):
        next(rows)


def test_numbers_that_are_no_json_and_half_characters_become_storable() -> None:
    body = b'{"a": NaN, "b": [Infinity, 1e999, 2], "c": "\\ud83d"}'
    assert rows_of(body, json_lines) == [Row(1, {"a": None, "b": [None, None, 2], "c": "?"})]


def test_nesting_without_end_is_a_bad_row() -> None:
    body = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b'}\n{"b": 1}'
    assert summary(rows_of(body, json_lines)) == [(1, "bad"), (2, {"b": 1})]
    assert summary(rows_of(body)) == [(1, "bad"), (2, {"b": 1})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_by_its_header_whatever_parts_the_cells(delimiter: str) -> None:
    lines = [["start_time", "text"], ["1", '"two\nlines and ""quotes"""'], ["2", f'"a{delimiter}b"']]
    body = "\ufeff" + "\r\n".join(map(delimiter.join, lines))
    assert rows_of(body.encode(), csv_rows) == [
        Row(2, {"start_time": "1", "text": 'two\nlines and "quotes"'}),
        Row(4, {"start_time": "2", "text": f"a{delimiter}b"}),
    ]


def test_bad_csv_rows_are_told_and_the_rest_is_kept() -> None:
    body = b"a,b\n1,2\n1,2,3\n\n\xff,2\n5,6\n"
    rows = rows_of(body, csv_rows)
    assert summary(rows) == [(2, {"a": "1", "b": "2"}), (3, "bad"), (5, "bad"), (6, {"a": "5", "b": "6"})]
    reasons = [row.reason for row in rows if isinstance(row, BadRow)]
    assert "3 cells where the header names 2" in reasons[0]
    assert "UTF-8" in reasons[1]


@pytest.mark.parametrize(("body", "said"), [(b"", "columns"), (b"a,a\n1,2\n", "twice"), (b"\xff,b\n", "UTF-8")])
def test_a_header_that_names_no_columns_stops_the_file(body: bytes, said: str) -> None:
    with pytest.raises(FileBroken, match=said):
        rows_of(body, csv_rows)


def test_parquet_keeps_nanoseconds_and_brings_values_to_json(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    time_ns = 1_795_255_200_123_456_789
    columns = {
        "utc": pa.array([time_ns, None], pa.timestamp("ns", tz="UTC")),
        "berlin": pa.array([time_ns // 1000, None], pa.timestamp("us", tz="Europe/Berlin")),
        "naive": pa.array([time_ns // 10**6, None], pa.timestamp("ms")),
        "cost": pa.array([Decimal("0.25"), None], pa.decimal128(10, 2)),
        "tokens": pa.array([3, None], pa.int64()),
        "nan": pa.array([float("nan"), 1.5]),
        "chat": pa.array([[{"role": "user", "content": "hi"}], None]),
        "when": pa.array([[datetime(2026, 1, 1, tzinfo=UTC)], None], pa.list_(pa.timestamp("us", tz="UTC"))),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "raw": pa.array([b"abc", None]),
    }
    pq.write_table(pa.table(columns), path)
    with open_rows(path, "parquet") as reading:
        first, second = reading.rows
    assert isinstance(first, Row)
    assert first.values == {
        "utc": "2026-11-21T10:00:00.123456789Z", "berlin": "2026-11-21T10:00:00.123456Z",
        "naive": "2026-11-21T10:00:00.123", "cost": 0.25, "tokens": 3, "nan": None,
        "chat": [{"role": "user", "content": "hi"}], "when": ["2026-01-01T00:00:00+00:00"], "map": {"k": 1},
        "raw": "abc",
    }  # fmt: skip
    assert second == Row(2, dict.fromkeys(columns) | {"nan": 1.5})


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_packed_files_are_unpacked_also_those_put_together_of_several(tmp_path: Path, suffix: str) -> None:
    pieces = [b'{"a": 1}\n', b'{"a": 2}\n']
    pack = {"": bytes, ".gz": gzip.compress, ".zst": lambda b: pa.compress(b, codec="zstd", asbytes=True)}[suffix]
    path = tmp_path / f"calls.jsonl{suffix}"
    path.write_bytes(b"".join(map(pack, pieces)))
    with open_rows(path, format_of(path, None)) as reading:
        assert list(reading.rows) == [Row(1, {"a": 1}), Row(2, {"a": 2})]
        assert reading.n_bytes == reading.position() == path.stat().st_size


def keep_all(target: list[Row | BadRow], rows: Any) -> None:
    """Append each row before the next is asked for: what was read stays when the reading fails."""
    for row in rows:
        target.append(row)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_a_file_that_was_cut_gives_what_it_has_and_says_so(tmp_path: Path, suffix: str) -> None:
    lines = b"".join(b'{"a": %d, "b": "%s"}\n' % (i, str(hash(str(i))).encode()) for i in range(20_000))
    path = tmp_path / f"calls{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table({"a": list(range(20_000))}), path)
    else:
        path.write_bytes(
            gzip.compress(lines) if suffix.endswith("gz") else pa.compress(lines, codec="zstd", asbytes=True)
        )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read: list[Row | BadRow] = []
    with open_rows(path, format_of(path, None)) as reading, pytest.raises(FileBroken, match=path.name):
        keep_all(read, reading.rows)
    assert suffix == ".parquet" or 0 < len(read) < 20_000


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jsonl", "jsonl"), ("a.NDJSON.gz", "jsonl"), ("a.json", "json"), ("a.b.csv.zst", "csv"), ("a.tsv", "csv"),
     ("a.parquet", "parquet")],
)  # fmt: skip
def test_the_name_tells_the_format(name: str, kind: str) -> None:
    assert format_of(Path(name), None) == kind


@pytest.mark.parametrize(("name", "given"), [("a.txt", None), ("-", None), ("a.csv", "xml")])
def test_a_format_that_nobody_knows_is_asked_for(name: str, given: str | None) -> None:
    with pytest.raises(WatchkeeperError, match="--format"):
        format_of(Path(name), given)


def test_a_long_list_is_read_in_a_bounded_memory() -> None:
    import tracemalloc

    class Endless(io.RawIOBase):
        values = (b'{"text": "' + b"x" * 1000 + b'"},') * 1000
        n_read = 0

        def readable(self) -> bool:
            return True

        def readinto(self, target: Any) -> int:
            if self.n_read >= 20 * len(self.values):
                return 0
            place = self.n_read % len(self.values)
            piece = self.values[place : place + len(target)]
            target[: len(piece)] = piece
            self.n_read += len(piece)
            return len(piece)

    tracemalloc.start()
    try:
        n_rows = sum(1 for _ in json_values(io.BufferedReader(Endless())))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n_rows == 20_000
    assert peak < 10 * 2**20
