"""`watchkeeper store`: prepare the telemetry store, and move all of it into another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collector.store.base import TelemetryStore

store_app = typer.Typer(help="The telemetry store: prepare it, move it.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: watchkeeper.toml, if there is one)")
]
DataDir = Annotated[Path | None, typer.Option(help="Folder of all data (default: watchkeeper-data)")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(store_app, name="store")


@store_app.command()
def init(config: ConfigFile = None) -> None:
    """Install the index templates in Elasticsearch; doing it again changes nothing.

    Every process that uses the store does so too when it starts: this is for the first time, with a user who may, and
    to see whether address, password and privileges are right.
    """
    from collector.store.elasticsearch.store import ElasticsearchStore
    from watchkeeper.config import load_config

    table = load_config(config).store.elasticsearch
    if table is None:
        print("nothing to do: DuckDB makes its files itself (store.kind is 'duckdb')")
        return
    store = ElasticsearchStore(table.config())
    try:
        installed = store.prepare()
    finally:
        store.close()
    if installed:
        print(f"{table.url}: installed the index templates {', '.join(installed)}")
    else:
        print(f"{table.url}: nothing to do, the index templates of {table.prefix!r} are all there")


@store_app.command("export")
def export_(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which is made")],
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write all that the store holds to a folder of Parquet files, for `watchkeeper store import` into another store.

    After an interruption, run it again. It reads the store itself: stop what runs on it, so that nothing is missed.
    """
    from watchkeeper.commands.moving import export_folder

    with _opened(config, data_dir) as store:
        counts = export_folder(store, folder)
    for kind, n_rows in counts.items():
        print(f"{kind}: {n_rows} written")


@store_app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="What `watchkeeper store export` has written")],
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Put all that `watchkeeper store export` has written into the store of this configuration, as it is.

    Doing it again changes nothing; after an interruption, run it again.
    """
    from watchkeeper.commands.moving import import_folder

    with _opened(config, data_dir) as store:
        done = import_folder(store, folder)
    for kind, loaded in done.items():
        n_rows = loaded.n_new + loaded.n_known
        print(f"{kind}: {n_rows} read, {loaded.n_new} new, {loaded.n_known} there already")


@contextmanager
def _opened(config: Path | None, data_dir: Path | None) -> Iterator[TelemetryStore]:
    """The store that the configuration names. Files belong to one process, as does a state database in a folder."""
    from watchkeeper.config import load_config
    from watchkeeper.datadir import claimed
    from watchkeeper.storage import open_databases

    options: dict[str, Any] = {} if data_dir is None else {"server": {"data_dir": data_dir}}
    loaded = load_config(config, options)
    path = loaded.server.data_dir
    with ExitStack() as parts:
        if loaded.store.kind == "duckdb" or loaded.server.state_url is None:
            path = parts.enter_context(claimed(path))
        _, store = open_databases(loaded, path, parts)
        yield store
