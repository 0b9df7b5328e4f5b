"""`watchkeeper project`, `key` and `audit`: work on the state database of a data directory, also while `up` runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from collector.projects.book import ProjectBook

project_app = typer.Typer(help="Projects: whose data is whose, and how long it is kept.", no_args_is_help=True)
key_app = typer.Typer(help="API keys: who may send to a project or read it.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: watchkeeper.toml, if there is one)")
]
DataDir = Annotated[Path | None, typer.Option(help="Folder of all data (default: watchkeeper-data)")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line")]
_DAYS = "a number of days, 'keep' for good, or 'default' for what the configuration says"
ContentDays = Annotated[str | None, typer.Option(help=f"How long texts are kept: {_DAYS}")]
TelemetryDays = Annotated[str | None, typer.Option(help=f"How long calls and spans are kept: {_DAYS}")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(project_app, name="project")
    app.add_typer(key_app, name="key")
    app.command()(audit)


@project_app.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help="Small letters, digits, '.', '_' and '-'")],
    content_days: ContentDays = None,
    telemetry_days: TelemetryDays = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Add a project."""
    days = {"content_days": _days("--content-days", content_days),
            "telemetry_days": _days("--telemetry-days", telemetry_days)}  # fmt: skip
    with _book(config, data_dir, make=True) as book:
        made = book.create_project(name, **days)
    _say(f"project {made.name} is there; give it a key with `watchkeeper key create --project {made.name}`")


@project_app.command("list")
def list_projects(config: ConfigFile = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show all projects."""
    with _book(config, data_dir) as book:
        rows = [
            {
                "project": project.name,
                "created": _time(project.created_ns),
                "content_days": _kept(project.content_days),
                "telemetry_days": _kept(project.telemetry_days),
                "redaction": project.redaction,
            }
            for project in book.projects()
        ]
    unset = {"content_days": "default", "telemetry_days": "default", "redaction": "as installed"}
    _show(rows, as_json=as_json, none=unset)


@project_app.command("set-retention")
def set_retention(
    name: Annotated[str, typer.Argument()],
    content_days: ContentDays = None,
    telemetry_days: TelemetryDays = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Change how long a project's texts, and everything else of it, are kept."""
    from collector.errors import BadRequest

    given = {"content_days": content_days, "telemetry_days": telemetry_days}
    changes: dict[str, Any] = {
        key: _days(f"--{key.replace('_', '-')}", text) for key, text in given.items() if text is not None
    }
    if not changes:
        raise BadRequest("say what to change: --content-days, --telemetry-days or both")
    with _book(config, data_dir) as book:
        project = book.change_project(name, **changes)
    words: dict[Any, str] = {None: "as long as the configuration says", "keep": "for good"}
    kept = [
        f"{what} {words.get(_kept(days), f'for {days} days')}"
        for what, days in (("texts", project.content_days), ("the rest", project.telemetry_days))
    ]
    _say(f"project {name} keeps {' and '.join(kept)}")


@key_app.command("create")
def create_key(
    scope: Annotated[list[str], typer.Option(help="ingest, read or admin; may be repeated")],
    project: Annotated[str | None, typer.Option(help="The project it opens (default: default)")] = None,
    all_projects: Annotated[bool, typer.Option("--all-projects", help="Open every project; for admin")] = False,
    name: Annotated[str, typer.Option(help="What people call it")] = "",
    rate_limit: Annotated[float | None, typer.Option(help="Spans a second")] = None,
    burst: Annotated[int | None, typer.Option(help="Spans at once (default: two seconds of the rate)")] = None,
    sample_rate: Annotated[float | None, typer.Option(help="Share of traces that is stored")] = None,
    expires: Annotated[str | None, typer.Option(help="A time like 12h or 90d from now, or in RFC 3339")] = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it. It is shown this once: only a hash of it is kept."""
    import time

    from collector.call import DEFAULT_PROJECT
    from collector.errors import BadRequest
    from collector.projects.key import SCOPES

    if unknown := set(scope) - set(SCOPES):
        raise BadRequest(f"--scope: must be one of {', '.join(SCOPES)}, got {', '.join(sorted(unknown))}")
    if all_projects and project is not None:
        raise BadRequest("--all-projects: leave out --project, or name the one project")
    with _book(config, data_dir, make=True) as book:
        new = book.create_key(
            project=None if all_projects else project or DEFAULT_PROJECT,
            scopes=scope,  # type: ignore[arg-type]  # checked above
            name=name,
            rate_limit_spans_per_s=rate_limit,
            burst_spans=burst,
            sample_rate=sample_rate,
            expires_ns=None if expires is None else expiry_ns(expires, now_ns=time.time_ns()),
        )
    opens = "all projects" if new.key.project is None else f"project {new.key.project}"
    _say(f"key {new.key.key_id} for {opens}, {' and '.join(sorted(new.key.scopes))}; it is shown only this once:")
    print(new.secret)


@key_app.command("list")
def list_keys(config: ConfigFile = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show all keys, also those that open nothing any more."""
    import time

    with _book(config, data_dir) as book:
        rows = [
            {
                "key_id": key.key_id,
                "name": key.name or None,
                "project": key.project,
                "scopes": sorted(key.scopes),
                "state": key.state(time.time_ns()),
                "rate_limit": key.rate_limit_spans_per_s,
                "sample_rate": key.sample_rate,
                "created": _time(key.created_ns),
                "last_used": _time(key.last_used_ns),
                "expires": _time(key.expires_ns),
            }
            for key in book.all_keys()
        ]
    _show(rows, as_json=as_json, none={"project": "all", "last_used": "never", "expires": "never"})


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="As `key list` shows it")],
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Refuse a key from now on; a running Watchkeeper notices within a second or two."""
    with _book(config, data_dir) as book:
        key = book.revoke_key(key_id)
    _say(f"key {key.key_id} opens nothing any more")


def audit(
    limit: Annotated[int, typer.Option(min=1, help="How many entries, the newest")] = 50,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show who changed projects and keys, and what was erased."""
    from collector.projects.audit import read_entries

    with _state(config, data_dir) as engine:
        rows = [entry.to_json() for entry in reversed(read_entries(engine, limit=limit))]
    _show(rows, as_json=as_json, none={})


def expiry_ns(text: str, *, now_ns: int) -> int:
    """Unix nanoseconds of a time like 12h or 90d from now, or of an RFC 3339 text.

    Raises:
        BadRequest: if it is neither.
    """
    import re

    from collector.errors import BadRequest
    from collector.times import parse_rfc3339

    units_s = {"m": 60, "h": 3600, "d": 86_400}
    if match := re.fullmatch(r"(\d{1,6})([mhd])", text):
        return now_ns + int(match[1]) * units_s[match[2]] * 10**9
    try:
        return parse_rfc3339(text)
    except BadRequest as error:
        raise BadRequest(f"--expires: write a time like 12h or 90d, or 2027-01-01T00:00:00Z; got {text!r}") from error


def _time(time_ns: int | None) -> str | None:
    """To the second."""
    from collector.times import NS_PER_S, format_rfc3339

    return None if time_ns is None else format_rfc3339(time_ns // NS_PER_S * NS_PER_S)


def _kept(days: int | None) -> int | str | None:
    from collector.projects.project import FOR_GOOD_DAYS

    return "keep" if days == FOR_GOOD_DAYS else days


def _days(option: str, text: str | None) -> int | None:
    from collector.errors import BadRequest
    from collector.projects.project import FOR_GOOD_DAYS

    if text is None or text == "default":
        return None
    if text == "keep":
        return FOR_GOOD_DAYS
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest(f"{option}: write {_DAYS}, got {text!r}")
    return int(text)


@contextmanager
def _state(config: Path | None, data_dir: Path | None, *, make: bool = False) -> Iterator[Engine]:
    """The state database, made only where asked for: a mistyped folder must not look like an empty installation."""
    from watchkeeper.config import load_config
    from watchkeeper.storage import open_state_of

    options: dict[str, Any] = {} if data_dir is None else {"server": {"data_dir": data_dir}}
    loaded = load_config(config, options)
    path = loaded.server.data_dir.resolve()
    if loaded.server.state_url is None:
        _check_folder(path, make=make)
    engine = open_state_of(loaded, path)
    try:
        yield engine
    finally:
        engine.dispose()


def _check_folder(path: Path, *, make: bool) -> None:
    from collector.errors import BadRequest
    from collector.state import STATE_FILE
    from watchkeeper.datadir import DataDirUnavailable

    if not make and not (path / STATE_FILE).exists():
        raise BadRequest(f"{path}: no Watchkeeper has kept anything here; name its folder with --data-dir")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataDirUnavailable(f"{path}: cannot be written ({error.strerror}); choose another --data-dir") from error


@contextmanager
def _book(config: Path | None, data_dir: Path | None, *, make: bool = False) -> Iterator[ProjectBook]:
    import time

    from collector.projects.book import ProjectBook

    with _state(config, data_dir, make=make) as engine:
        yield ProjectBook(engine, time.time_ns, actor=who())


def who() -> str:
    """Who runs the command, for the audit log."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a number without a name
        return "cli:unknown"


def _say(text: str) -> None:
    """Beside standard output, which holds what scripts read."""
    print(text, file=sys.stderr)


def _show(rows: Sequence[dict[str, Any]], *, as_json: bool, none: dict[str, str]) -> None:
    import json

    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    if not rows:
        _say("nothing to show")
        return
    cells = [[_cell(value, none.get(name, "-")) for name, value in row.items()] for row in rows]
    lines = [[name.replace("_", " ").upper() for name in rows[0]], *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any, none: str) -> str:
    import json

    if value is None:
        return none
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:g}" if isinstance(value, float) else str(value)
