"""The command line. Each command imports what it needs when it runs, so that `--help` is quick."""

import sys
from collections.abc import Collection
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer

from collector.errors import WatchkeeperError
from watchkeeper.commands import check, drift, erase, exporting, importing, keys, store
from watchkeeper.roles import ALL, Role

app = typer.Typer(
    name="watchkeeper",
    help="Self-hosted observability and drift monitoring for language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: watchkeeper.toml, if there is one)")
]
DataDir = Annotated[Path | None, typer.Option(help="Folder of all data (default: watchkeeper-data)")]
Host = Annotated[str | None, typer.Option(help="Loopback address to listen on (default: 127.0.0.1)")]
Port = Annotated[int | None, typer.Option(help="UI and REST; 0 picks a free one (default: 8600)")]
RolePort = Annotated[int | None, typer.Option(help="Health, metrics and REST; 0 picks a free one (default: 8600)")]
OtlpHttpPort = Annotated[int | None, typer.Option(help="OTLP over HTTP (default: 4318)")]
OtlpGrpcPort = Annotated[int | None, typer.Option(help="OTLP over gRPC (default: 4317)")]


@app.command()
def up(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    otlp_http_port: OtlpHttpPort = None,
    otlp_grpc_port: OtlpGrpcPort = None,
) -> None:
    """Run everything in one process: OTLP in, UI and REST, evaluation, alerts."""
    ports = {"port": port, "otlp_http_port": otlp_http_port, "otlp_grpc_port": otlp_grpc_port}
    _run(ALL, config, data_dir=data_dir, host=host, **ports)


@app.command()
def collect(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    host: Host = None,
    port: RolePort = None,
    otlp_http_port: OtlpHttpPort = None,
    otlp_grpc_port: OtlpGrpcPort = None,
) -> None:
    """Run a collector beside other processes: OTLP and REST in, into a store that they share (docs/scaling.md)."""
    ports = {"port": port, "otlp_http_port": otlp_http_port, "otlp_grpc_port": otlp_grpc_port}
    _run(["collect"], config, data_dir=data_dir, host=host, **ports)


@app.command()
def evaluate(config: ConfigFile = None, host: Host = None, port: RolePort = None) -> None:
    """Run an evaluator beside other processes: scores, drift, alerts. Several share the work."""
    _run(["evaluate"], config, host=host, port=port)


@app.command()
def dashboard(config: ConfigFile = None, data_dir: DataDir = None, host: Host = None, port: RolePort = None) -> None:
    """Run a dashboard beside other processes: UI and REST."""
    _run(["dashboard"], config, data_dir=data_dir, host=host, port=port)


def _run(roles: Collection[Role], config: Path | None, **options: Any) -> None:
    from watchkeeper.config import load_config
    from watchkeeper.up import run

    run(load_config(config, {"server": {key: value for key, value in options.items() if value is not None}}), roles)


@app.command()
def serve(
    config: ConfigFile = None,
    model: Annotated[Path | None, typer.Option(help="Folder with weights, config and tokenizer")] = None,
    model_name: Annotated[str | None, typer.Option(help="Name that clients ask for (default: the folder's)")] = None,
    host: Annotated[str | None, typer.Option(help="Loopback address to listen on (default: 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(help="0 picks a free one (default: 8700)")] = None,
    otlp: Annotated[str | None, typer.Option(help="Where traces go, such as http://127.0.0.1:4318")] = None,
) -> None:
    """Serve a local model with an OpenAI-compatible API that reports to Watchkeeper."""
    from serving.server import run
    from watchkeeper.config import load_config

    options = {
        "model_path": model,
        "model_name": model_name,
        "host": host,
        "port": port,
        "otlp_endpoint": otlp,
    }
    loaded = load_config(config, {"serving": {key: value for key, value in options.items() if value is not None}})
    assert loaded.serving is not None  # the options make the section
    try:
        run(loaded.serving)
    except (OSError, ValueError) as error:
        raise WatchkeeperError(str(error)) from error


@app.command()
def demo() -> None:
    """Watch a model change under real traffic: the drift, the alarm and the webhook, in three minutes."""
    from watchkeeper.demo.run import run

    run()


@app.command()
def version() -> None:
    """Print the version."""
    print(installed_version("watchkeeper"))


keys.add_to(app)
importing.add_to(app)
exporting.add_to(app)
drift.add_to(app)
check.add_to(app)
erase.add_to(app)
store.add_to(app)


def main() -> None:
    """Run the command; what a person can put right is one sentence on standard error and exit status 2."""
    try:
        app()
    except WatchkeeperError as error:
        print(f"watchkeeper: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(f"watchkeeper: this needs {error.name}; pip install 'watchkeeper[all]' brings it", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
