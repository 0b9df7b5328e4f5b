"""`watchkeeper import`: model calls from files."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.errors import WatchkeeperError

if TYPE_CHECKING:
    from collector.importing.convert import Plan
    from collector.importing.reading import Format
    from watchkeeper.commands.import_files import Tally
    from watchkeeper.commands.rejects import Rejects
    from watchkeeper.commands.sinks import Sink


def add_to(app: typer.Typer) -> None:
    app.command("import")(import_)


def import_(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of model calls; - is standard input")],
    kind: Annotated[
        str | None,
        typer.Option("--format", help="jsonl, json (a list), csv or parquet (default: as the name says)"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="openai (request/response pairs), litellm (spend logs) or langfuse (observations)"),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="THEIRS=OURS",
                     help="Their column, or path such as usage.prompt_tokens, holds our field; '-' leaves it out"),
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="TOML file of such pairs, with defaults")] = None,
    timezone: Annotated[str, typer.Option(help="Of times that name none, such as Europe/Berlin")] = "UTC",
    project: Annotated[str | None, typer.Option(help="Project of rows that name none")] = None,
    service: Annotated[str | None, typer.Option(help="Service of rows that name none")] = None,
    environment: Annotated[str | None, typer.Option(help="Environment of rows that name none")] = None,
    url: Annotated[str | None, typer.Option(help="The running Watchkeeper (default: http://127.0.0.1:8600)")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="WATCHKEEPER_API_KEY", help="With scope ingest")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Write into this folder instead; only while no Watchkeeper runs on it")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go (default: FILE.rejects.jsonl)")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files, send nothing")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if a row was rejected")] = False,
) -> None:  # fmt: skip
    """Import model calls from files, into the running platform unless --data-dir is given.

    Rows are calls as `POST /api/v1/calls` takes them, or what --preset, --map and --mapping make of them. A row that
    is no call goes to FILE.rejects.jsonl, the rest is stored. Importing a file again stores nothing twice: after an
    interruption, run the same command again. docs/import-export.md has the schema and the mappings.
    """
    from collector.importing.reading import PLACES, format_of
    from watchkeeper.commands.import_files import rejects_path
    from watchkeeper.commands.rejects import Rejects
    from watchkeeper.commands.sinks import CheckSink

    if url is not None and data_dir is not None:
        raise WatchkeeperError("--url and --data-dir: give the one or the other")
    if rejects is not None and len(files) > 1:
        raise WatchkeeperError("--rejects: takes one FILE; without it each file gets a reject file of its own")
    paths = [Path(file) for file in files]
    formats = [format_of(path, kind) for path in paths]  # before anything is sent: a typing error costs nothing
    for path in paths:
        if str(path) != "-" and not path.is_file():
            raise WatchkeeperError(f"{path}: there is no such file")
    defaults = {"project": project, "service": service, "environment": environment}
    plan = _plan(preset, maps or [], mapping, {k: v for k, v in defaults.items() if v is not None}, timezone)
    n_rejected = 0
    with ExitStack() as parts:
        sink = CheckSink() if dry_run else _sink(parts, url, api_key, data_dir)
        for path, format_ in zip(paths, formats, strict=True):
            rejected = Rejects(str(path), None if dry_run else rejects or rejects_path(path), place=PLACES[format_])
            n_rejected += _import_one(path, format_, plan, sink, rejected)
    if strict and n_rejected:
        raise typer.Exit(1)


def _import_one(path: Path, kind: Format, plan: Plan, sink: Sink, rejects: Rejects) -> int:
    """Import one file, say what came of it, and return the number of rejected rows."""
    from watchkeeper.commands.import_files import import_file
    from watchkeeper.commands.sinks import CheckSink

    try:
        tally = import_file(path, kind, plan, sink, rejects)
    except KeyboardInterrupt:
        print(f"{path}: stopped; run the same command again to complete it", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        rejects.close()
    is_dry = isinstance(sink, CheckSink)
    if isinstance(sink, CheckSink) and sink.first is not None:
        print(json.dumps(sink.first.to_json(), ensure_ascii=False, indent=2))
        sink.first = None
    print(_summary(path, tally, rejects, dry_run=is_dry))
    for line in rejects.first:
        print(f"  {line}", file=sys.stderr)
    if tally.broken:
        raise WatchkeeperError(tally.broken)
    return tally.n_rejected


def _summary(path: Path, tally: Tally, rejects: Rejects, *, dry_run: bool) -> str:
    counts = (
        [f"{tally.n_stored} calls found, none sent"]
        if dry_run
        else [f"{tally.n_stored} stored", f"{tally.n_known} already there"]
    )
    counts.append(f"{tally.n_rejected} rejected" + (f" (see {rejects.path})" if rejects.path else ""))
    if tally.n_sampled_out:
        counts.append(f"{tally.n_sampled_out} left out by the sampling rate of the key")
    if tally.n_passed_over:
        counts.append(f"{tally.n_passed_over} passed over, which are no model calls")
    return f"{path}: " + ", ".join(counts)


def _plan(preset: str | None, maps: list[str], mapping: Path | None, defaults: dict[str, str], timezone: str) -> Plan:
    from zoneinfo import ZoneInfo

    from collector.importing.convert import Plan
    from collector.importing.mapping import mapping_of
    from collector.importing.presets import PRESETS
    from collector.validation import near_match

    if preset is not None and preset not in PRESETS:
        raise WatchkeeperError(f"--preset {preset}: unknown, {near_match(preset, PRESETS)}")
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise WatchkeeperError(f"--timezone {timezone}: unknown; write it like UTC or Europe/Berlin") from error
    chosen = PRESETS[preset] if preset else None
    return Plan(preset=chosen, mapping=mapping_of(maps, mapping), defaults=defaults, zone=zone)


def _sink(parts: ExitStack, url: str | None, api_key: str | None, data_dir: Path | None) -> Sink:
    from watchkeeper.commands.rest import DEFAULT_URL, Rest
    from watchkeeper.commands.sinks import RestSink, store_sink

    if data_dir is not None:
        return parts.enter_context(store_sink(data_dir))
    return RestSink(parts.enter_context(Rest(url or DEFAULT_URL, api_key)))
