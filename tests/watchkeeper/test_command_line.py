"""`watchkeeper --help` and the small commands."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_help_lists_the_commands(run_watchkeeper: Run) -> None:
    result = run_watchkeeper("--help")
    assert result.returncode == 0
    assert all(command in result.stdout for command in ("up", "serve", "demo", "version"))


def test_version_is_that_of_the_installed_package(run_watchkeeper: Run) -> None:
    assert run_watchkeeper("version").stdout == version("watchkeeper") + "\n"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, watchkeeper.__main__; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"torch", "dash", "duckdb", "pyarrow", "fastapi", "pydantic", "numpy"} & set(loaded.stdout.split())


def test_an_unknown_option_is_refused(run_watchkeeper: Run) -> None:
    result = run_watchkeeper("up", "--prot", "1")
    assert result.returncode == 2
    assert "--port" in result.stderr


def test_serving_needs_a_model(run_watchkeeper: Run) -> None:
    result = run_watchkeeper("serve")
    assert result.returncode == 2
    assert "--model" in result.stderr
    assert "Traceback" not in result.stderr
