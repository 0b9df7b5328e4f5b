"""What keeps the process from starting is one sentence that says what to do."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def sentence_of(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("watchkeeper: ")
    return last


def up(run: Run, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ports = ("--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0")
    return run("up", *ports, *arguments, **environment)


@pytest.mark.parametrize("option", ["--port", "--otlp-http-port", "--otlp-grpc-port"])
def test_a_port_that_is_taken(run_watchkeeper: Run, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = sentence_of(up(run_watchkeeper, option, str(port)))
    assert f"127.0.0.1:{port}: another program listens there" in sentence
    assert option in sentence


def test_a_data_directory_that_another_process_holds(platform: Any, run_watchkeeper: Run) -> None:
    sentence = sentence_of(up(run_watchkeeper, "--data-dir", str(platform.data_dir)))
    assert f"in use by another Watchkeeper (process {platform.process.pid})" in sentence
    assert "--data-dir" in sentence


def test_a_data_directory_that_cannot_be_written(run_watchkeeper: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sentence = sentence_of(up(run_watchkeeper, "--data-dir", "file/data"))
    assert "cannot be written" in sentence
    assert "--data-dir" in sentence


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])
def test_an_address_that_others_can_reach_without_keys(run_watchkeeper: Run, host: str) -> None:
    sentence = sentence_of(up(run_watchkeeper, "--host", host, WATCHKEEPER_SERVER__AUTH="off"))
    assert f"server.auth: others can reach {host}, so it cannot be 'off'; leave it out" in sentence


def test_an_unknown_key_in_the_file(run_watchkeeper: Run, tmp_path: Path) -> None:
    (tmp_path / "watchkeeper.toml").write_text("[server]\nprot = 8600\n")
    sentence = sentence_of(up(run_watchkeeper))
    assert "watchkeeper.toml: server.prot: unknown, did you mean port?" in sentence


def test_a_file_that_is_not_there(run_watchkeeper: Run) -> None:
    assert "other.toml: cannot be read" in sentence_of(up(run_watchkeeper, "--config", "other.toml"))
