"""The real OpenTelemetry Collector and telemetrygen, built by Go once and kept in the cache of this user."""

import os
import shutil
import subprocess
from pathlib import Path

VERSION = "v0.160.0"
BUILDER = f"go.opentelemetry.io/collector/cmd/builder@{VERSION}"
GENERATOR = f"github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@{VERSION}"
DEPLOY = Path(__file__).parents[3] / "deploy" / "otel-collector"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "watchkeeper" / f"otel-collector-{VERSION}"


def collector_and_generator() -> tuple[Path, Path]:
    """The two programs. The first time this takes minutes, and the network.

    Raises:
        RuntimeError: there is no Go.
    """
    collector, generator = CACHE / "build" / "otelcol", CACHE / "bin" / "telemetrygen"
    if not generator.exists():
        _go("install", GENERATOR)
    if not collector.exists():
        _go("install", BUILDER)
        shutil.copy(DEPLOY / "builder.yaml", CACHE)
        subprocess.run(
            [CACHE / "bin" / "builder", "--config", "builder.yaml"], cwd=CACHE, env=_environment(), check=True
        )
    return collector, generator


def _go(*arguments: str) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", *arguments], env=_environment(), check=True)


def _environment() -> dict[str, str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/go/bin"])
    if shutil.which("go", path=path) is None:
        raise RuntimeError("the Collector is built by Go: install Go 1.25 or later, from https://go.dev/dl")
    return os.environ | {"PATH": path, "GOBIN": str(CACHE / "bin")}
