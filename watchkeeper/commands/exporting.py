"""`watchkeeper export`: stored telemetry to a file."""

from __future__ import annotations

import re
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.errors import WatchkeeperError

if TYPE_CHECKING:
    from watchkeeper.commands.export_file import Format
    from watchkeeper.commands.sources import Kind, Source

BEGINNING, END = "1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z"
"""No stored time lies outside. Not until now: clocks that are ahead send calls of the future."""

_AGO = re.compile(r"(\d+)([smhdw])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def add_to(app: typer.Typer) -> None:
    app.command()(export)


def export(
    out: Annotated[Path, typer.Option(help="File to write, packed if it ends in .gz or .zst; - is standard output")],
    kind: Annotated[str | None, typer.Option(help="calls, spans or scores (default: calls; of otlp spans)")] = None,
    form: Annotated[
        str, typer.Option("--format", help="jsonl, parquet, otlp (protobuf) or otlp-json; the last two are of spans")
    ] = "jsonl",
    since: Annotated[
        str | None, typer.Option(help="RFC 3339, a day, or how long ago, such as 7d (default: the beginning)")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The same; not included (default: no end)")] = None,
    project: Annotated[str | None, typer.Option(help="Only of this project")] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="NAME=VALUE", help="Such as request_model=gpt-4o, as GET /api/v1/calls takes"),
    ] = None,
    url: Annotated[str | None, typer.Option(help="The running Watchkeeper (default: http://127.0.0.1:8600)")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="WATCHKEEPER_API_KEY", help="With scope read")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Read this folder instead; only while no Watchkeeper runs on it")
    ] = None,
) -> None:
    """Write calls, spans or scores to a file, from the running platform unless --data-dir is given.

    The file appears under its name when it is whole. Calls as jsonl or parquet can be imported again with `watchkeeper
    import`; spans as otlp can be sent to any OTLP receiver.
    """
    from watchkeeper.commands.export_file import check, export_file
    from watchkeeper.commands.sources import query_of

    if url is not None and data_dir is not None:
        raise WatchkeeperError("--url and --data-dir: give the one or the other")
    format_ = _format(form)
    kind_ = _kind(kind, format_)
    check(kind_, format_, out)
    now_ns = time.time_ns()
    params = filters_of(filters or []) | {
        "since": time_of(since, now_ns, "--since") if since else BEGINNING,
        "until": time_of(until, now_ns, "--until") if until else END,
    }
    if project is not None:
        params["project"] = project
    query_of(kind_, params).filters(now_ns)  # before anything is opened: a typing error costs nothing
    with ExitStack() as parts:
        try:
            n_items = export_file(_source(parts, url, api_key, data_dir), kind_, format_, params, out)
        except KeyboardInterrupt:
            print(f"{out}: stopped, nothing written", file=sys.stderr)
            raise typer.Exit(130) from None
    print(f"{out}: {n_items} {kind_}", file=sys.stderr if str(out) == "-" else sys.stdout)


def _format(text: str) -> Format:
    match text:
        case "jsonl" | "parquet" | "otlp" | "otlp-json":
            return text
    raise WatchkeeperError(f"--format: must be jsonl, parquet, otlp or otlp-json, got {text!r}")


def _kind(text: str | None, form: Format) -> Kind:
    match text:
        case None:
            return "spans" if form in ("otlp", "otlp-json") else "calls"
        case "calls" | "spans" | "scores":
            return text
    raise WatchkeeperError(f"--kind: must be calls, spans or scores, got {text!r}")


def filters_of(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise WatchkeeperError(f"--filter {pair}: write NAME=VALUE, such as request_model=gpt-4o")
        if name in found or name in ("limit", "cursor", "since", "until", "project"):
            raise WatchkeeperError(f"--filter {pair}: {name} is given twice, or has an option of its own")
        found[name] = value
    return found


def time_of(text: str, now_ns: int, option: str) -> str:
    """RFC 3339 of a time, a day (its beginning in UTC) or a time ago."""
    from collector.errors import BadRequest
    from collector.times import NS_PER_S, format_rfc3339, parse_rfc3339

    if match := _AGO.fullmatch(text):
        return format_rfc3339(max(now_ns - int(match[1]) * _UNITS_S[match[2]] * NS_PER_S, 0))
    full = f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text
    try:
        return format_rfc3339(parse_rfc3339(full))
    except BadRequest as error:
        raise WatchkeeperError(f"{option}: {error}, as 2026-11-21, or as 7d") from error


def _source(parts: ExitStack, url: str | None, api_key: str | None, data_dir: Path | None) -> Source:
    from watchkeeper.commands.rest import DEFAULT_URL, Rest
    from watchkeeper.commands.sources import RestSource, store_source

    if data_dir is not None:
        return parts.enter_context(store_source(data_dir))
    return RestSource(parts.enter_context(Rest(url or DEFAULT_URL, api_key)))
