"""What `watchkeeper export` does: pages of a source into one file that appears when it is whole."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

from collector.errors import WatchkeeperError
from collector.exporting import columns
from collector.exporting.writers import JsonLines, OtlpJsonLines, OtlpProtobuf, Parquet, Writer, packed
from collector.times import format_rfc3339, parse_rfc3339
from watchkeeper.commands.progress import meter
from watchkeeper.commands.sources import Kind, Source

Format = Literal["jsonl", "parquet", "otlp", "otlp-json"]
STDOUT = Path("-")
_ON_CALLS = ("project", "environment", "service", "trace_id")
_SCHEMAS = {"calls": columns.CALLS, "scores": columns.SCORES}


def check(kind: Kind, form: Format, out: Path) -> None:
    """
    Raises:
        WatchkeeperError: for a kind that this format cannot hold.
    """
    is_otlp = form in ("otlp", "otlp-json")
    if is_otlp and kind != "spans":
        raise WatchkeeperError(f"--format {form}: holds spans, with the calls that stand on them; write --kind spans")
    if form == "parquet" and kind == "spans":
        raise WatchkeeperError("--format parquet: holds calls and scores; spans are written as otlp or otlp-json")
    if form == "parquet" and out == STDOUT:
        raise WatchkeeperError("Parquet cannot be written to a pipe; name a file with --out")


def export_file(source: Source, kind: Kind, form: Format, params: Mapping[str, Any], out: Path) -> int:
    """Write all that `params` choose to `out` and return how many there were."""
    n_items = 0
    with _whole_file(out) as file, ExitStack() as parts:
        total = source.n_calls(params) if kind == "calls" else None
        gauge = parts.enter_context(meter(f"export of {kind}", total, noun=kind))
        writer = _writer(packed(file, out.suffix), kind, form)
        for items in source.pages(kind, params):
            if not items:
                continue
            writer.write(items, _calls_of(source, items, params) if form in ("otlp", "otlp-json") else {})
            n_items += len(items)
            gauge.update(n_items, n_items)
        writer.close()
    return n_items


def _writer(file: BinaryIO, kind: Kind, form: Format) -> Writer:
    match form:
        case "parquet":
            return Parquet(file, _SCHEMAS[kind])
        case "otlp":
            return OtlpProtobuf(file)
        case "otlp-json":
            return OtlpJsonLines(file)
    return JsonLines(file)


def _calls_of(
    source: Source, spans: Sequence[Mapping[str, Any]], params: Mapping[str, Any]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The calls that stand on `spans`, a page of them: a call starts when its span does."""
    starts_ns = [parse_rfc3339(span["start_time"]) for span in spans]
    chosen = {name: params[name] for name in _ON_CALLS if name in params}
    window = {"since": format_rfc3339(min(starts_ns)), "until": format_rfc3339(max(starts_ns) + 1)}
    pages = source.pages("calls", {**chosen, **window})
    return {(call["trace_id"], call["span_id"]): call for page in pages for call in page}


@contextmanager
def _whole_file(out: Path) -> Iterator[BinaryIO]:
    """A file to write that gets the name `out` when all of it is on disk, and is removed when something fails."""
    if out == STDOUT:
        yield open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115  closed by who writes
        sys.stdout.flush()
        return
    part = out.with_name(f"{out.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise WatchkeeperError(f"{out}: cannot be written ({error.strerror}); name another file with --out") from error
    try:
        yield file
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(out)
    except OSError as error:
        raise WatchkeeperError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        file.close()
        part.unlink(missing_ok=True)
