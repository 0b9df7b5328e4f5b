"""`watchkeeper erase`: a person's telemetry goes, and a receipt stays."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from collector.errors import WatchkeeperError

PATIENCE_S = 6 * 3600.0
"""Every day that the user was there is written anew."""


def add_to(app: typer.Typer) -> None:
    app.command()(erase)


def erase(
    user: Annotated[str, typer.Option("--user", help="The user id that the calls carry")],
    project: Annotated[str | None, typer.Option(help="Only in this project (default: in all)")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (default: watchkeeper.toml, if there is one)")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Work on this folder; only while no Watchkeeper runs on it")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The running Watchkeeper (default: http://127.0.0.1:8600)")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="WATCHKEEPER_API_KEY", help="With scope admin")] = None,
) -> None:
    """Erase all that is stored of a user, on the disk too, and print the receipt, which the audit log keeps.

    In the data folder, or through the Watchkeeper that runs on it.
    """
    from watchkeeper.commands.rest import DEFAULT_URL

    if url is not None and data_dir is not None:
        raise WatchkeeperError("--url and --data-dir: give the one or the other")
    if url is not None:
        receipt = _by_rest(url, api_key, user, project)
    else:
        found = _in_folder(config, data_dir, user, project)
        receipt = _by_rest(found or DEFAULT_URL, api_key, user, project) if isinstance(found, str | None) else found
    print(json.dumps(receipt, ensure_ascii=False, indent=2))


def _by_rest(url: str, api_key: str | None, user: str, project: str | None) -> Any:
    import uuid

    from watchkeeper.commands.rest import Rest, json_line

    # The same in every retry, so that one whose answer was lost does not come back with a receipt about nothing.
    body = json_line({"user_id": user, "project": project, "request_id": uuid.uuid4().hex})
    with Rest(url, api_key, patience_s=PATIENCE_S) as rest:
        return rest.post("erase", body, content_type="application/json", params={})


def _in_folder(config: Path | None, data_dir: Path | None, user: str, project: str | None) -> Any:
    """The receipt; where a Watchkeeper runs on the folder, its URL; None where none was named and none is there."""
    from prometheus_client import CollectorRegistry

    from collector.erasure import Asked
    from watchkeeper.commands.keys import who
    from watchkeeper.config import load_config
    from watchkeeper.datadir import DataDirInUse, claimed, noted_url
    from watchkeeper.keeping import erasures_of
    from watchkeeper.storage import open_storage

    options: dict[str, Any] = {} if data_dir is None else {"server": {"data_dir": data_dir}}
    loaded = load_config(config, options)
    path = loaded.server.data_dir.resolve()
    if not (path / "telemetry").is_dir():
        if data_dir is None:
            return None
        raise WatchkeeperError(f"{path}: holds no telemetry; name the folder of `watchkeeper up --data-dir`")
    with ExitStack() as parts:
        try:
            parts.enter_context(claimed(path))
        except DataDirInUse as error:
            if (url := noted_url(path)) is None:
                raise WatchkeeperError(f"{error}, or erase through it with --url") from error
            return url
        storage = open_storage(loaded, path, CollectorRegistry(), parts)
        erasures = erasures_of(storage, loaded.collector, path)
        parts.callback(erasures.close)
        return erasures.erase(Asked(user=user, project=project, actor=who()))
