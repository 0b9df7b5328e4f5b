"""The real process over real sockets."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.watchkeeper import forked
from tests.watchkeeper.cluster import hook, start_role  # noqa: F401  # fixtures

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A running `watchkeeper up`."""

    process: subprocess.Popen[str]
    data_dir: Path
    ui: str
    otlp_http: str
    otlp_grpc: str

    @property
    def api(self) -> str:
        return f"{self.ui}/api/v1"

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL: nothing gets to tidy up."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "watchkeeper", *arguments]


def up_command(data_dir: Path, *arguments: str) -> list[str]:
    ports = ("--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0")
    return command("up", "--data-dir", str(data_dir), *ports, *arguments)


@pytest.fixture
def watchkeeper() -> Callable[..., list[str]]:
    """`watchkeeper("serve", ...)`: the command line of the installed program."""
    return command


@pytest.fixture
def run_watchkeeper(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command that is expected to end by itself, in an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return forked.run(arguments, cwd=tmp_path, environment=os.environ | environment, timeout_s=START_TIMEOUT_S)

    return run


@pytest.fixture
def start_platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Start the platform on free ports; the same data directory each time."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> Platform:
        data_dir = tmp_path / "data"
        process = subprocess.Popen(
            up_command(data_dir, *arguments), cwd=tmp_path, env=os.environ | environment, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        started.append(process)
        timer = threading.Timer(START_TIMEOUT_S, process.kill)
        timer.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        timer.cancel()
        assert line, f"no ready line; exit status {process.wait(STOP_TIMEOUT_S)}"
        ready = json.loads(line)
        assert ready.pop("event") == "ready"
        return Platform(process=process, data_dir=data_dir, **ready)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_TIMEOUT_S)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def platform(start_platform: Callable[..., Platform]) -> Platform:
    return start_platform()
